package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestAlertmanagerFindsItsTemplates(t *testing.T) {
	t.Parallel()
	said := accepts(t, programs.amtool, "check-config", deployedAlertmanager)
	if !strings.Contains(said, "1 templates") {
		t.Errorf("it does not find the template:\n%s", said)
	}
}

// alternatives are alerts that are named together, by what they do not share.
var alternatives = regexp.MustCompile(`DatadogOrgConnection\(([A-Za-z|]+)\)`)

// A misspelt name would silence nothing, or leave it unsent.
func TestAlertmanagerKnowsTheAlertsByTheirNames(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(deployedAlertmanager)
	if err != nil {
		t.Fatal(err)
	}
	var alerts []string
	for _, rule := range readRules(t, alertingRules...) {
		alerts = append(alerts, rule.Alert)
	}
	found := alternatives.FindAllStringSubmatch(string(content), -1)
	if len(found) < 3 {
		t.Fatalf("%d matchers name alerts: is this test about anything?", len(found))
	}
	for _, matcher := range found {
		for name := range strings.SplitSeq(matcher[1], "|") {
			if !slices.Contains(alerts, "DatadogOrgConnection"+name) {
				t.Errorf("%s names %s, which there is not", matcher[0], name)
			}
		}
	}
}

// Who gets which alert, by its labels.
func TestAlertsAreRoutedToThoseWhoActOnThem(t *testing.T) {
	t.Parallel()
	for alert, want := range map[string]string{
		"alertname=DatadogOrgConnectionUnexpected severity=critical":    "on-call",
		"alertname=DatadogOrgConnectionRemoved severity=warning":        "connections-happened",
		"alertname=DatadogOrgConnectionListingFailing severity=warning": "connections",
		"alertname=DatadogOrgConnectionBlindSpot severity=info":         "connections",
		"alertname=SomethingElse severity=critical":                     "others",
	} {
		args := append([]string{"config", "routes", "test", "--config.file=" + deployedAlertmanager}, strings.Fields(alert)...)
		if got := strings.TrimSpace(accepts(t, programs.amtool, args...)); got != want {
			t.Errorf("%s goes to %s, want %s", alert, got, want)
		}
	}
}

// A message with one alert that fires and one that has ended, as Alertmanager gives
// it to templates.
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

func TestMessagesNameOrgsTypeSeverityAndRunbook(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data.json")
	write(t, data, message)
	render := func(name string) string {
		return accepts(t, programs.amtool, "template", "render", "--template.data="+data,
			"--template.glob="+filepath.Join(filepath.Dir(deployedAlertmanager), "templates", "*.tmpl"),
			`--template.text={{ template "datadog_org_connections.`+name+`" . }}`)
	}
	if got, want := render("subject"), "[critical] 2 × DatadogOrgConnectionUnexpected of dd"; got != want {
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
	if got := render("text"); got != want {
		t.Errorf("the text is\n%s\nwant\n%s", got, want)
	}
}
