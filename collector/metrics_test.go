package collector_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"datadog_org_connections_exporter/collector"
)

//go:generate go test -run ^TestMetrics_Documentation -update .

// docs/metrics.md is written from the table of metrics.
func TestMetrics_Documentation(t *testing.T) {
	var doc bytes.Buffer
	fmt.Fprint(&doc, `# Metrics

Generated from the code by `+"`make generate`"+`. Names, labels and meanings are stable: metrics may be added, but none is changed or removed.

The label `+"`org`"+` is the name of a set of credentials in the configuration file, `+"`default`"+` without a file. The labels that end in `+"`_org_id`"+`
identify Datadog's orgs; their names may change.

| Metric | Type | Labels | Meaning |
| --- | --- | --- | --- |
`)
	for _, m := range collector.Metrics() {
		labels := make([]string, len(m.Labels))
		for n, label := range m.Labels {
			labels[n] = "`" + label + "`"
		}
		fmt.Fprintf(&doc, "| `%s` | %s | %s | %s |\n", m.Name, m.Type, strings.Join(labels, ", "), m.Help)
	}
	wantFile(t, doc.Bytes(), filepath.Join("..", "docs", "metrics.md"))
}

// Labels never hold names, e-mail addresses or handles of users.
func TestMetrics_NoPersonalData(t *testing.T) {
	for _, m := range collector.Metrics() {
		for _, label := range m.Labels {
			if slices.Contains([]string{"email", "handle", "user", "user_name", "creator", "creator_name", "creator_email"}, label) {
				t.Errorf("%s has the label %s", m.Name, label)
			}
		}
	}
}

func TestMetrics_AreAllThatIsCollected(t *testing.T) {
	run(t, company, func(t *testing.T, s stack) {
		s.setPolicy(t)
		s.discover()
		s.inventory.Refresh(t.Context())
		s.api.SetTypes("c02", "logs")
		time.Sleep(time.Minute) // virtual
		s.inventory.Refresh(t.Context())
		families, err := s.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		var shown, table []string
		for _, family := range families {
			shown = append(shown, family.GetName()+" "+strings.ToLower(family.GetType().String())+" "+family.GetHelp())
		}
		for _, m := range collector.Metrics() {
			table = append(table, m.Name+" "+m.Type+" "+m.Help)
		}
		slices.Sort(table)
		if !slices.Equal(shown, table) {
			t.Errorf("shown\n%s\nin the table\n%s", strings.Join(shown, "\n"), strings.Join(table, "\n"))
		}
	})
}
