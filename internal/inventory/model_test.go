package inventory_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
)

// modelScenario is an account that changes while an inventory with keys of some of its
// orgs lists it, is reloaded, and loses and gets keys.
type modelScenario struct {
	Orgs        int // o0, o1, ...
	Connections []modelConnection
	Entries     []modelEntry // at the start; named e0, e1, ...
	Discovery   int          // 0 for none, else with the keys of the org before, modulo Orgs
	Steps       []modelStep
}

// modelConnection is a connection of the start.
type modelConnection struct {
	Source, Sink int // modulo Orgs
	Types        int // bits
	Undated      bool
}

// modelEntry is a configured org.
type modelEntry struct {
	Org    int // whose keys, modulo Orgs
	Stated bool
	Filter int // 0 is none, then a source or a sink
}

// modelStep is what happens in one step: changes of the account, reloads, a refresh, and
// a while in which listings go on.
type modelStep struct {
	Account  []accountChange
	Reloads  []reload
	Refresh  int             // -1 none, 0 all orgs, else one
	Wait     time.Duration   // whole milliseconds
	Listings []listingScript // of the listings that begin, by entry; zero for those that are left
}

type accountChange struct {
	Kind   string
	Index  int // of the connection or the org
	Sink   int
	Types  int
	Silent bool // an added connection has no creation time
}

type reload struct {
	Kind  string
	Index int // of the entry
	Entry modelEntry
}

// listingScript is how one listing goes.
type listingScript struct {
	Latency  time.Duration // whole milliseconds
	Moment   int           // percent of the latency: when it reads the account
	RowByRow bool          // each row has a moment of its own
	Fate     string
}

const (
	modelTTL      = 10 * time.Second
	modelMaxStale = 100 * time.Second
	maxEntries    = 8
)

func drawModelScenario(t *rapid.T) *modelScenario {
	entries := rapid.Custom(func(t *rapid.T) modelEntry {
		e := modelEntry{Org: rapid.IntRange(0, 7).Draw(t, "org"), Stated: rapid.Bool().Draw(t, "stated")}
		if rapid.IntRange(0, 5).Draw(t, "filtered") == 5 {
			e.Filter = rapid.IntRange(1, 16).Draw(t, "filter")
		}
		return e
	})
	connections := rapid.Custom(func(t *rapid.T) modelConnection {
		return modelConnection{
			Source:  rapid.IntRange(0, 7).Draw(t, "source"),
			Sink:    rapid.IntRange(0, 7).Draw(t, "sink"),
			Types:   rapid.IntRange(0, 7).Draw(t, "types"),
			Undated: rapid.Bool().Draw(t, "undated"),
		}
	})
	changes := rapid.Custom(func(t *rapid.T) accountChange {
		return accountChange{
			Kind:   rapid.SampledFrom([]string{"types", "add", "remove", "add", "types", "rename"}).Draw(t, "kind"),
			Index:  rapid.IntRange(0, 20).Draw(t, "index"),
			Sink:   rapid.IntRange(0, 7).Draw(t, "sink"),
			Types:  rapid.IntRange(0, 7).Draw(t, "types"),
			Silent: rapid.Bool().Draw(t, "silent"),
		}
	})
	reloads := rapid.Custom(func(t *rapid.T) reload {
		return reload{
			Kind:  rapid.SampledFrom([]string{"other lister", "other entry", "keys in the file", "drop", "add", "unchanged", "restart"}).Draw(t, "kind"),
			Index: rapid.IntRange(0, 7).Draw(t, "index"),
			Entry: entries.Draw(t, "entry"),
		}
	})
	scripts := rapid.Custom(func(t *rapid.T) listingScript {
		return listingScript{
			Latency:  rapid.SampledFrom([]time.Duration{0, 10, 1000, 4000, 9000, 15000, 35000}).Draw(t, "latency") * time.Millisecond,
			Moment:   rapid.IntRange(0, 100).Draw(t, "moment"),
			RowByRow: rapid.Bool().Draw(t, "row by row"),
			Fate:     rapid.SampledFrom([]string{"", "", "", "", "", "incomplete", "outage", "forbidden", "rate limited"}).Draw(t, "fate"),
		}
	})
	steps := rapid.Custom(func(t *rapid.T) modelStep {
		s := modelStep{Account: rapid.SliceOfN(changes, 0, 3).Draw(t, "account")}
		if rapid.IntRange(0, 4).Draw(t, "reloaded") == 4 {
			s.Reloads = rapid.SliceOfN(reloads, 1, 2).Draw(t, "reloads")
		}
		s.Refresh = rapid.SampledFrom([]int{0, 0, 0, 1, 2, 3, -1}).Draw(t, "refresh")
		s.Wait = rapid.SampledFrom([]time.Duration{10000, 0, 500, 3000, 10000, 12000, 20000, 60000, 120000}).Draw(t, "wait") * time.Millisecond
		s.Listings = rapid.SliceOfN(scripts, 0, 4).Draw(t, "listings")
		return s
	})
	return &modelScenario{
		Orgs:        rapid.IntRange(2, 8).Draw(t, "orgs"),
		Connections: rapid.SliceOfN(connections, 0, 12).Draw(t, "connections"),
		Entries:     rapid.SliceOfN(entries, 1, 5).Draw(t, "entries"),
		Discovery:   rapid.IntRange(0, 8).Draw(t, "discovery"),
		Steps:       rapid.SliceOfN(steps, 1, 16).Draw(t, "steps"),
	}
}

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

func number(s string) int {
	h := fnv.New32a()
	h.Write([]byte(s))
	return int(h.Sum32() % 1000)
}

func entryNumber(name string) int { return int(name[1] - '0') }

// outcome is the result of a listing that the inventory got.
type outcome struct {
	listing *datadog.Listing
	err     error
	org     string    // whose keys made it
	stated  string    // whose the configuration said they are
	at      time.Time // when it ended
	// restored is true once the process was restarted: of its connections only those are
	// there that were not known to be removed then, as they were known then.
	restored bool
}

// disproves reports whether the listing proves that the connection was removed since
// the other one: it is a complete one of one of its ends, and later.
func (o outcome) disproves(c datadog.Connection, other outcome) bool {
	if !o.listing.Complete || o.listing.Filtered() || c.SourceID != o.org && c.SinkID != o.org || !o.listing.Began.After(other.at) {
		return false
	}
	_, found := row(o.listing, c.ID)
	return !found
}

// tellsItsOrg reports whether the connections tell whose keys these are.
func (o outcome) tellsItsOrg() bool {
	common := map[string]int{}
	for _, c := range o.listing.Connections {
		common[c.SourceID]++
		common[c.SinkID]++
	}
	maps.DeleteFunc(common, func(_ string, n int) bool { return n < len(o.listing.Connections) })
	return len(common) == 1
}

func row(l *datadog.Listing, id string) (c datadog.Connection, found bool) {
	n := slices.IndexFunc(l.Connections, func(c datadog.Connection) bool { return c.ID == id })
	if n < 0 {
		return c, false
	}
	return l.Connections[n], true
}

// model carries out a scenario.
type model struct {
	inv         *inventory.Inventory
	discoveries []inventory.Discovery // one or none
	stop        context.CancelFunc    // of inv
	storage     *memoryStorage
	account     *account
	entries     []*modelLister // the configuration

	mu        sync.Mutex // guards all below, and the account
	restarted bool
	scripts   []listingScript
	begun     map[string]int       // listings, by entry
	outcomes  map[string][]outcome // of the entries, by name, since each was added
	all       []outcome            // of all listings that succeeded, in the order of their ends
	told      []toldChange
	renames   []toldRename
	wrong     []string
}

// toldChange is a change that was logged.
type toldChange struct {
	kind, id   string
	types, now []string
	at, logged time.Time
}

type toldRename struct {
	id, before, after string
	logged            time.Time
}

// script returns how the next listing of the entry goes. The lock is held.
func (m *model) script(entry string) listingScript {
	n := entryNumber(entry)
	if n < len(m.scripts) {
		return m.scripts[n]
	}
	return listingScript{Latency: time.Duration(n) * time.Millisecond}
}

func (m *model) record(l *modelLister, org string, listing *datadog.Listing, err error) {
	o := outcome{listing: listing, err: err, org: org, stated: l.stated, at: time.Now()}
	m.outcomes[l.entry] = append(m.outcomes[l.entry], o)
	if err == nil {
		m.all = append(m.all, o)
	}
}

// Log implements log.Logger.
func (m *model) Log(keyvals ...any) error {
	fields := map[string]string{}
	for i := 0; i+1 < len(keyvals); i += 2 {
		fields[fmt.Sprint(keyvals[i])] = fmt.Sprint(keyvals[i+1])
	}
	list := func(field string) []string {
		return strings.FieldsFunc(fields[field], func(r rune) bool { return r == ',' })
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if kind, ok := strings.CutPrefix(fields["msg"], "Connection "); ok {
		at, err := time.Parse(time.RFC3339, fields["at"])
		if err != nil {
			panic(err)
		}
		m.told = append(m.told, toldChange{kind, fields["connection_id"], list("types"), list("types_now"), at, time.Now()})
	}
	if fields["msg"] == "Org renamed" {
		m.renames = append(m.renames, toldRename{fields["org_id"], fields["org_name_before"], fields["org_name"], time.Now()})
	}
	return nil
}

// report notes what is wrong. The lock is held.
func (m *model) report(format string, args ...any) {
	m.wrong = append(m.wrong, fmt.Sprintf("%v: ", time.Now().Format("15:04:05.000"))+fmt.Sprintf(format, args...))
}

func (m *model) lister(name string, e modelEntry) *modelLister {
	l := &modelLister{m: m, entry: name, org: orgID(e.Org % m.account.orgs)}
	if e.Stated {
		l.stated = l.org
	}
	if e.Filter > 0 {
		org := orgID(e.Filter / 2 % m.account.orgs)
		l.filter = map[int]datadog.Filter{0: {SourceOrgID: org}, 1: {SinkOrgID: org}}[e.Filter%2]
	}
	return l
}

func (m *model) orgs() []inventory.Org {
	var orgs []inventory.Org
	for _, l := range m.entries {
		orgs = append(orgs, inventory.Org{Name: l.entry, Lister: l, OrgID: l.stated})
	}
	return orgs
}

func (m *model) reload(r reload) {
	m.mu.Lock()
	n := r.Index % max(len(m.entries), 1)
	switch {
	case r.Kind == "add" && len(m.entries) < maxEntries:
		free := 0
		for slices.ContainsFunc(m.entries, func(l *modelLister) bool { return entryNumber(l.entry) == free }) {
			free++
		}
		m.entries = append(slices.Clone(m.entries), m.lister(fmt.Sprintf("e%d", free), r.Entry))
	case len(m.entries) == 0:
	case r.Kind == "other lister":
		same := *m.entries[n]
		m.entries[n] = &same
	case r.Kind == "other entry":
		m.entries[n] = m.lister(m.entries[n].entry, r.Entry)
	case r.Kind == "keys in the file":
		m.entries[n].org = orgID(r.Entry.Org % m.account.orgs)
	case r.Kind == "drop" && len(m.entries) > 1:
		delete(m.outcomes, m.entries[n].entry)
		m.entries = slices.Delete(slices.Clone(m.entries), n, n+1)
	}
	m.mu.Unlock()
	if r.Kind == "restart" {
		m.restart(r.Index)
		return
	}
	m.inv.Configure(m.orgs(), m.discoveries...)
}

// start makes an inventory that continues from the storage.
func (m *model) start() {
	ctx, stop := context.WithCancel(context.Background())
	state := m.storage.state
	m.stop = stop
	m.inv = inventory.New(ctx, m.orgs(), inventory.Options{
		TTL: modelTTL, MaxStale: modelMaxStale, Logger: m, State: &state, Storage: m.storage, Discoveries: m.discoveries,
	})
	go m.inv.Store()
}

// restart stops the inventory and starts another one, that many times ten seconds later.
func (m *model) restart(down int) {
	m.stop()
	synctest.Wait() // all is written
	m.mu.Lock()
	m.restarted = true
	m.mu.Unlock()
	advance(time.Duration(down) * 10 * time.Second)
	m.start()
	v := m.inv.View()
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, l := range m.entries {
		outcomes := m.outcomes[l.entry]
		for i := range outcomes {
			outcomes[i].restored = true
		}
		good := slices.DeleteFunc(slices.Clone(outcomes), func(o outcome) bool { return o.err != nil })
		if v.Orgs[i].Listing != nil {
			continue
		}
		delete(m.outcomes, l.entry)
		// A listing of another org than the stated one is not restored.
		if n := len(good); n > 0 && (l.stated == "" || l.stated == good[n-1].org) {
			m.report("the listing of %s is not restored", l.entry)
		}
	}
}

// inForce returns the last good listing of each entry that is not stale. The lock is held.
func (m *model) inForce() map[*modelLister]outcome {
	last := map[*modelLister]outcome{}
	for _, l := range m.entries {
		for _, o := range m.outcomes[l.entry] {
			if o.err == nil && time.Since(o.listing.Began) <= modelMaxStale {
				last[l] = o
			}
		}
	}
	return last
}

// checkView checks what is shown.
func (m *model) checkView() {
	v := m.inv.View()
	m.checkOrgViews()
	m.mu.Lock()
	defer m.mu.Unlock()
	listings := m.inForce()
	shown := map[string]datadog.Connection{}
	for _, c := range v.Snapshot.Connections {
		shown[c.ID] = c
	}
	seen := map[string][]outcome{}
	for _, o := range listings {
		for _, c := range o.listing.Connections {
			seen[c.ID] = append(seen[c.ID], o)
		}
	}
	for id, sightings := range seen {
		c := m.account.find(id).Connection
		believable := slices.DeleteFunc(slices.Clone(sightings), func(o outcome) bool {
			for _, other := range listings {
				if other.disproves(c, o) {
					return true
				}
			}
			return o.restored
		})
		if _, ok := shown[id]; !ok && len(believable) > 0 {
			m.report("%s is not shown, but listed by %s, and nobody has later listed without it", id, believable[0].org)
		}
		certainlyGone := func(o outcome) bool {
			for l, other := range listings {
				if other.disproves(c, o) && (other.tellsItsOrg() || other.stated != "" && l.stated == other.org) {
					return true
				}
			}
			return false
		}
		if _, ok := shown[id]; ok && !slices.ContainsFunc(sightings, func(o outcome) bool { return !certainlyGone(o) }) {
			m.report("%s is shown, but an end of it has later listed without it", id)
		}
	}
	for id, c := range shown {
		var latestBegan time.Time
		for _, o := range seen[id] {
			if o.listing.Began.After(latestBegan) {
				latestBegan = o.listing.Began
			}
		}
		isTrue := func(o outcome) bool {
			listed, _ := row(o.listing, id)
			return o.restored || slices.Equal(listed.Types, c.Types) && !o.at.Before(latestBegan)
		}
		if !slices.ContainsFunc(seen[id], isTrue) {
			m.report("%s is shown with types %v, which no listing has that may be the latest", id, c.Types)
		}
	}
	m.checkComplete(v, listings)
	for _, o := range v.Snapshot.Orgs {
		for _, l := range m.entries {
			last := m.outcomes[l.entry]
			if l.stated == o.ID && len(last) > 0 && last[len(last)-1].err == nil && last[len(last)-1].stated == o.ID && o.Observed != datadog.Yes {
				m.report("org %s is not observed, though its keys work", o.ID)
			}
		}
	}
}

// checkOrgViews checks that each org's own view has its last good listing.
func (m *model) checkOrgViews() {
	for _, l := range m.entries {
		org, _ := m.inv.ForOrg(l.entry)
		shown := org.View().Snapshot.Connections
		m.mu.Lock()
		o, isInForce := m.inForce()[l]
		var listed []datadog.Connection
		if isInForce {
			listed = o.listing.Connections
		}
		if !o.restored && fmt.Sprint(shown) != fmt.Sprint(listed) {
			m.report("%s has listed %v, but %v is shown", l.entry, listed, shown)
		}
		m.mu.Unlock()
	}
}

// checkComplete checks that the view is complete if all that the entries see is known.
func (m *model) checkComplete(v inventory.View, listings map[*modelLister]outcome) {
	complete := true
	for _, l := range m.entries {
		o, isInForce := listings[l]
		if !isInForce || !o.listing.Complete || o.listing.Filtered() {
			complete = false
			continue
		}
		switch last := m.outcomes[l.entry][len(m.outcomes[l.entry])-1]; {
		case last.err != nil && last.restored:
			return // whether the keys were rejected is not remembered
		case errors.Is(last.err, datadog.Forbidden) || errors.Is(last.err, datadog.WrongOrg):
			complete = false
		}
	}
	if v.Complete() != complete {
		m.report("the view is complete: %v, gaps: %v", v.Complete(), v.Gaps)
	}
}

// replayLister returns outcomes one after the other.
type replayLister struct{ outcomes []outcome }

func (l *replayLister) Stats() datadog.Stats { return datadog.Stats{} }

func (l *replayLister) List(context.Context) (*datadog.Listing, error) {
	next := l.outcomes[0]
	l.outcomes = l.outcomes[1:]
	return next.listing, next.err
}

// checkReplay gives the same listings to other inventories in other orders. All must
// have the same snapshot. No listing begins or ends meanwhile.
func (m *model) checkReplay(ctx context.Context) {
	if m.restarted {
		return // what is restored is not quite the listings
	}
	want := m.inv.View().Snapshot
	longest := 0
	for _, l := range m.entries {
		longest = max(longest, len(m.outcomes[l.entry]))
	}
	if longest == 0 {
		return // and no refresh to start a discovery
	}
	forward := slices.Clone(m.entries)
	backward := slices.Clone(forward)
	slices.Reverse(backward)
	for name, order := range map[string]func(refresh func(*modelLister)){
		"one after the other, the first one first": func(refresh func(*modelLister)) {
			for _, l := range forward {
				for range m.outcomes[l.entry] {
					refresh(l)
				}
			}
		},
		"in rounds, the last one first": func(refresh func(*modelLister)) {
			for round := range longest {
				for _, l := range backward {
					if round < len(m.outcomes[l.entry]) {
						refresh(l)
					}
				}
			}
		},
	} {
		var orgs []inventory.Org
		for _, l := range m.entries {
			orgs = append(orgs, inventory.Org{Name: l.entry, Lister: &replayLister{m.outcomes[l.entry]}, OrgID: l.stated})
		}
		var discoveries []inventory.Discovery
		for _, d := range m.discoveries {
			discoveries = append(discoveries, inventory.Discovery{Name: d.Name, Discoverer: replayDiscoverer{d.Discoverer.(*modelDiscoverer)}})
		}
		inv := inventory.New(ctx, orgs, inventory.Options{TTL: time.Nanosecond, MaxStale: modelMaxStale, Discoveries: discoveries})
		state := func(l *modelLister, id string) {
			n := slices.Index(m.entries, l)
			if orgs[n].OrgID != id {
				orgs[n].OrgID = id
				inv.Configure(orgs, discoveries...)
			}
		}
		order(func(l *modelLister) {
			n := slices.Index(m.entries, l)
			state(l, orgs[n].Lister.(*replayLister).outcomes[0].stated)
			org, _ := inv.ForOrg(l.entry)
			org.Refresh(ctx)
			advance(100 * time.Nanosecond)
		})
		for _, l := range m.entries {
			state(l, l.stated)
		}
		if got := inv.View().Snapshot; fmt.Sprint(got.Connections, got.Orgs) != fmt.Sprint(want.Connections, want.Orgs) {
			m.mu.Lock()
			m.report("the same listings have another snapshot %s:\n%+v\nwant\n%+v", name, got, want)
			m.mu.Unlock()
		}
	}
}

// lookedBefore reports whether a complete listing, one of those that count, would have had
// the connection and ended before the time.
func (m *model) lookedBefore(c *connectionJournal, before time.Time, counts func(o outcome) bool) bool {
	return slices.ContainsFunc(m.all, func(o outcome) bool {
		return o.listing.Complete && (c.SourceID == o.org || c.SinkID == o.org) && o.listing.Filter.Matches(&c.Connection) && before.After(o.at) && counts(o)
	})
}

// notBefore returns the time since which the connection was created as far as listings
// tell: where they have no creation time, it may have been there when the first one with it
// began.
func (m *model) notBefore(c *connectionJournal) time.Time {
	for _, o := range m.all {
		if _, found := row(o.listing, c.ID); found && c.CreatedAt.IsZero() && o.listing.Began.Before(c.created) {
			return o.listing.Began
		} else if found {
			break
		}
	}
	return c.created
}

// checkTold checks that the changes that were told are true.
func (m *model) checkTold() {
	m.mu.Lock()
	defer m.mu.Unlock()
	byID := map[string][]toldChange{}
	for _, told := range m.told {
		byID[told.id] = append(byID[told.id], told)
	}
	for id, changes := range byID {
		j := m.account.find(id)
		position := 0 // in the journal, of what is known
		reach := func(types []string, told toldChange) {
			for ; position < len(j.states); position++ {
				s := j.states[position]
				if !s.removed && !s.from.After(told.logged) && slices.Equal(s.types, types) {
					return
				}
			}
			m.report("%s is told as %s, %v, now %v, but it did not have the types %v then: %v", id, told.kind, told.types, told.now, types, j.states)
		}
		for i := 0; i < len(changes); i++ {
			told := changes[i]
			if i > 0 && (told.kind == "added" || told.kind == "discovered" || changes[i-1].kind == "removed") {
				m.report("%s is told as %s after it was told as %s", id, told.kind, changes[i-1].kind)
			}
			switch told.kind {
			case "added":
				reach(told.types, told)
				first := func(o outcome) bool { return o.listing.Began.Before(j.created) }
				if !m.lookedBefore(j, told.logged, first) {
					m.report("%s is told as added, but it was there when it could first have been seen", id)
				}
				if d := told.at.Sub(j.created.Truncate(time.Second)); !j.CreatedAt.IsZero() && d != 0 {
					m.report("%s is told as added %v after it was", id, d)
				}
			case "discovered":
				reach(told.types, told)
				if m.lookedBefore(j, m.notBefore(j), func(o outcome) bool { return o.stated != "" }) {
					m.report("%s is told as discovered, but it was created after one of its ends was listed", id)
				}
			case "removed":
				if last := j.last(); !last.removed || last.from.After(told.logged) {
					m.report("%s is told as removed, but it is there", id)
				} else if told.at.Before(last.from.Truncate(time.Second)) {
					m.report("%s is told as removed at %v, but it was at %v", id, told.at, last.from)
				}
			default:
				var gained, lost []string
				if told.kind == "widened" {
					gained = told.types
					if i+1 < len(changes) && changes[i+1].kind == "narrowed" && changes[i+1].logged.Equal(told.logged) {
						i++
						lost = changes[i].types
					}
				} else {
					lost = told.types
				}
				before := slices.DeleteFunc(slices.Clone(told.now), func(s string) bool { return slices.Contains(gained, s) })
				before = append(before, lost...)
				slices.Sort(before)
				reach(before, told)
				reach(told.now, told)
			}
		}
	}
	m.checkRenames()
}

// checkRenames checks that the renames that were told are true.
func (m *model) checkRenames() {
	for id := range m.account.names {
		names := []string{"Org " + id}
		for _, n := range m.account.names[id] {
			names = append(names, n.name)
		}
		position := 0
		for _, r := range m.renames {
			if r.id != id {
				continue
			}
			before, after := slices.Index(names, r.before), slices.Index(names, r.after)
			if before < position || after <= before {
				m.report("org %s is told as renamed from %s to %s", id, r.before, r.after)
			}
			position = after
		}
	}
}

// checkAllIsTold checks after some rounds in which nothing happened and every listing was
// complete that what is known is what is there, and that all changes were told once.
func (m *model) checkAllIsTold() {
	v := m.inv.View()
	m.mu.Lock()
	defer m.mu.Unlock()
	shown := map[string]datadog.Connection{}
	for _, c := range v.Snapshot.Connections {
		shown[c.ID] = c
	}
	for _, j := range m.account.connections {
		var told []toldChange
		for _, change := range m.told {
			if change.id == j.ID {
				told = append(told, change)
			}
		}
		count := func(kind string) int {
			n := 0
			for _, change := range told {
				if change.kind == kind {
					n++
				}
			}
			return n
		}
		var seenAs []string // its types when it was first listed
		wasSeen, inSight, certainly := false, false, false
		for _, o := range m.all {
			if c, found := row(o.listing, j.ID); found {
				wasSeen, seenAs = true, c.Types
				break
			}
		}
		for l, o := range m.inForce() {
			if o.err == nil && (j.SourceID == o.org || j.SinkID == o.org) && o.listing.Filter.Matches(&j.Connection) {
				inSight = true
				certainly = certainly || o.tellsItsOrg() || o.stated != "" && l.stated == o.org
			}
		}
		if !inSight {
			if _, ok := shown[j.ID]; ok {
				m.report("%s is shown, but nobody sees it", j.ID)
			}
			continue
		}
		last := j.last()
		c, isShown := shown[j.ID]
		if isShown == last.removed || isShown && !slices.Equal(c.Types, last.types) {
			m.report("%s is shown: %v, with %v, but it is: %+v", j.ID, isShown, c.Types, last)
		}
		if last.removed {
			if wasSeen && certainly && count("removed") != 1 {
				m.report("%s is removed, which was told %d times", j.ID, count("removed"))
			}
			continue
		}
		for l := range m.inForce() {
			sameScope := func(o outcome) bool {
				return o.org == l.org && o.listing.Filter == l.filter && (o.stated != "" || o.tellsItsOrg())
			}
			if m.lookedBefore(j, m.notBefore(j), sameScope) && count("added") != 1 {
				m.report("%s was added after %s had looked, which was told %d times", j.ID, l.org, count("added"))
			}
		}
		known := seenAs
		for _, change := range told {
			known = change.now
			if change.kind == "added" || change.kind == "discovered" {
				known = change.types
			}
		}
		if !slices.Equal(known, last.types) {
			m.report("%s has the types %v, but is known with %v", j.ID, last.types, known)
		}
	}
}

// until lets time pass until that long after the next whole millisecond: things of
// different kinds never happen at the same time.
func until(offset time.Duration) {
	now := time.Now()
	next := now.Truncate(time.Millisecond).Add(offset)
	if !next.After(now) {
		next = next.Add(time.Millisecond)
	}
	advance(next.Sub(now))
}

func (m *model) refresh(ctx context.Context, n int) {
	switch {
	case n == 0:
		go m.inv.Refresh(ctx)
	case n > 0 && len(m.entries) > 0:
		org, _ := m.inv.ForOrg(m.entries[n%len(m.entries)].entry)
		go org.Refresh(ctx)
	}
}

// run carries out the scenario in virtual time, and returns what is wrong.
func (s *modelScenario) run(t *testing.T) (wrong []string) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		m := &model{storage: newMemoryStorage(), account: &account{orgs: s.Orgs, names: map[string][]nameFrom{}}, begun: map[string]int{}, outcomes: map[string][]outcome{}}
		for _, c := range s.Connections {
			m.account.add(c.Source, c.Sink, c.Types, time.Now().Add(-time.Hour), c.Undated)
		}
		for n, e := range s.Entries {
			m.entries = append(m.entries, m.lister(fmt.Sprintf("e%d", n), e))
		}
		if s.Discovery > 0 {
			d := &modelDiscoverer{m: m, org: orgID((s.Discovery - 1) % s.Orgs)}
			m.discoveries = []inventory.Discovery{{Name: "discovery", Discoverer: d}}
		}
		m.start()
		defer synctest.Wait()
		defer func() { m.stop() }()
		for n, step := range s.Steps {
			until(100 * time.Microsecond)
			for _, c := range step.Account {
				m.mu.Lock()
				m.account.change(c)
				m.mu.Unlock()
				advance(10 * time.Microsecond)
			}
			m.mu.Lock()
			m.scripts = step.Listings
			m.mu.Unlock()
			for _, r := range step.Reloads {
				until(200 * time.Microsecond)
				m.reload(r)
			}
			until(300 * time.Microsecond)
			m.refresh(ctx, step.Refresh)
			advance(step.Wait)
			until(900 * time.Microsecond)
			m.checkView()
			if n%4 == 3 {
				m.checkReplay(ctx)
			}
		}
		m.mu.Lock()
		m.scripts = nil
		m.mu.Unlock()
		for range 5 { // the first ones end what is running, and rate limits
			advance(time.Minute)
			until(300 * time.Microsecond)
			m.refresh(ctx, 0)
		}
		advance(time.Second)
		m.checkView()
		m.checkReplay(ctx)
		m.checkTold()
		m.checkAllIsTold()
		wrong = m.wrong
	})
	return wrong
}

// TestModel_Inventory checks what must hold whatever the account, the listings and the
// configuration do:
//
//   - What an org with keys has in its last good listing is shown, unless a later complete
//     listing of one of its ends lacks it. Nothing else is shown, and nothing as it was
//     before the latest listing.
//   - The snapshot depends on the listings, and not on the order in which they ended.
//   - Every change that is told was one of the account, and every change is told once,
//     after a few rounds in which nothing happens. Reloads, restarts, other keys, outages
//     and filters are no changes.
//
// For more than a second: go test ./internal/inventory -run Model -rapid.checks=100000
func TestModel_Inventory(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := drawModelScenario(r)
		for _, wrong := range s.run(t) {
			r.Error(wrong)
		}
	})
}
