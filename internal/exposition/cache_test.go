package exposition

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"

	"datadog_org_connections_exporter/collector"
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

func TestHandler_EncodesAgainWhenAChangeIsTooOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(Options{Gatherer: prometheus.NewRegistry()}).(*handler) //nolint:forcetypeassert // a test may panic
		c := datadog.Connection{ID: "c", Types: []string{"logs"}}
		now := time.Now()
		view := inventory.View{Snapshot: &inventory.Snapshot{}, History: &inventory.History{Changes: []inventory.Change{
			{Kind: inventory.Added, At: now, Connection: c, Types: c.Types},
			{Kind: inventory.Removed, At: now.Add(-time.Hour), Connection: c, Types: c.Types},
		}}}
		shown := func() string {
			e, err := h.cached(view, encoding{format: expfmt.NewFormat(expfmt.TypeTextPlain)})
			if err != nil {
				t.Fatal(err)
			}
			return string(e.body)
		}
		for _, step := range []struct {
			after          time.Duration
			added, removed bool
		}{
			{0, true, true},
			{collector.ChangeMaxAge - time.Hour - time.Second, true, true},
			{time.Second, true, false},
			{time.Hour - time.Second, true, false},
			{time.Second, false, false},
		} {
			time.Sleep(step.after) // virtual
			if got := shown(); strings.Contains(got, `change="added"`) != step.added || strings.Contains(got, `change="removed"`) != step.removed {
				t.Errorf("%v later:\n%s", step.after, got)
			}
		}
	})
}
