package exposition

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
)

// What is the same is encoded once, and what was is not kept beside what is.
func TestARenderingIsKeptUntilTheInventoryChanges(t *testing.T) {
	snapshot := func(id string) *inventory.Snapshot {
		return inventory.NewSnapshot([]datadog.Connection{{ID: id, Types: []string{"logs"}}}, nil)
	}
	e := New(Options{Others: prometheus.NewRegistry()})
	text := variant{format: expfmt.NewFormat(expfmt.TypeTextPlain), compressed: true}
	metrics := variant{format: expfmt.NewFormat(expfmt.TypeOpenMetrics), compressed: true}
	render := func(s *inventory.Snapshot, way variant) *rendering {
		t.Helper()
		r, err := e.rendering(inventory.View{Snapshot: s}, way)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	first := snapshot("one")
	asText, asMetrics := render(first, text), render(first, metrics)
	if asText == asMetrics {
		t.Error("both formats are sent the same")
	}
	if render(first, text) != asText || render(first, metrics) != asMetrics {
		t.Error("the same was rendered again")
	}
	if render(snapshot("two"), text) == asText {
		t.Error("another inventory is sent as the first")
	}
	if len(e.made) != 1 {
		t.Errorf("%d renderings are kept of what was asked for in one way", len(e.made))
	}
}
