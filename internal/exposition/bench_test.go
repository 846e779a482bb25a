package exposition_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"datadog_org_connections_exporter/collector"
	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/exposition"
	"datadog_org_connections_exporter/internal/inventory"
)

// newInventory returns an inventory of size connections among 500 orgs.
func newInventory(size int) *stubInventory {
	id := func(kind, n int) string { return fmt.Sprintf("%08x-5a5a-4b4b-8c8c-%012x", kind, n) }
	var orgs []inventory.OrgInfo
	for n := range 500 {
		orgs = append(orgs, inventory.OrgInfo{
			Org:      datadog.Org{ID: id(1, n), Name: fmt.Sprintf("Acme Team %d", n), PublicID: fmt.Sprint("p", n), Sharing: "all_private", Disabled: datadog.No},
			Observed: datadog.Yes,
		})
	}
	var connections []datadog.Connection
	for n := range size {
		connections = append(connections, datadog.Connection{
			ID: id(2, n), SourceID: orgs[n%500].ID, SinkID: orgs[(n/500+n+1)%500].ID, Types: []string{"logs", "metrics"},
			CreatedAt: time.Unix(1_700_000_000+int64(n), 0), Creator: datadog.Creator{ID: id(3, n%50), Kind: datadog.CreatorServiceAccount, Disabled: datadog.No},
		})
	}
	return &stubInventory{view: inventory.View{Snapshot: inventory.NewSnapshot(connections, orgs)}}
}

// newRequest returns a scrape of Prometheus.
func newRequest(ctx context.Context) *http.Request {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/metrics", nil)
	r.Header.Set("Accept", "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5")
	r.Header.Set("Accept-Encoding", "gzip")
	return r
}

// sizes are numbers of connections.
var sizes = []int{10_000, 100_000}

// BenchmarkScrape compares a handler that has the exposition cached with promhttp.
func BenchmarkScrape(b *testing.B) {
	for _, size := range sizes {
		inv := newInventory(size)
		registry := prometheus.NewRegistry()
		registry.MustRegister(collector.New(inv, 0))
		for name, handler := range map[string]http.Handler{
			"cached=false": promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true}),
			"cached=true":  newHandler(inv),
		} {
			b.Run(fmt.Sprintf("%s/connections=%d", name, size), func(b *testing.B) {
				handler.ServeHTTP(discard{http.Header{}}, newRequest(b.Context())) // fills the cache
				b.ReportAllocs()
				for b.Loop() {
					handler.ServeHTTP(discard{http.Header{}}, newRequest(b.Context()))
				}
			})
		}
	}
}

// BenchmarkEncode is the first scrape after a change.
func BenchmarkEncode(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("connections=%d", size), func(b *testing.B) {
			inv := newInventory(size)
			b.ReportAllocs()
			for b.Loop() {
				newHandler(inv).ServeHTTP(discard{http.Header{}}, newRequest(b.Context()))
			}
		})
	}
}

func newHandler(inv collector.Inventory) http.Handler {
	return exposition.New(exposition.Options{
		Inventory: inv, Gatherer: prometheus.NewRegistry(), HandlerOpts: promhttp.HandlerOpts{EnableOpenMetrics: true},
	})
}

// discard is an [http.ResponseWriter] that drops the response.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return io.Discard.Write(p) }
func (d discard) WriteHeader(int)             {}
