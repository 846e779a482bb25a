package datadog

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// maxConnections bounds a listing, against a server whose pages never end. An account
// of 1,000 orgs, each connected with each, has as many.
const maxConnections = 1_000_000

// listingRead is the content of all pages, read once.
type listingRead struct {
	connections []Connection   // in the order of the pages; of duplicates the last, at the place of the first
	indexes     map[string]int // of connections, by id
	orgs        map[string]Org
	creators    map[string]Creator
	totals      map[int]bool // the distinct totals of the pages
	rows        int          // received, with duplicates: the next offset
	pageSize    int          // rows of a full page
	pages       int
}

// readPages reads page after page until the last. limit is the requested page size.
// It returns the first error of a page.
func readPages(ctx context.Context, fetch fetchFunc, limit int) (*listingRead, error) {
	prefetcher := newPrefetcher(ctx, fetch)
	defer prefetcher.stop()
	r := &listingRead{
		indexes:  map[string]int{},
		orgs:     map[string]Org{},
		creators: map[string]Creator{},
		totals:   map[int]bool{},
		pageSize: limit,
	}
	for {
		p, err := prefetcher.page(r.rows)
		if err != nil {
			return nil, err
		}
		if r.addPage(p) {
			return r, nil
		}
		if len(r.connections) > maxConnections {
			return nil, &Error{
				Reason: Incomplete,
				Op:     "list org connections",
				Detail: fmt.Sprintf("more than %d connections, and no last page", maxConnections),
			}
		}
		prefetcher.prefetch(r.rows, r.pageSize, p.total)
	}
}

// addPage adds a page and reports whether it is the last.
//
// The last page is one without new connections, empty or not: a server that repeats
// itself would do so for ever, and the total shows what it withholds. A page that is
// not full is the last only if the total is the number of rows so far: servers may
// return fewer rows than requested, and a total below the number of rows is wrong.
func (r *listingRead) addPage(p *page) (last bool) {
	before := len(r.connections)
	for _, o := range p.orgs {
		r.orgs[o.ID] = r.orgs[o.ID].Updated(o)
	}
	for _, c := range p.connections {
		r.addConnection(c)
	}
	maps.Copy(r.creators, p.creators)
	if p.total != unknownTotal {
		r.totals[p.total] = true
	}
	r.pages++
	r.rows += len(p.connections)

	full := len(p.connections) >= r.pageSize
	if r.pages == 1 {
		r.pageSize = min(r.pageSize, len(p.connections))
	}
	return len(r.connections) == before || !full && p.total == r.rows
}

// addConnection adds c, or replaces the one with its id. It interns the ids of the
// orgs: those of each page are strings of their own.
func (r *listingRead) addConnection(c Connection) {
	c.SourceID, c.SinkID = r.orgs[c.SourceID].ID, r.orgs[c.SinkID].ID
	if i, ok := r.indexes[c.ID]; ok {
		r.connections[i] = c
		return
	}
	r.indexes[c.ID] = len(r.connections)
	r.connections = append(r.connections, c)
}

// complete reports whether the total of every page that has one is the number of
// connections. Totals differ from page to page if rows were added or removed meanwhile.
func (r *listingRead) complete() bool {
	return len(r.totals) == 1 && r.totals[len(r.connections)]
}

// equal reports whether two reads have the same connections.
func (r *listingRead) equal(other *listingRead) bool {
	return slices.EqualFunc(r.sorted(), other.sorted(), func(a, b Connection) bool { return reflect.DeepEqual(a, b) })
}

// String returns the number of connections and the totals.
func (r *listingRead) String() string {
	switch totals := slices.Sorted(maps.Keys(r.totals)); len(totals) {
	case 0:
		return fmt.Sprintf("%d connections and no total", len(r.connections))
	case 1:
		return fmt.Sprintf("%d connections and a total of %d", len(r.connections), totals[0])
	default:
		return fmt.Sprintf("%d connections and totals from %d to %d", len(r.connections), totals[0], totals[len(totals)-1])
	}
}

// listing returns the content as a listing.
func (r *listingRead) listing() *Listing {
	l := &Listing{Complete: r.complete(), Pages: r.pages, Connections: r.sorted()}
	l.Orgs = slices.SortedFunc(maps.Values(r.orgs), func(a, b Org) int { return cmp.Compare(a.ID, b.ID) })
	for i := range l.Connections {
		creator := &l.Connections[i].Creator
		if described, ok := r.creators[creator.ID]; ok {
			*creator = described
		}
	}
	return l
}

// sorted returns the connections in the order of their ids.
func (r *listingRead) sorted() []Connection {
	sorted := slices.Clone(r.connections)
	slices.SortFunc(sorted, func(a, b Connection) int { return cmp.Compare(a.ID, b.ID) })
	return sorted
}
