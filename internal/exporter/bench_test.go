package exporter

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/datadog/fake"
	"datadog_org_connections_exporter/internal/exposition"
	"datadog_org_connections_exporter/internal/inventory"
)

// BenchmarkRefresh reads, merges and shows an account of which nothing is known, from
// an API that costs nothing: its responses are recorded.
func BenchmarkRefresh(b *testing.B) {
	for _, size := range []int{10_000, 100_000} {
		b.Run(fmt.Sprintf("connections=%d", size), func(b *testing.B) {
			account, org := fake.Star(fake.Options{}, size, 1)
			client := benchClient(b, account.Keys(org).Token, &recordedAPI{account: account})
			request := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/metrics", nil)
			request.Header.Set("Accept-Encoding", "gzip")
			refresh := func() {
				inv := inventory.New(b.Context(), []inventory.Org{{Name: "default", Lister: client}}, inventory.Options{})
				inv.Refresh(b.Context())
				if got := len(inv.View().Snapshot.Connections); got != size {
					b.Fatalf("there are %d connections, want %d", got, size)
				}
				exposition.New(exposition.Options{
					Inventory: inv, Gatherer: prometheus.NewRegistry(), HandlerOpts: promhttp.HandlerOpts{},
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

// BenchmarkRefreshWithState reads and shows an account again and again, without and with
// a state directory, which is written meanwhile.
func BenchmarkRefreshWithState(b *testing.B) {
	const size = 10_000
	for _, stored := range []bool{false, true} {
		b.Run(fmt.Sprintf("stored=%v", stored), func(b *testing.B) {
			account, org := fake.Star(fake.Options{}, size, 1)
			client := benchClient(b, account.Keys(org).Token, &recordedAPI{account: account})
			request := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/metrics", nil)
			request.Header.Set("Accept-Encoding", "gzip")
			options := inventory.Options{TTL: time.Nanosecond}
			ctx, cancel := context.WithCancel(b.Context())
			if stored {
				state, storage, closeStorage := openStorage(b.TempDir(), log.NewNopLogger())
				options.Storage, options.State = storage, state
				defer closeStorage()
			}
			inv := inventory.New(ctx, []inventory.Org{{Name: "default", Lister: client}}, options)
			var writer sync.WaitGroup
			writer.Go(inv.Store)
			defer writer.Wait()
			defer cancel()
			handler := exposition.New(exposition.Options{Inventory: inv, Gatherer: prometheus.NewRegistry(), HandlerOpts: promhttp.HandlerOpts{}})
			refresh := func() {
				inv.Refresh(ctx)
				handler.ServeHTTP(httptest.NewRecorder(), request)
			}
			refresh()
			for b.Loop() {
				refresh()
			}
			if v := inv.View(); len(v.Snapshot.Connections) != size || v.WriteFailures > 0 {
				b.Fatalf("%d connections, %d writes failed", len(v.Snapshot.Connections), v.WriteFailures)
			}
		})
	}
}

// recordedAPI repeats the account's first response to each request.
type recordedAPI struct {
	account   *fake.Server
	responses sync.Map // bodies by query
}

// RoundTrip implements [http.RoundTripper].
func (d *recordedAPI) RoundTrip(r *http.Request) (*http.Response, error) {
	body, ok := d.responses.Load(r.URL.RawQuery)
	if !ok {
		recorder := httptest.NewRecorder()
		d.account.ServeHTTP(recorder, r)
		body = recorder.Body.String()
		d.responses.Store(r.URL.RawQuery, body)
	}
	return &http.Response{
		StatusCode: http.StatusOK,
		Header:     http.Header{},
		Body:       io.NopCloser(strings.NewReader(body.(string))), //nolint:forcetypeassert // there is nothing else in it
		Request:    r,
	}, nil
}

// BenchmarkColdRefreshOf200Orgs lists 200 orgs whose API takes 50 ms to answer.
// One after the other they would take 200 round trips; the metric is how many of
// them a refresh takes.
func BenchmarkColdRefreshOf200Orgs(b *testing.B) {
	const latency = 50 * time.Millisecond
	account := fake.Mesh(fake.Options{Latency: latency}, 200, 2000, 1)
	transport, stop := fake.InMemory(account)
	defer stop()
	transport.MaxIdleConnsPerHost = 64

	var orgs []inventory.Org
	for _, org := range account.Orgs() {
		orgs = append(orgs, inventory.Org{Name: org.ID, Lister: benchClient(b, account.Keys(org.ID).Token, transport)})
	}
	for b.Loop() {
		ctx, cancel := context.WithCancel(b.Context())
		inv := inventory.New(ctx, orgs, inventory.Options{})
		inv.Refresh(ctx)
		if got := len(inv.View().Snapshot.Connections); got != 2000 {
			b.Fatalf("%d connections", got)
		}
		cancel()
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(latency), "roundtrips/op")
}

func benchClient(b *testing.B, token string, transport http.RoundTripper) *datadog.Client {
	b.Helper()
	secret, err := datadog.NewSecret("token", token)
	if err != nil {
		b.Fatal(err)
	}
	client, err := datadog.New(datadog.Options{Credentials: datadog.Credentials{AccessToken: secret}, Transport: transport})
	if err != nil {
		b.Fatal(err)
	}
	return client
}
