package web_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/policy"
	"datadog_org_connections_exporter/internal/web"
)

// large returns a handler of a view with many connections among a tenth as many orgs, one in
// a hundred of them unexpected.
func large(t testing.TB, size int) http.Handler {
	t.Helper()
	var connections []datadog.Connection
	var orgs []inventory.OrgInfo
	orgCount := max(size/10, 2)
	for n := range orgCount {
		orgs = append(orgs, inventory.OrgInfo{Org: datadog.Org{ID: uuid(n), Name: fmt.Sprintf("Acme Team %d of the department for long names", n)}, Observed: datadog.Yes})
	}
	history := &inventory.History{Start: now.AddDate(-1, 0, 0)}
	for n := range size {
		c := datadog.Connection{
			ID: uuid(100_000 + n), SourceID: uuid(n % orgCount), SinkID: uuid((n*7 + n/orgCount + 1) % orgCount),
			Types: []string{"audit", "logs", "metrics"}, CreatedAt: now.AddDate(0, 0, -n%900), Creator: datadog.Creator{ID: "robot", Kind: datadog.CreatorUser},
		}
		connections = append(connections, c)
		history.Changes = append(history.Changes, inventory.Change{Kind: inventory.Added, At: now.Add(-time.Duration(n) * time.Hour), Found: now, Connection: c, Types: c.Types, SourceName: "a", SinkName: "b"})
	}
	snapshot := inventory.NewSnapshot(connections, orgs)
	p, err := policy.Parse("policy.yml", policy.Baseline(inventory.NewSnapshot(connections[size/100:], nil)))
	if err != nil {
		t.Fatal(err)
	}
	var current policy.Current
	current.Set(p)
	view := inventory.View{
		Snapshot: snapshot, History: history,
		Orgs: []inventory.OrgState{{Name: "default", Up: true, Listing: &datadog.Listing{Began: now, Complete: true, Connections: connections}}},
	}
	return newHandler(&stubInventory{view: view}, func(o *web.Options) { o.Judge = policy.NewJudge(&current) })
}

// Of 10,000 connections, a page is there within 20 ms.
func BenchmarkPages(b *testing.B) {
	handler := large(b, 10_000)
	for _, path := range []string{
		"/", "/?page=50", "/?q=team+77", "/?org=Acme+Team+77*&sort=created", "/?expectation=unexpected", "/history", "/orgs/" + uuid(5), "/api/v1/inventory", "/api/v1/status",
	} {
		b.Run(path, func(b *testing.B) {
			var size int
			for b.Loop() {
				response := get(handler, path, "Accept-Encoding", "gzip")
				if response.Code != http.StatusOK {
					b.Fatal(response.Body)
				}
				size = response.Body.Len()
			}
			b.ReportMetric(float64(size)/1000, "kB/page")
		})
	}
}
