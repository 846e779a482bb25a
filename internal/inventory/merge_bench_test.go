package inventory

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"datadog_org_connections_exporter/datadog"
)

// BenchmarkMerge makes a snapshot of what two orgs list that see the same
// connections of 500 others, and compares it with the one before.
func BenchmarkMerge(b *testing.B) {
	for _, size := range []int{10_000, 100_000} {
		b.Run(fmt.Sprintf("connections=%d", size), func(b *testing.B) {
			before, nobody := &merged{}, &observation{}
			before.of(justListed(size), nobody)
			orgs := justListed(size)
			b.ReportAllocs()
			for b.Loop() {
				if m := *before; m.of(orgs, nobody) != before.snapshot {
					b.Fatal("the same is taken for another")
				}
			}
		})
	}
}

// justListed are two orgs that have just been listed.
func justListed(size int) []*org {
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
	slices.SortFunc(listing.Connections, func(a, b datadog.Connection) int { return cmp.Compare(a.ID, b.ID) })
	second := *listing
	return []*org{{name: "one", listing: listing}, {name: "two", listing: &second}}
}

// BenchmarkObserve finds whose credentials made listings that do not tell by
// themselves: those of orgs with one connection each, and of the one that all of them
// are connected with.
func BenchmarkObserve(b *testing.B) {
	for _, size := range []int{100, 1000} {
		b.Run(fmt.Sprintf("orgs=%d", size), func(b *testing.B) {
			hub := &datadog.Listing{Complete: true}
			orgs := []*org{{name: "hub", listing: hub, self: "hub"}}
			for n := range size {
				c := datadog.Connection{ID: fmt.Sprint("c", n), SourceID: fmt.Sprint("s", n), SinkID: "hub"}
				hub.Connections = append(hub.Connections, c)
				orgs = append(orgs, &org{name: c.SourceID, listing: &datadog.Listing{Complete: true, Connections: []datadog.Connection{c}}})
			}
			b.ReportAllocs()
			for b.Loop() {
				if seen := observers(orgs); len(seen.observed) != size+1 {
					b.Fatalf("%d orgs are observed, want %d", len(seen.observed), size+1)
				}
			}
		})
	}
}
