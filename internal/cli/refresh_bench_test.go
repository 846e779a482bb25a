package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"datadog_org_connections_exporter/datadog/fake"
	"datadog_org_connections_exporter/internal/exposition"
	"datadog_org_connections_exporter/internal/inventory"
)

// BenchmarkRefresh reads, merges and shows an account of which nothing is known, from
// an API that costs nothing: its answers are drawn once.
func BenchmarkRefresh(b *testing.B) {
	for _, size := range []int{10_000, 100_000} {
		b.Run(fmt.Sprintf("connections=%d", size), func(b *testing.B) {
			account, org := fake.Star(fake.Options{}, size, 1)
			client := benchClient(b, account.Keys(org).Token, &drawn{account: account})
			request := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/metrics", nil)
			request.Header.Set("Accept-Encoding", "gzip")
			refresh := func() {
				known := inventory.New(b.Context(), []inventory.Org{{Name: "default", Lister: client}}, inventory.Options{})
				known.Refresh(b.Context())
				if got := len(known.View().Snapshot.Connections); got != size {
					b.Fatalf("there are %d connections, want %d", got, size)
				}
				exposition.New(exposition.Options{
					Inventory: known, Others: prometheus.NewRegistry(), HandlerOpts: promhttp.HandlerOpts{},
				}).ServeHTTP(httptest.NewRecorder(), request)
			}
			refresh()
			b.ReportAllocs()
			for b.Loop() {
				refresh()
			}
		})
	}
}

// drawn answers a request as the account did the first time.
type drawn struct {
	account *fake.Server
	answers sync.Map // bodies by query
}

// RoundTrip implements [http.RoundTripper].
func (d *drawn) RoundTrip(r *http.Request) (*http.Response, error) {
	body, ok := d.answers.Load(r.URL.RawQuery)
	if !ok {
		recorder := httptest.NewRecorder()
		d.account.ServeHTTP(recorder, r)
		body = recorder.Body.String()
		d.answers.Store(r.URL.RawQuery, body)
	}
	return &http.Response{
		StatusCode: http.StatusOK,
		Header:     http.Header{},
		Body:       io.NopCloser(strings.NewReader(body.(string))), //nolint:forcetypeassert // there is nothing else in it
		Request:    r,
	}, nil
}
