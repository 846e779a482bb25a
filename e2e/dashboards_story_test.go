package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// unansweredInDemo are the queries without a result in the demo, and why.
var unansweredInDemo = map[string]string{
	"Rule expiry (table A)":      "the demo's policy has no rule that expires",
	"Discovery failing (stat A)": "the demo discovers no orgs",
	"Configuration (stat A)":     "the demo has no configuration file",
	"Exporters (table C)":        "the demo has no configuration file",
	"Exporters (table D)":        "the demo has no configuration file",
	"annotation Reload":          "the demo has no configuration file",
}

// In the course of the demo every panel shows data, except those above.
func TestDashboards_ShowDemoInEveryPanel(t *testing.T) {
	t.Parallel()
	demo := start(t, programs.exporter, "demo", "--web.listen-address=127.0.0.1:0", "--demo.pace=5s")
	began := time.Now()
	server := startPrometheus(t, readDeployed(t, "prometheus.yml").from(demo))

	for _, file := range []string{"inventory.json", "exporter.json"} {
		open := slices.DeleteFunc(readDashboard(t, file).queries(t), func(q panelQuery) bool { return unansweredInDemo[q.by] != "" })
		eventually(t, "a result for every query of "+file, func() error {
			var unanswered []string
			open = slices.DeleteFunc(open, func(q panelQuery) bool {
				if server.hasAnswer(t, q, began) {
					return true
				}
				unanswered = append(unanswered, q.by)
				return false
			})
			if len(open) > 0 {
				return fmt.Errorf("no result for %q", unanswered)
			}
			return nil
		})
	}

	eventually(t, "the end of the story", func() error {
		if !strings.Contains(demo.log.String(), "The story is over") {
			return fmt.Errorf("the story is not over")
		}
		return nil
	})
	for _, file := range []string{"inventory.json", "exporter.json"} {
		for _, q := range readDashboard(t, file).queries(t) {
			if why := unansweredInDemo[q.by]; why != "" && server.hasAnswer(t, q, began) {
				t.Errorf("%s: %s has a result, although %s", file, q.by, why)
			}
		}
	}
}

// hasAnswer reports whether a query had a result at any time since.
func (p prometheus) hasAnswer(t *testing.T, q panelQuery, since time.Time) bool {
	t.Helper()
	value, _, _, err := p.api.QueryRange(t.Context(), q.expand(5*time.Second), v1.Range{Start: since, End: time.Now(), Step: time.Second})
	if err != nil {
		t.Fatalf("%s: %v", q.by, err)
	}
	matrix, ok := value.(model.Matrix)
	return ok && len(matrix) > 0
}
