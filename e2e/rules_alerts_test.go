package e2e

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

const runbooksFile = "../docs/runbooks.md"

var alertName = regexp.MustCompile(`^DatadogOrgConnection([A-Z][a-z]+)+$`)

func TestAlertRules_HaveSeverityAnnotationsAndRunbook(t *testing.T) {
	t.Parallel()
	taken := map[string]bool{}
	for _, rule := range readAlerts(t) {
		if !alertName.MatchString(rule.Alert) || taken[rule.Alert] {
			t.Errorf("%s: %q is not a valid alert name, or a duplicate", rule.file, rule.Alert)
		}
		taken[rule.Alert] = true
		if got := rule.Labels["severity"]; len(rule.Labels) != 1 || !slices.Contains([]string{"critical", "warning", "info"}, got) {
			t.Errorf("%s has the labels %v, want a severity and no more", rule.Alert, rule.Labels)
		}
		for _, name := range []string{"summary", "description", "runbook_url"} {
			if rule.Annotations[name] == "" {
				t.Errorf("%s has no %s", rule.Alert, name)
			}
		}
		// The address before the anchor is tested in packaging.
		if _, got, _ := strings.Cut(rule.Annotations["runbook_url"], "#"); got != strings.ToLower(rule.Alert) {
			t.Errorf("the runbook of %s is at #%s", rule.Alert, got)
		}
	}
}

// orgNameTemplate returns the template of an org's name, or of its id if the name is
// unknown.
func orgNameTemplate(label string) string {
	return `{{ with printf "datadog_org:name{org_id=%q}" $labels.` + label + ` | query }}{{ . | first | label "org_name" }}{{ else }}{{ $labels.` + label + ` }}{{ end }}`
}

// The annotations mention what the labels identify: orgs by name and id, and the rest by
// value.
func TestAlertRules_MentionTheirLabels(t *testing.T) {
	t.Parallel()
	about, ofOrgs := newLabelChecker().checkRules(t, readRules(t)), 0
	for _, rule := range readAlerts(t) {
		summary, description := rule.Annotations["summary"], rule.Annotations["description"]
		for _, label := range about[rule.Alert] {
			value := "{{ $labels." + label + " }}"
			switch {
			case strings.HasSuffix(label, "_org_id") || label == "org_id":
				ofOrgs++
				if !strings.Contains(summary, orgNameTemplate(label)) || !strings.Contains(description, orgNameTemplate(label)+" ("+value+")") {
					t.Errorf("%s does not name the org %s by its name in the summary, and by name and id in the description", rule.Alert, label)
				}
			case label == "connection_type" || label == "rule" || label == "org":
				if !strings.Contains(summary, value) || !strings.Contains(description, value) {
					t.Errorf("%s does not mention its %s", rule.Alert, label)
				}
			}
		}
	}
	if ofOrgs < 10 {
		t.Errorf("%d orgs are named: the test would check nothing", ofOrgs)
	}
}

// heading matches a section of a page, link a link to a section of the same page.
var (
	heading = regexp.MustCompile(`(?m)^## (.+)$`)
	link    = regexp.MustCompile(`\]\(#([^)]+)\)`)
)

// anchor returns the anchor that GitHub makes of a heading.
func anchor(heading string) string { return strings.ReplaceAll(strings.ToLower(heading), " ", "-") }

func TestRunbooks_MatchAlertRules(t *testing.T) {
	t.Parallel()
	page := string(readFile(t, runbooksFile))
	var sections, alerts []string
	anchors := map[string]bool{}
	for _, found := range heading.FindAllStringSubmatch(page, -1) {
		anchors[anchor(found[1])] = true
		if strings.HasPrefix(found[1], "DatadogOrgConnection") {
			sections = append(sections, found[1])
		}
	}
	for _, rule := range readAlerts(t) {
		alerts = append(alerts, rule.Alert)
	}
	slices.Sort(sections)
	slices.Sort(alerts)
	if !slices.Equal(sections, alerts) {
		t.Errorf("there are runbooks of %q, want of %q", sections, alerts)
	}
	for _, found := range link.FindAllStringSubmatch(page, -1) {
		if !anchors[found[1]] {
			t.Errorf("%s links to #%s, which does not exist", runbooksFile, found[1])
		}
	}
	// The runbook must state the severity of the alert.
	for _, rule := range readAlerts(t) {
		if want := "## " + rule.Alert + "\n\n*" + rule.Labels["severity"] + ".* "; !strings.Contains(page, want) {
			t.Errorf("the runbook of %s does not begin with its severity, %s", rule.Alert, rule.Labels["severity"])
		}
	}
}

// The unit tests make every alert fire, and check its annotations.
func TestRuleTests_FireEveryAlert(t *testing.T) {
	t.Parallel()
	fired := map[string]bool{}
	for _, file := range glob(t, "tests/*.yml") {
		var written struct {
			Tests []struct {
				AlertRuleTest []struct {
					Alertname string
					ExpAlerts []struct {
						ExpAnnotations map[string]string `yaml:"exp_annotations"`
					} `yaml:"exp_alerts"`
				} `yaml:"alert_rule_test"`
			}
		}
		if err := yaml.Unmarshal(readFile(t, file), &written); err != nil {
			t.Fatalf("%s: %v", filepath.Base(file), err)
		}
		for _, test := range written.Tests {
			for _, c := range test.AlertRuleTest {
				for _, alert := range c.ExpAlerts {
					fired[c.Alertname] = fired[c.Alertname] || len(alert.ExpAnnotations) == 3
				}
			}
		}
	}
	for _, rule := range readAlerts(t) {
		if !fired[rule.Alert] {
			t.Errorf("no test makes %s fire", rule.Alert)
		}
	}
}
