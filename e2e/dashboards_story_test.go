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

// silent are the questions to which the demo's story has no answer, and why.
var silent = map[string]string{
	"When rules end (table A)": "the demo's policy has no rule that expires",
	"Configuration (stat A)":   "the demo has no configuration file",
	"Exporters (table C)":      "the demo has no configuration file",
	"Exporters (table D)":      "the demo has no configuration file",
	"annotation Reload":        "the demo has no configuration file",
}

// Whoever runs the demo sees every panel filled in the course of the story, but for
// those above: none asks in vain.
func TestDashboards_ShowDemoInEveryPanel(t *testing.T) {
	t.Parallel()
	demo := start(t, programs.exporter, "demo", "--web.listen-address=127.0.0.1:0", "--demo.pace=5s")
	began := time.Now()
	server := startPrometheus(t, readDeployed(t, "prometheus.yml").from(demo))

	for _, file := range []string{"inventory.json", "exporter.json"} {
		open := slices.DeleteFunc(readDashboard(t, file).questions(t), func(q question) bool { return silent[q.by] != "" })
		eventually(t, "an answer to every question of "+file, func() error {
			var unanswered []string
			open = slices.DeleteFunc(open, func(q question) bool {
				if server.answers(t, q, began) {
					return true
				}
				unanswered = append(unanswered, q.by)
				return false
			})
			if len(open) > 0 {
				return fmt.Errorf("there is none to %q", unanswered)
			}
			return nil
		})
	}

	eventually(t, "the end of the story", func() error {
		if !strings.Contains(demo.log.String(), "The story is over") {
			return fmt.Errorf("it goes on")
		}
		return nil
	})
	for _, file := range []string{"inventory.json", "exporter.json"} {
		for _, q := range readDashboard(t, file).questions(t) {
			if why := silent[q.by]; why != "" && server.answers(t, q, began) {
				t.Errorf("%s: %s has an answer, although %s", file, q.by, why)
			}
		}
	}
}

// answers tells whether a question had an answer at some time since.
func (p prometheus) answers(t *testing.T, q question, since time.Time) bool {
	t.Helper()
	value, _, _, err := p.api.QueryRange(t.Context(), q.about("5s"), v1.Range{Start: since, End: time.Now(), Step: time.Second})
	if err != nil {
		t.Fatalf("%s: %v", q.by, err)
	}
	matrix, ok := value.(model.Matrix)
	return ok && len(matrix) > 0
}
