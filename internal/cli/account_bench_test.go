package cli

import (
	"context"
	"net/http"
	"testing"
	"time"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/datadog/fake"
	"datadog_org_connections_exporter/internal/inventory"
)

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
		known := inventory.New(ctx, orgs, inventory.Options{})
		known.Refresh(ctx)
		if got := len(known.View().Snapshot.Connections); got != 2000 {
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
