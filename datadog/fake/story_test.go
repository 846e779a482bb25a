package fake_test

import (
	"strings"
	"testing"

	"datadog_org_connections_exporter/datadog/fake"
)

func TestNewStory_StepsChangeAnswersAndNameMetrics(t *testing.T) {
	s, org, steps := fake.NewStory()
	c := connect(t, s, org)
	if got := c.get("").page(t); got.Total != 9 {
		t.Fatalf("the story begins with %d connections", got.Total)
	}

	// The answer to Acme Security after each step: in appears in the body, out disappears from it.
	want := []struct {
		status, connections int
		in, out             string
	}{
		{200, 10, `"name":"Contractor Sandbox"`, ``},
		{200, 10, `"connection_types":["logs","metrics","audit"]`, ``},
		{200, 10, `"status":"Disabled"`, ``},
		{200, 10, `"Acme Payments Americas"`, `"Acme Payments US"`},
		{429, 0, `Too many requests`, ``},
		{200, 10, `Skunkworks`, ``},
		{200, 9, ``, `Skunkworks`},
		{502, 0, `<html>`, ``},
		{200, 9, `"Acme Security"`, ``},
		{200, 9, `"connection_types":["logs","metrics"]`, `"connection_types":["logs","metrics","audit"]`},
	}
	if len(steps) != len(want) {
		t.Fatalf("%d steps, want %d", len(steps), len(want))
	}
	for i, step := range steps {
		if step.Title == "" || !strings.Contains(step.Look, "datadog_") {
			t.Errorf("step %q: %q names no metric", step.Title, step.Look)
		}
		before := c.get("").body
		step.Do()
		got := c.get("")
		if got.status != want[i].status || !strings.Contains(got.body, want[i].in) {
			t.Errorf("%s: status %d, body %s", step.Title, got.status, got.body)
		}
		if want[i].in != "" && !step.Unseen && strings.Contains(before, want[i].in) {
			t.Errorf("%s: %s was in the body before", step.Title, want[i].in)
		}
		if want[i].out != "" && (strings.Contains(got.body, want[i].out) || !strings.Contains(before, want[i].out)) {
			t.Errorf("%s: %s does not disappear", step.Title, want[i].out)
		}
		if want[i].status == 200 && got.page(t).Total != want[i].connections {
			t.Errorf("%s: %d connections", step.Title, got.page(t).Total)
		}
	}
}
