package inventory_test

import (
	"context"
	"fmt"
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
			Latency:  time.Duration(rapid.SampledFrom([]int{0, 10, 1000, 4000, 9000, 15000, 35000}).Draw(t, "latency")) * time.Millisecond,
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
		s.Wait = time.Duration(rapid.SampledFrom([]int{10000, 0, 500, 3000, 10000, 12000, 20000, 60000, 120000}).Draw(t, "wait")) * time.Millisecond
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

func (m *model) reload(ctx context.Context, r reload) {
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
		m.restart(ctx, r.Index)
		return
	}
	m.inv.Configure(m.orgs(), m.discoveries...)
}

// start makes an inventory that continues from the storage.
func (m *model) start(parent context.Context) {
	ctx, stop := context.WithCancel(parent)
	state := m.storage.state
	m.stop = stop
	m.inv = inventory.New(ctx, m.orgs(), inventory.Options{
		TTL: modelTTL, MaxStale: modelMaxStale, Logger: m, State: &state, Storage: m.storage, Discoveries: m.discoveries,
	})
	go m.inv.Store()
}

// restart stops the inventory and starts another one, that many times ten seconds later.
func (m *model) restart(ctx context.Context, down int) {
	m.stop()
	synctest.Wait() // all is written
	m.mu.Lock()
	m.restarted = true
	m.mu.Unlock()
	advance(time.Duration(down) * 10 * time.Second)
	m.start(ctx)
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
		m.start(ctx)
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
				m.reload(ctx, r)
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
