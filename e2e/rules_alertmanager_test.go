package e2e

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// alternatives matches a regular expression of alert names.
var alternatives = regexp.MustCompile(`DatadogOrgConnection\(([A-Za-z|]+)\)`)

// A matcher with a misspelt name would have no effect.
func TestAlertmanagerConfig_NamesExistingAlerts(t *testing.T) {
	t.Parallel()
	var alerts []string
	for _, rule := range readAlerts(t) {
		alerts = append(alerts, rule.Alert)
	}
	found := alternatives.FindAllStringSubmatch(string(readFile(t, deployedAlertmanager)), -1)
	if len(found) < 3 {
		t.Fatalf("%d matchers name alerts: the test would check nothing", len(found))
	}
	for _, matcher := range found {
		for name := range strings.SplitSeq(matcher[1], "|") {
			if !slices.Contains(alerts, "DatadogOrgConnection"+name) {
				t.Errorf("%s names %s, which does not exist", matcher[0], name)
			}
		}
	}
}

// The receiver of an alert depends on its labels.
func TestAlertmanagerConfig_RoutesAlerts(t *testing.T) {
	t.Parallel()
	for alert, want := range map[string]string{
		"alertname=DatadogOrgConnectionUnexpected severity=critical":    "on-call",
		"alertname=DatadogOrgConnectionRemoved severity=warning":        "connections-happened",
		"alertname=DatadogOrgConnectionListingFailing severity=warning": "connections",
		"alertname=DatadogOrgConnectionBlindSpot severity=info":         "connections",
		"alertname=SomethingElse severity=critical":                     "others",
	} {
		args := append([]string{"config", "routes", "test", "--config.file=" + deployedAlertmanager}, strings.Fields(alert)...)
		if got := strings.TrimSpace(mustRun(t, programs.amtool, args...)); got != want {
			t.Errorf("%s goes to %s, want %s", alert, got, want)
		}
	}
}

// message is a message with a firing and a resolved alert, as Alertmanager passes it to
// templates.
const message = `{
	"status": "firing", "receiver": "on-call", "externalURL": "http://alertmanager.example.com",
	"commonLabels": {"alertname": "DatadogOrgConnectionUnexpected", "job": "dd", "severity": "critical"},
	"alerts": [{
		"status": "firing", "startsAt": "2026-03-01T08:30:00+01:00", "generatorURL": "http://prometheus.example.com/graph",
		"labels": {"alertname": "DatadogOrgConnectionUnexpected", "job": "dd", "severity": "critical", "connection_type": "audit"},
		"annotations": {
			"summary": "Unexpected: Payments & Söhne shares audit with <Security>",
			"description": "Payments & Söhne (pay-id) shares audit with <Security> (sec-id), which no rule of the policy allows.",
			"runbook_url": "https://runbooks.example.com/x.md#unexpected"
		}
	}, {
		"status": "resolved", "startsAt": "2026-03-01T07:00:00Z", "endsAt": "2026-03-01T07:20:00Z",
		"labels": {"alertname": "DatadogOrgConnectionUnexpected", "job": "dd", "severity": "critical", "connection_type": "logs"},
		"annotations": {"summary": "Unexpected: Lake shares logs with Security", "description": "Lake (lake-id) shares logs.", "runbook_url": "https://runbooks.example.com/x.md#unexpected"}
	}]
}`

// render returns the text of a template in the deployed configuration, for message.
func render(t *testing.T, template string) string {
	t.Helper()
	var config struct{ Templates []string }
	if err := yaml.Unmarshal(readFile(t, deployedAlertmanager), &config); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(t.TempDir(), "data.json")
	write(t, data, message)
	args := []string{"template", "render", "--template.data=" + data, "--template.text=" + template}
	for _, files := range config.Templates {
		args = append(args, "--template.glob="+filepath.Join(filepath.Dir(deployedAlertmanager), files))
	}
	return mustRun(t, programs.amtool, args...)
}

var templates = regexp.MustCompile(`\{\{ template "[^"]+" \. \}\}`)

// amtool check-config does not check this.
func TestAlertmanagerConfig_NamesExistingTemplates(t *testing.T) {
	t.Parallel()
	named := templates.FindAllString(string(readFile(t, deployedAlertmanager)), -1)
	if len(named) < 2 {
		t.Fatalf("receivers name %q: the test would check nothing", named)
	}
	slices.Sort(named)
	for _, template := range slices.Compact(named) {
		if strings.TrimSpace(render(t, template)) == "" {
			t.Errorf("%s renders to nothing", template)
		}
	}
}

func TestAlertmanagerTemplates_RenderMessage(t *testing.T) {
	t.Parallel()
	if got, want := render(t, `{{ template "datadog_org_connections.subject" . }}`), "[critical] 2 × DatadogOrgConnectionUnexpected of dd"; got != want {
		t.Errorf("the subject is %q, want %q", got, want)
	}
	const want = `Unexpected: Payments & Söhne shares audit with <Security>
Payments & Söhne (pay-id) shares audit with <Security> (sec-id), which no rule of the policy allows.
Severity: critical, since 2026-03-01 07:30 UTC
Runbook: https://runbooks.example.com/x.md#unexpected
Prometheus: http://prometheus.example.com/graph

RESOLVED

Unexpected: Lake shares logs with Security
Lake (lake-id) shares logs.
Severity: critical, since 2026-03-01 07:00 UTC, until 2026-03-01 07:20 UTC
Runbook: https://runbooks.example.com/x.md#unexpected

Silence: http://alertmanager.example.com
`
	if got := render(t, `{{ template "datadog_org_connections.text" . }}`); got != want {
		t.Errorf("the text is\n%s\nwant\n%s", got, want)
	}
}
