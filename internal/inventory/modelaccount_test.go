package inventory_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"datadog_org_connections_exporter/datadog"
)

// account has everything that ever was, so that it can be read as of any moment.
type account struct {
	orgs        int
	connections []*connectionJournal
	names       map[string][]nameFrom
}

type connectionJournal struct {
	datadog.Connection // without types

	created time.Time
	states  []stateFrom
}

// stateFrom is what a connection is from a time on.
type stateFrom struct {
	from    time.Time
	types   []string
	removed bool
}

type nameFrom struct {
	from time.Time
	name string
}

func orgID(n int) string { return fmt.Sprintf("o%d", n) }

func typesOf(bits int) []string {
	types := []string{}
	for i, name := range []string{"audit", "logs", "metrics"} {
		if bits&(1<<i) != 0 {
			types = append(types, name)
		}
	}
	return types
}

func (c *connectionJournal) last() stateFrom { return c.states[len(c.states)-1] }

// at returns the state at the moment; ok is false where there was no connection.
func (c *connectionJournal) at(moment time.Time) (s stateFrom, ok bool) {
	for _, next := range c.states {
		if next.from.After(moment) {
			break
		}
		s, ok = next, !next.removed
	}
	return s, ok
}

func (a *account) add(source, sink, types int, created time.Time, undated bool) {
	c := &connectionJournal{created: created, states: []stateFrom{{from: created, types: typesOf(types)}}}
	c.SourceID, c.SinkID = orgID(source%a.orgs), orgID(sink%a.orgs)
	taken := func(other *connectionJournal) bool {
		return !other.last().removed && other.SourceID == c.SourceID && other.SinkID == c.SinkID
	}
	if c.SourceID == c.SinkID || slices.ContainsFunc(a.connections, taken) {
		return // the API has one connection from a source to a sink
	}
	c.ID = fmt.Sprintf("%s-%s-%d", c.SourceID, c.SinkID, len(a.connections))
	c.Creator.Kind = datadog.CreatorUnknown
	if !undated {
		c.CreatedAt = created
	}
	a.connections = append(a.connections, c)
}

func (a *account) change(c accountChange) {
	now := time.Now()
	if c.Kind == "add" {
		a.add(c.Index, c.Sink, c.Types, now, c.Silent)
		return
	}
	if c.Kind == "rename" {
		id := orgID(c.Index % a.orgs)
		a.names[id] = append(a.names[id], nameFrom{now, fmt.Sprintf("Org %s, name %d", id, len(a.names[id]))})
		return
	}
	var present []*connectionJournal
	for _, j := range a.connections {
		if !j.last().removed {
			present = append(present, j)
		}
	}
	if len(present) == 0 {
		return
	}
	j := present[c.Index%len(present)]
	next := stateFrom{from: now, types: typesOf(c.Types), removed: c.Kind == "remove"}
	if next.removed || !slices.Equal(next.types, j.last().types) {
		j.states = append(j.states, next)
	}
}

func (a *account) find(id string) *connectionJournal {
	for _, c := range a.connections {
		if c.ID == id {
			return c
		}
	}
	return nil
}

// name returns the name of the org at the moment.
func (a *account) name(id string, moment time.Time) string {
	name := "Org " + id
	for _, next := range a.names[id] {
		if !next.from.After(moment) {
			name = next.name
		}
	}
	return name
}

// modelLister lists the account with the keys of an org. The model's lock guards it.
type modelLister struct {
	m      *model
	entry  string // its name
	org    string // whose keys these are
	stated string
	filter datadog.Filter
}

func (l *modelLister) Stats() datadog.Stats { return datadog.Stats{} }

// List reads the account at one moment between its beginning and its end, or each row
// at one. It never lacks a row that was there all the time, unless it is incomplete.
func (l *modelLister) List(ctx context.Context) (*datadog.Listing, error) {
	m := l.m
	m.mu.Lock()
	org, script, nth := l.org, m.script(l.entry), m.begun[l.entry]
	m.begun[l.entry]++
	m.mu.Unlock()
	began := time.Now()
	// No two listings end at the same time.
	latency := script.Latency + 100*time.Microsecond + time.Duration(entryNumber(l.entry))*10*time.Microsecond
	select {
	case <-time.After(latency):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	listing, err := m.read(l, org, script, began, latency, nth)
	m.record(l, org, listing, err)
	return listing, err
}

// modelDiscoverer lists the orgs of the account with the keys of one of them.
type modelDiscoverer struct {
	m       *model
	org     string
	account *datadog.Account // the last one
}

// ListOrgs implements [inventory.Discoverer]. No listing ends at the same time.
func (d *modelDiscoverer) ListOrgs(context.Context) (*datadog.Account, error) {
	began := time.Now()
	advance(50 * time.Microsecond)
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	d.account = &datadog.Account{Current: d.org, Credentials: "keys of " + d.org, Began: began, Duration: time.Since(began)}
	for n := range d.m.account.orgs {
		d.account.Orgs = append(d.account.Orgs, datadog.Org{ID: orgID(n), Name: d.m.account.name(orgID(n), time.Now())})
	}
	return d.account, nil
}

// replayDiscoverer returns what another discoverer has returned.
type replayDiscoverer struct{ *modelDiscoverer }

func (d replayDiscoverer) ListOrgs(context.Context) (*datadog.Account, error) { return d.account, nil }

func (m *model) read(l *modelLister, org string, script listingScript, began time.Time, latency time.Duration, nth int) (*datadog.Listing, error) {
	switch script.Fate {
	case "outage":
		return nil, outage
	case "forbidden":
		return nil, forbidden
	case "rate limited":
		return nil, &datadog.Error{Reason: datadog.RateLimited, Op: "GET it", RetryAt: time.Now().Add(time.Minute)}
	}
	if l.stated != "" && l.stated != org {
		return nil, &datadog.Error{Reason: datadog.WrongOrg, Op: "GET it"}
	}
	listing := &datadog.Listing{Complete: script.Fate != "incomplete", Credentials: "keys of " + org, Filter: l.filter, Began: began, Duration: latency, Pages: 1}
	moment := func(row string) time.Time {
		percent := script.Moment
		if script.RowByRow {
			percent = (percent + number(row)*37 + nth*53) % 101
		}
		return began.Add(latency * time.Duration(percent) / 100)
	}
	described := map[string]bool{}
	for _, j := range m.account.connections {
		state, ok := j.at(moment(j.ID))
		if !ok || j.SourceID != org && j.SinkID != org || !l.filter.Matches(&j.Connection) {
			continue
		}
		if !listing.Complete && (number(j.ID)+nth)%3 == 0 {
			continue // lost
		}
		c := j.Connection
		c.Types = state.types
		listing.Connections = append(listing.Connections, c)
		described[c.SourceID], described[c.SinkID] = true, true
	}
	slices.SortFunc(listing.Connections, func(a, b datadog.Connection) int { return strings.Compare(a.ID, b.ID) })
	for _, id := range slices.Sorted(maps.Keys(described)) {
		listing.Orgs = append(listing.Orgs, datadog.Org{ID: id, Name: m.account.name(id, moment(id))})
	}
	return listing, nil
}

// number returns some number for a string.
func number(s string) int {
	n := 0
	for _, b := range []byte(s) {
		n = (31*n + int(b)) % 1000
	}
	return n
}

func entryNumber(name string) int { return int(name[1] - '0') }
