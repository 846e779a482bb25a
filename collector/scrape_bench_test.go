package collector_test

import (
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
	"datadog_org_connections_exporter/inventory"
)

// BenchmarkScrape gathers and encodes 10,000 connections of 500 orgs, as text,
// compressed as scrapers ask for.
func BenchmarkScrape(b *testing.B) {
	v := &views{}
	id := func(kind, n int) string { return fmt.Sprintf("%08x-5a5a-4b4b-8c8c-%012x", kind, n) }
	var orgs []inventory.OrgInfo
	for n := range 500 {
		orgs = append(orgs, inventory.OrgInfo{
			Org:      datadog.Org{ID: id(1, n), Name: fmt.Sprintf("Acme Team %d", n), PublicID: fmt.Sprint("p", n), Sharing: "all_private", Disabled: datadog.No},
			Observed: datadog.Yes,
		})
	}
	var connections []datadog.Connection
	for n := range 10_000 {
		connections = append(connections, datadog.Connection{
			ID: id(2, n), SourceID: orgs[n%500].ID, SinkID: orgs[(n/500+n+1)%500].ID, Types: []string{"logs", "metrics"},
			CreatedAt: time.Unix(1_700_000_000+int64(n), 0), Creator: datadog.Creator{ID: id(3, n%50), Kind: datadog.CreatorServiceAccount, Disabled: datadog.No},
		})
	}
	v.snapshot = *inventory.NewSnapshot(connections, orgs)
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector.New(v, 0))
	handler := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	request := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/metrics", nil)
	request.Header.Set("Accept-Encoding", "gzip")
	b.ReportAllocs()
	for b.Loop() {
		handler.ServeHTTP(discard{http.Header{}}, request)
	}
}

// discard is an http.ResponseWriter for nobody.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return io.Discard.Write(p) }
func (d discard) WriteHeader(int)             {}
