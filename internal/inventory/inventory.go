package inventory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"datadog_org_connections_exporter/datadog"
)

// Defaults of [Options].
const (
	DefaultTTL       = time.Minute
	DefaultMaxStale  = 24 * time.Hour
	DefaultRetention = 400 * 24 * time.Hour
)

// maxConcurrentListings limits how many orgs are listed at the same time.
const maxConcurrentListings = 64

// Lister reads the connections of one org. [datadog.Client] implements it.
type Lister interface {
	// List returns every connection, or an error that wraps a [datadog.Reason].
	List(ctx context.Context) (*datadog.Listing, error)
	// Stats returns the request counts and rate limits since the lister was made.
	Stats() datadog.Stats
}

// Org is an org to list.
type Org struct {
	// Name is unique. It is the org label of the metrics about listing this org.
	Name   string
	Lister Lister
	// OrgID is the id of the org whose credentials the lister has. Default: unknown,
	// and inferred from the listings as far as they tell.
	OrgID string
}

// Options configure an [Inventory].
type Options struct {
	// TTL is how old a listing may be and still be served without a new attempt.
	// Attempts, failed ones too, are at least as far apart. Default: [DefaultTTL].
	TTL time.Duration
	// MaxStale is the age after which the last good listing is stale: its
	// connections are not shown. Default: [DefaultMaxStale].
	MaxStale time.Duration
	// Retention is how long changes are remembered after they were found. Default:
	// [DefaultRetention].
	Retention time.Duration
	// Discoveries list the account's orgs. Default: none.
	Discoveries []Discovery
	// State is what an earlier inventory remembered. Default: nothing.
	State *State
	// Storage keeps what this one remembers: see [Inventory.Store]. Default: none.
	Storage Storage
	// Logger gets failures, recoveries and changes. Default: none.
	Logger log.Logger
}

// Inventory lists all configured orgs and merges their listings. It is safe for
// concurrent use.
//
// Two locks: mergeMu is held while listings are merged, which takes long for large
// accounts, mu only for moments. mergeMu is locked first. Neither is held while a line
// is logged.
type Inventory struct {
	ctx      context.Context //nolint:containedctx // the process's life: a listing outlives the scrape that asked for it
	ttl      time.Duration
	maxStale time.Duration
	logger   log.Logger
	slots    chan struct{} // a semaphore for listings

	reconfigured chan struct{} // wakes WarmUp

	mergeMu  sync.Mutex
	observed observedCache
	all      snapshotCache    // merged from the last good listings, stale ones too
	fresh    snapshotCache    // merged from those that are not stale; used while some are
	parts    map[string]*part // of single orgs, by name
	history  history

	retention time.Duration
	writer    writer

	mu          sync.Mutex
	restorable  *State // nil, or what is left of [Options.State]: see [org.restore]
	orgs        []*org
	discoveries []*discovery
}

// part is what is cached of one org alone.
type part struct {
	snapshot   snapshotCache
	all, ofOrg *History // ofOrg is the org's part of all
	orgID      string   // of the org, when that was made
}

// New returns an inventory without any listing. It starts none: that is for
// [Inventory.Refresh] and [Inventory.WarmUp]. When ctx ends, running listings are
// canceled.
func New(ctx context.Context, orgs []Org, o Options) *Inventory {
	inv := &Inventory{
		ctx:          ctx,
		ttl:          cmp.Or(o.TTL, DefaultTTL),
		maxStale:     cmp.Or(o.MaxStale, DefaultMaxStale),
		logger:       o.Logger,
		slots:        make(chan struct{}, maxConcurrentListings),
		reconfigured: make(chan struct{}, 1),
		parts:        map[string]*part{},
		history:      newHistory(),
		retention:    cmp.Or(o.Retention, DefaultRetention),
		writer:       writer{storage: o.Storage, wake: make(chan struct{}, 1)},
	}
	if inv.logger == nil {
		inv.logger = log.NewNopLogger()
	}
	if o.State != nil {
		state := *o.State
		state.Listings = maps.Clone(state.Listings)
		inv.restorable, inv.history = &state, restoreHistory(&state, time.Now())
	}
	inv.Configure(orgs, o.Discoveries...)
	return inv
}

// Configure replaces the orgs to list, and the discoveries. An org with the same name and lister keeps
// its state. One with another lister keeps its last good listing until the new
// lister returns one: changed settings do not change what Datadog has. Orgs that
// are no longer configured are dropped at once.
func (inv *Inventory) Configure(orgs []Org, discoveries ...Discovery) {
	inv.mergeMu.Lock()
	defer inv.mergeMu.Unlock()
	inv.mu.Lock()
	defer inv.mu.Unlock()
	previous := map[string]*org{}
	for _, o := range inv.orgs {
		previous[o.name] = o
	}
	inv.orgs = nil
	for _, configured := range orgs {
		o := previous[configured.Name]
		switch {
		case o == nil:
			o = newOrg(configured)
			o.restore(inv.restorable)
		case o.lister != configured.Lister || o.statedID != configured.OrgID:
			o.cancel()
			o = o.reconfigured(configured)
		}
		delete(previous, configured.Name)
		inv.orgs = append(inv.orgs, o)
	}
	update := newUpdate()
	for _, removed := range previous {
		removed.cancel()
		delete(inv.parts, removed.name)
		update.Listings[removed.name] = nil
	}
	inv.writer.add(update)
	inv.configureDiscoveries(discoveries)
	select {
	case inv.reconfigured <- struct{}{}:
	default: // WarmUp has yet to see the last one
	}
}

// View is the inventory at one moment.
type View struct {
	// Snapshot holds the connections and orgs. The pointer is the same as long as
	// the content is.
	Snapshot *Snapshot
	// Orgs is the state of each org's listing, in the order of the configuration.
	Orgs []OrgState
	// Gaps are the orgs of which not all is known, in the same order: see
	// [View.Complete]. They are those of all orgs in the view of an [OrgInventory], too.
	Gaps []Gap
	// Discoveries are the states of all, in the order of the configuration.
	Discoveries []DiscoveryState
	// History is what has changed. The pointer is the same as long as that is.
	History *History
	// WriteFailures counts how often what is remembered could not be written down.
	WriteFailures uint64
}

// Ready returns nil once every org was tried and one listing succeeded, else the
// reasons why not. Later failures do not change it.
func (v View) Ready() error {
	var errs []error
	listed := false
	for _, o := range v.Orgs {
		switch {
		case o.Listing != nil:
			listed = true
		case o.Err == nil:
			return fmt.Errorf("the first listing of org %s is not done yet", o.Name)
		default:
			errs = append(errs, o.Err)
		}
	}
	if listed {
		return nil
	}
	return errors.Join(errs...)
}

// Refresh lists the orgs that are due, and waits until that is done or ctx ends.
// Listings that are not done by then continue in the background.
func (inv *Inventory) Refresh(ctx context.Context) {
	inv.refresh(ctx, func(*org) bool { return true })
}

// WarmUp lists every org, with retries, until it succeeded once, so that there is
// a current inventory before the first scrape. It does so for later configurations too,
// and returns when the inventory's context ends.
func (inv *Inventory) WarmUp() {
	for inv.ctx.Err() == nil {
		inv.refresh(inv.ctx, func(o *org) bool { return o.awaitsFirst() })
		select {
		case <-inv.nextWarmUp():
		case <-inv.reconfigured:
		case <-inv.ctx.Done():
		}
	}
}

// nextWarmUp returns a channel that receives when the next org without a listing is
// due, or nil where every org has one.
func (inv *Inventory) nextWarmUp() <-chan time.Time {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	var next time.Time
	for _, o := range inv.orgs {
		if o.awaitsFirst() && (next.IsZero() || o.nextAttempt.Before(next)) {
			next = o.nextAttempt
		}
	}
	if next.IsZero() {
		return nil
	}
	return time.After(time.Until(next))
}

// View returns the present inventory. It starts no listing.
func (inv *Inventory) View() View {
	inv.mergeMu.Lock()
	defer inv.mergeMu.Unlock()
	v, inputs := inv.state()
	v.History = inv.history.view
	return inv.view(v, inputs, inputs, &inv.all, &inv.fresh)
}

// OrgInventory is the part of an [Inventory] that one org's credentials list. Which
// orgs are observed, and the gaps, are answered for all orgs together.
type OrgInventory struct {
	inv  *Inventory
	name string
}

// ForOrg returns the inventory of the org of that name; ok is false where it is not
// configured.
func (inv *Inventory) ForOrg(name string) (oi OrgInventory, ok bool) {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	ok = slices.ContainsFunc(inv.orgs, func(o *org) bool { return o.name == name })
	return OrgInventory{inv: inv, name: name}, ok
}

// Refresh is [Inventory.Refresh] of the one org.
func (oi OrgInventory) Refresh(ctx context.Context) {
	oi.inv.refresh(ctx, func(o *org) bool { return o.name == oi.name })
}

// View is [Inventory.View] of the one org. It is empty once the org is no longer
// configured.
func (oi OrgInventory) View() View {
	oi.inv.mergeMu.Lock()
	defer oi.inv.mergeMu.Unlock()
	v, inputs := oi.inv.state()
	n := slices.IndexFunc(v.Orgs, func(o OrgState) bool { return o.Name == oi.name })
	if n < 0 {
		return View{Snapshot: &Snapshot{}, History: newHistory().view}
	}
	v.Orgs = v.Orgs[n : n+1]
	p := oi.inv.parts[oi.name]
	if p == nil {
		p = &part{}
		oi.inv.parts[oi.name] = p
	}
	if all, id := oi.inv.history.view, v.Orgs[0].OrgID; p.all != all || p.orgID != id {
		p.all, p.orgID, p.ofOrg = all, id, all.forOrg(oi.name, id)
	}
	v.History = p.ofOrg
	shown := inputs[n : n+1 : n+1]
	for _, in := range inputs {
		if in.account != nil && in.account.Current == inputs[n].orgID {
			shown = append(shown, in) // the orgs that the org manages
		}
	}
	return oi.inv.view(v, shown, inputs, &p.snapshot, &p.snapshot)
}

// state returns a view without a snapshot, and the inputs to one of all orgs, in the
// same order, followed by those of discoveries.
func (inv *Inventory) state() (View, []input) {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	now := time.Now()
	v := View{Orgs: make([]OrgState, len(inv.orgs)), WriteFailures: inv.writer.failed()}
	accounts := inv.accounts()
	for _, d := range inv.discoveries {
		v.Discoveries = append(v.Discoveries, d.state)
	}
	inputs := make([]input, len(inv.orgs), len(inv.orgs)+len(accounts))
	for i, o := range inv.orgs {
		inputs[i] = o.input(accounts)
		v.Orgs[i] = o.state(now, inv.maxStale)
		v.Orgs[i].OrgID = cmp.Or(inputs[i].orgID, inputs[i].statedID)
		if gap := o.gap(now, inv.maxStale); gap != nil {
			v.Gaps = append(v.Gaps, *gap)
		}
	}
	for _, account := range accounts {
		inputs = append(inputs, input{account: account})
	}
	return v, inputs
}

// view returns the view with the snapshot of the inputs to it, from cache all, or from
// cache fresh while one of its orgs is stale. mergeMu is held.
func (inv *Inventory) view(v View, inputs, ofAll []input, all, fresh *snapshotCache) View {
	observed, cache := inv.observed.get(ofAll), all
	inputs = slices.Clone(inputs)
	for i := range v.Orgs {
		if v.Orgs[i].Stale {
			cache = fresh
			inputs[i].listing = nil
		}
	}
	v.Snapshot = cache.get(inputs, observed)
	return v
}

// refresh starts the listings that are due among the selected orgs, and waits for
// all of theirs that are running.
func (inv *Inventory) refresh(ctx context.Context, selected func(*org) bool) {
	for _, done := range inv.startDue(selected) {
		select {
		case <-done:
		case <-ctx.Done():
		}
	}
}

// startDue starts listings and returns the channels that are closed when a running
// one is done.
func (inv *Inventory) startDue(selected func(*org) bool) (running []<-chan struct{}) {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	now := time.Now()
	for _, o := range inv.orgs {
		if !selected(o) {
			continue
		}
		if o.done == nil && !now.Before(o.nextAttempt) && inv.ctx.Err() == nil {
			go inv.list(o.startListing(inv.ctx, now, inv.ttl))
		}
		if o.done != nil {
			running = append(running, o.done)
		}
	}
	return append(running, inv.startDiscoveries(now)...)
}

// list lists an org as soon as there is a slot, records the result, and logs it. Those
// who wait find it logged, but a log that blocks keeps nobody else from listing the org.
func (inv *Inventory) list(l startedListing) {
	defer close(l.done)
	listing, err := inv.listWithSlot(l)
	inv.mergeMu.Lock()
	logResult := inv.record(l, listing, err)
	inv.mergeMu.Unlock()
	logResult()
}

// maxSlotWait bounds how long a listing waits for others to end.
const maxSlotWait = 5 * time.Minute

func (inv *Inventory) listWithSlot(l startedListing) (*datadog.Listing, error) {
	timeout := time.NewTimer(maxSlotWait)
	defer timeout.Stop()
	select {
	case inv.slots <- struct{}{}:
		defer func() { <-inv.slots }()
		return l.lister.List(l.ctx)
	case <-timeout.C:
		return nil, fmt.Errorf("%w: %d listings of other orgs have kept this one waiting for %v", datadog.Timeout, maxConcurrentListings, maxSlotWait)
	case <-l.ctx.Done():
		return nil, l.ctx.Err()
	}
}

// record records the result of a listing, and what has changed with it. It returns a
// function that logs that. mergeMu is held.
func (inv *Inventory) record(l startedListing, listing *datadog.Listing, err error) (logResult func()) {
	inv.mu.Lock()
	previous, first, discovers := l.org.listing, l.org.awaitsFirst(), len(inv.discoveries) > 0
	logListing, ok := inv.recordResult(l, listing, err)
	in, now := l.org.input(inv.accounts()), time.Now()
	complete := inv.history.start.IsZero() && !slices.ContainsFunc(inv.orgs, func(o *org) bool {
		gap := o.gap(now, inv.maxStale)
		return gap != nil && gap.Reason != Filtered
	})
	inv.mu.Unlock()
	if !ok {
		return logListing
	}
	changes, renames, update := inv.history.observe(observation{
		org: l.org.name, listing: in, previous: previous, orgName: inv.all.orgName, isStored: inv.writer.storage != nil, complete: complete,
	})
	logIdentity := func() {}
	if first && in.statedID == "" && !discovers {
		logIdentity = func() { logInferred(log.With(inv.logger, "org", l.org.name), in.orgID) }
	}
	update.Expired = inv.history.forget(time.Now().Add(-inv.retention))
	inv.writer.add(update)
	return func() {
		logListing()
		logIdentity()
		logChanges(inv.logger, changes, renames)
	}
}

// recordResult records the result of a listing in the state of its org, and returns a
// function that logs it. ok is false where there is no new listing. The lock is held.
func (inv *Inventory) recordResult(l startedListing, listing *datadog.Listing, err error) (logListing func(), ok bool) {
	o := l.org
	canceled := l.ctx.Err() != nil
	l.cancel()
	o.done = nil
	if canceled {
		return func() {}, false // the process stops, or the org was reconfigured: no failure of the org
	}
	logger := log.With(inv.logger, "org", o.name)
	if err != nil {
		reason := o.recordFailure(err)
		next := logTime(o.nextAttempt)
		return func() {
			level.Warn(logger).Log("msg", "Listing failed", "reason", reason, "err", err, "next_attempt", next)
		}, false
	}
	leveled := level.Debug(logger)
	if o.awaitsFirst() || o.err != nil {
		leveled = level.Info(logger) // the first one, or the end of an outage
	}
	o.recordSuccess(listing)
	next := logTime(o.nextAttempt)
	return func() {
		for _, warning := range listing.Warnings {
			level.Warn(logger).Log("msg", "Listing warning", "warning", warning)
		}
		leveled.Log("msg", "Listing succeeded", "connections", len(listing.Connections), "complete", listing.Complete,
			"pages", listing.Pages, "duration", listing.Duration, "next_attempt", next)
	}, true
}

func logTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }
