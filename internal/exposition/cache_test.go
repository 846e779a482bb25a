package exposition

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
)

func TestHandler_EncodesContentOnceAndDropsFormerContent(t *testing.T) {
	h := New(Options{Gatherer: prometheus.NewRegistry()}).(*handler) //nolint:forcetypeassert // a test may panic
	text := encoding{expfmt.NewFormat(expfmt.TypeTextPlain), promhttp.Gzip}
	openMetrics := encoding{expfmt.NewFormat(expfmt.TypeOpenMetrics), promhttp.Gzip}
	newSnapshot := func(id string) *inventory.Snapshot {
		return inventory.NewSnapshot([]datadog.Connection{{ID: id, Types: []string{"logs"}}}, nil)
	}
	cached := func(s *inventory.Snapshot, enc encoding) *encoded {
		t.Helper()
		e, err := h.cached(inventory.View{Snapshot: s}, enc)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	first := newSnapshot("one")
	asText, asOpenMetrics := cached(first, text), cached(first, openMetrics)
	if asText == asOpenMetrics {
		t.Error("two formats have one encoding")
	}
	if cached(first, text) != asText || cached(first, openMetrics) != asOpenMetrics {
		t.Error("the same snapshot was encoded again")
	}
	if cached(newSnapshot("two"), text) == asText {
		t.Error("another snapshot has the encoding of the first")
	}
	if len(h.encoded) != 1 {
		t.Errorf("%d encodings are cached, want 1 of the second snapshot", len(h.encoded))
	}
}
