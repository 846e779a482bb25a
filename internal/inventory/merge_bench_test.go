package inventory

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"datadog_org_connections_exporter/datadog"
)

// BenchmarkMerge merges the listings of two orgs that have the same connections among
// 500 orgs, and compares the result with the cached snapshot.
func BenchmarkMerge(b *testing.B) {
	for _, size := range []int{10_000, 100_000} {
		b.Run(fmt.Sprintf("connections=%d", size), func(b *testing.B) {
			var before snapshotCache
			observed := &observedOrgs{}
			before.get(twoOrgs(size), observed)
			orgs := twoOrgs(size)
			b.ReportAllocs()
			for b.Loop() {
				if cache := before; cache.get(orgs, observed) != before.snapshot {
					b.Fatal("an equal snapshot replaced the cached one")
				}
			}
		})
	}
}

// twoOrgs returns the inputs of two orgs with listings of the same content.
func twoOrgs(size int) []input {
	id := func(kind, n int) string { return fmt.Sprintf("%08x-5a5a-4b4b-8c8c-%012x", kind, n) }
	listing := &datadog.Listing{Complete: true, Began: time.Unix(1_800_000_000, 0)}
	for n := range 500 {
		listing.Orgs = append(listing.Orgs, datadog.Org{ID: id(1, n), Name: fmt.Sprint("Acme Team ", n)})
	}
	for n := range size {
		listing.Connections = append(listing.Connections, datadog.Connection{
			ID: id(2, n), SourceID: id(1, n%500), SinkID: id(1, (n/500+n+1)%500), Types: []string{"logs", "metrics"},
			CreatedAt: time.Unix(1_700_000_000+int64(n), 0), Creator: datadog.Creator{ID: id(3, n%50), Kind: datadog.CreatorServiceAccount},
		})
	}
	slices.SortFunc(listing.Connections, compareIDs)
	second := *listing
	return []input{{listing: listing}, {listing: &second}}
}

// BenchmarkInferObserved infers whose credentials made listings of one connection
// each, from the listing of the org that is the other end of all of them.
func BenchmarkInferObserved(b *testing.B) {
	for _, size := range []int{100, 1000} {
		b.Run(fmt.Sprintf("orgs=%d", size), func(b *testing.B) {
			hub := &datadog.Listing{Complete: true}
			inputs := []input{{listing: hub, orgID: "hub"}}
			for n := range size {
				c := datadog.Connection{ID: fmt.Sprint("c", n), SourceID: fmt.Sprint("s", n), SinkID: "hub"}
				hub.Connections = append(hub.Connections, c)
				inputs = append(inputs, input{listing: &datadog.Listing{Complete: true, Connections: []datadog.Connection{c}}})
			}
			b.ReportAllocs()
			var observed *observedOrgs
			for b.Loop() {
				observed = inferObserved(inputs)
			}
			for _, c := range hub.Connections {
				if observed.status(c.SourceID) != datadog.Yes {
					b.Fatalf("org %s is not observed", c.SourceID)
				}
			}
		})
	}
}
