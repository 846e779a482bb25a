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
//
// Offsets count rows, which may be added and removed between two pages. So each page
// begins with the last row of the page before: if it does not, rows moved, and some may
// be lost or repeated. If it does, the rows after it follow, whatever was added and
// removed before it, as long as the API does not change the order of those that stay.
//
// The overlap costs at most one page more for up to the square of the page size of rows.
type listingRead struct {
	connections []Connection // in the order of the pages, without duplicates
	ids         map[string]bool
	orgs        orgs
	creators    map[string]Creator
	totals      map[int]bool // the distinct totals of the pages
	pages       int
	pageSize    int // rows of the longest page
	next        int // offset of the next page
	overlap     int // rows that the next page repeats: 1, or 0 after a page of a single row

	inconsistent bool // pages contradict each other or their total: not a listing
	unlinked     bool // rows of pages without an overlap may have moved
}

// readPages reads page after page until the last, or until rows moved. It returns the
// first error of a page.
func readPages(ctx context.Context, fetch fetchFunc) (*listingRead, error) {
	prefetcher := newPrefetcher(ctx, fetch)
	defer prefetcher.stop()
	r := &listingRead{
		ids:      map[string]bool{},
		orgs:     orgs{},
		creators: map[string]Creator{},
		totals:   map[int]bool{},
	}
	for {
		p, err := prefetcher.page(r.next)
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
		prefetcher.prefetch(r.next, max(r.pageSize-1, 1), p.total-r.overlap)
	}
}

// addPage adds the page at r.next and reports whether it is the last.
//
// The last page is empty, or it is shorter than another and the total is the number of
// rows so far. The first page is not, unless it is empty: servers may return fewer rows
// than requested, and their number as the total.
func (r *listingRead) addPage(p *page) (last bool) {
	r.pages++
	r.orgs.add(p.orgs...)
	for _, c := range p.creators {
		r.creators[c.ID] = r.creators[c.ID].updated(c)
	}
	if p.total != unknownTotal {
		r.totals[p.total] = true
	}
	size := len(p.connections)
	if !r.addRows(p.connections) || r.pages == 1 && size == 0 && p.total > 0 {
		r.inconsistent = true
		return true
	}
	if size == 0 {
		return true
	}
	r.unlinked = r.unlinked || r.pages > 1 && r.overlap == 0
	r.pageSize = max(r.pageSize, size)
	r.overlap = min(size-1, 1)
	r.next += size - r.overlap
	return size < r.pageSize && p.total == len(r.connections)
}

// addRows adds the rows of a page. It reports whether they begin with the overlap, and
// are new otherwise.
func (r *listingRead) addRows(rows []Connection) bool {
	if r.overlap > 0 {
		i := len(r.connections) - 1
		if len(rows) == 0 || rows[0].ID != r.connections[i].ID {
			return false
		}
		r.connections[i] = r.interned(rows[0]) // its types may have changed
		rows = rows[1:]
	}
	for _, c := range rows {
		if r.ids[c.ID] {
			return false
		}
		r.ids[c.ID] = true
		r.connections = append(r.connections, r.interned(c))
	}
	return true
}

// interned returns c with the ids of r.orgs: those of each page are strings of
// their own.
func (r *listingRead) interned(c Connection) Connection {
	c.SourceID, c.SinkID = r.orgs[c.SourceID].ID, r.orgs[c.SinkID].ID
	return c
}

// complete reports whether the total of every page that has one is the number of
// connections. Totals differ from page to page if rows were added or removed meanwhile.
func (r *listingRead) complete() bool {
	return !r.inconsistent && len(r.totals) == 1 && r.totals[len(r.connections)]
}

// equal reports whether two reads have the same connections, and both are consistent.
func (r *listingRead) equal(other *listingRead) bool {
	return !r.inconsistent && !other.inconsistent && slices.EqualFunc(r.sorted(), other.sorted(), func(a, b Connection) bool { return reflect.DeepEqual(a, b) })
}

// String returns the number of connections and the totals.
func (r *listingRead) String() string {
	if r.inconsistent {
		return fmt.Sprintf("%d connections on inconsistent pages", len(r.connections))
	}
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
	l := &Listing{Complete: r.complete(), Pages: r.pages, Connections: r.sorted(), Orgs: r.orgs.sorted()}
	for i := range l.Connections {
		creator := &l.Connections[i].Creator
		*creator = creator.updated(r.creators[creator.ID])
	}
	return l
}

// orgs are orgs by id, with what was said last of each.
type orgs map[string]Org

// add adds descriptions of orgs, of which a later one overrides an earlier one.
func (o orgs) add(descriptions ...Org) {
	for _, d := range descriptions {
		o[d.ID] = o[d.ID].Updated(d)
	}
}

// sorted returns the orgs in the order of their ids.
func (o orgs) sorted() []Org {
	return slices.SortedFunc(maps.Values(o), func(a, b Org) int { return cmp.Compare(a.ID, b.ID) })
}

// sorted returns the connections in the order of their ids.
func (r *listingRead) sorted() []Connection {
	sorted := slices.Clone(r.connections)
	slices.SortFunc(sorted, func(a, b Connection) int { return cmp.Compare(a.ID, b.ID) })
	return sorted
}
