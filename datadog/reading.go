package datadog

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// maxConnections bounds one reading, against a server that never ends. An
// account of a thousand orgs, each connected with each, has as many.
const maxConnections = 1_000_000

// reading is one read of all pages.
type reading struct {
	connections []Connection   // as they came: a row that came twice is there once, as it came last
	places      map[string]int // of the connections, by id
	orgs        map[string]Org
	creators    map[string]Creator
	totals      map[int]bool // every total that a page told
	received    int          // rows, repeated ones included: the next offset
	pageSize    int          // rows of a full page
	pages       int
}

// fetch gets the page that begins at an offset.
type fetch func(ctx context.Context, offset int) (*page, error)

// readAll reads page after page until the end. limit is the page size asked
// for. Any page's error is the reading's.
func readAll(ctx context.Context, get fetch, limit int) (*reading, error) {
	ahead := newAhead(ctx, get)
	defer ahead.stop()
	r := &reading{
		places:   map[string]int{},
		orgs:     map[string]Org{},
		creators: map[string]Creator{},
		totals:   map[int]bool{},
		pageSize: limit,
	}
	for {
		p, err := ahead.page(r.received)
		if err != nil {
			return nil, err
		}
		if r.add(p) {
			return r, nil
		}
		if len(r.connections) > maxConnections {
			return nil, &Error{
				Reason: Incomplete,
				Op:     "list org connections",
				Detail: fmt.Sprintf("more than %d connections came and no end", maxConnections),
			}
		}
		ahead.expect(r.received, r.pageSize, p.total)
	}
}

// add takes a page in and tells whether it is the last.
//
// An empty page is the end. So is a page with nothing new: a server that
// repeats itself would do so for ever, and what it withholds shows in the
// total. A page that is not full is the end only where the rows received are
// just as many as the total: servers may give fewer rows than asked for, and a
// total below what is already there is not worth believing.
func (r *reading) add(p *page) (last bool) {
	before := len(r.connections)
	for _, o := range p.orgs {
		r.orgs[o.ID] = r.orgs[o.ID].Updated(o)
	}
	for _, c := range p.connections {
		r.take(c)
	}
	maps.Copy(r.creators, p.creators)
	if p.total != unknownTotal {
		r.totals[p.total] = true
	}
	r.pages++
	r.received += len(p.connections)

	full := len(p.connections) >= r.pageSize
	if r.pages == 1 {
		r.pageSize = min(r.pageSize, len(p.connections))
	}
	return len(r.connections) == before || !full && p.total == r.received
}

// take takes a connection in. Each page has texts of its own: of an org's id,
// which is on many, one is kept.
func (r *reading) take(c Connection) {
	c.SourceID, c.SinkID = r.orgs[c.SourceID].ID, r.orgs[c.SinkID].ID
	if place, again := r.places[c.ID]; again {
		r.connections[place] = c
		return
	}
	r.places[c.ID] = len(r.connections)
	r.connections = append(r.connections, c)
}

// Updated is what is known of an org once more has been told. What the newer
// part does not tell stays.
func (o Org) Updated(newer Org) Org {
	return Org{
		ID:       cmp.Or(o.ID, newer.ID),
		Name:     cmp.Or(newer.Name, o.Name),
		PublicID: cmp.Or(newer.PublicID, o.PublicID),
		Sharing:  cmp.Or(newer.Sharing, o.Sharing),
		Disabled: cmp.Or(newer.Disabled, o.Disabled),
	}
}

// complete tells whether every total that was told is the number of connections
// read. Totals that differ from page to page mean that rows moved meanwhile.
func (r *reading) complete() bool {
	return len(r.totals) == 1 && r.totals[len(r.connections)]
}

// agrees tells whether two readings hold the same connections, row for row.
func (r *reading) agrees(other *reading) bool {
	return slices.EqualFunc(r.inOrder(), other.inOrder(), func(a, b Connection) bool { return reflect.DeepEqual(a, b) })
}

// describe says what was read against what the API said there is.
func (r *reading) describe() string {
	switch totals := slices.Sorted(maps.Keys(r.totals)); len(totals) {
	case 0:
		return fmt.Sprintf("%d connections and no total", len(r.connections))
	case 1:
		return fmt.Sprintf("%d connections and a total of %d", len(r.connections), totals[0])
	default:
		return fmt.Sprintf("%d connections and totals from %d to %d", len(r.connections), totals[0], totals[len(totals)-1])
	}
}

// listing is the reading's content in a steady order.
func (r *reading) listing() *Listing {
	l := &Listing{Complete: r.complete(), Pages: r.pages}
	l.Orgs = slices.SortedFunc(maps.Values(r.orgs), func(a, b Org) int { return cmp.Compare(a.ID, b.ID) })
	l.Connections = r.inOrder()
	for i := range l.Connections {
		creator := &l.Connections[i].Creator
		if described, ok := r.creators[creator.ID]; ok {
			*creator = described
		}
	}
	return l
}

// inOrder gives the connections in the order of their ids.
func (r *reading) inOrder() []Connection {
	sorted := slices.Clone(r.connections)
	slices.SortFunc(sorted, func(a, b Connection) int { return cmp.Compare(a.ID, b.ID) })
	return sorted
}
