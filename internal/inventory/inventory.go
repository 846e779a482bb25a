package inventory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"datadog_org_connections_exporter/datadog"
)

// Defaults of [Options].
const (
	DefaultTTL      = time.Minute
	DefaultMaxStale = time.Hour
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
}

// Options configure an [Inventory].
type Options struct {
	// TTL is how old a listing may be and still be served without a new attempt.
	// Attempts, failed ones too, are at least as far apart. Default: [DefaultTTL].
	TTL time.Duration
	// MaxStale is the age after which the last good listing is stale: its
	// connections are not shown. Default: [DefaultMaxStale].
	MaxStale time.Duration
	// Logger gets failures, recoveries and changes. Default: none.
	Logger log.Logger
}

// Inventory lists all configured orgs and merges their listings. It is safe for
// concurrent use.
type Inventory struct {
	ctx      context.Context //nolint:containedctx // the process's life: a listing outlives the scrape that asked for it
	ttl      time.Duration
	maxStale time.Duration
	logger   log.Logger
	slots    chan struct{} // a semaphore for listings

	reconfigured chan struct{} // wakes WarmUp

	mu       sync.Mutex
	orgs     []*org
	observed observedCache
	all      snapshotCache // merged from the last good listings, stale ones too
	fresh    snapshotCache // merged from those that are not stale; used while some are
	changes  changeLog     // of all
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
	}
	if inv.logger == nil {
		inv.logger = log.NewNopLogger()
	}
	inv.Configure(orgs)
	return inv
}

// Configure replaces the orgs to list. An org with the same name and lister keeps
// its state. One with another lister keeps its last good listing until the new
// lister returns one: changed settings do not change what Datadog has. Orgs that
// are no longer configured are dropped at once.
func (inv *Inventory) Configure(orgs []Org) {
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
		case o.lister != configured.Lister:
			o.cancel()
			o = o.withLister(configured.Lister)
		}
		delete(previous, configured.Name)
		inv.orgs = append(inv.orgs, o)
	}
	for _, removed := range previous {
		removed.cancel()
	}
	inv.changes.reset(inv.allSnapshot())
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
	// Complete is true where the snapshot has everything that the configured
	// credentials can see: every org has a listing that is complete, not filtered
	// and not stale. Otherwise a connection that is not in the snapshot may exist
	// all the same. It is about all orgs in the view of an [OrgInventory], too.
	Complete bool
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
// an inventory before the first scrape. It does so for later configurations too,
// and returns when the inventory's context ends.
func (inv *Inventory) WarmUp() {
	for inv.ctx.Err() == nil {
		inv.refresh(inv.ctx, func(o *org) bool { return o.listing == nil })
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
		if o.listing == nil && (next.IsZero() || o.nextAttempt.Before(next)) {
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
	inv.mu.Lock()
	defer inv.mu.Unlock()
	return inv.view(inv.orgs, &inv.all, &inv.fresh)
}

// OrgInventory is the part of an [Inventory] that one org's credentials list. Which
// orgs are observed, and [View.Complete], are answered for all orgs together.
type OrgInventory struct {
	inv  *Inventory
	name string
}

// ForOrg returns the inventory of the org of that name; ok is false where it is not
// configured.
func (inv *Inventory) ForOrg(name string) (oi OrgInventory, ok bool) {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	return OrgInventory{inv: inv, name: name}, inv.org(name) != nil
}

// Refresh is [Inventory.Refresh] of the one org.
func (oi OrgInventory) Refresh(ctx context.Context) {
	oi.inv.refresh(ctx, func(o *org) bool { return o.name == oi.name })
}

// View is [Inventory.View] of the one org. It is empty once the org is no longer
// configured.
func (oi OrgInventory) View() View {
	oi.inv.mu.Lock()
	defer oi.inv.mu.Unlock()
	o := oi.inv.org(oi.name)
	if o == nil {
		return View{Snapshot: &Snapshot{}}
	}
	return oi.inv.view([]*org{o}, &o.snapshot, &o.snapshot)
}

// org returns the org of that name, or nil. The lock is held.
func (inv *Inventory) org(name string) *org {
	for _, o := range inv.orgs {
		if o.name == name {
			return o
		}
	}
	return nil
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
			go inv.list(o, o.startListing(inv.ctx, now, inv.ttl))
		}
		if o.done != nil {
			running = append(running, o.done)
		}
	}
	return running
}

// list lists an org as soon as there is a slot, and records the result.
func (inv *Inventory) list(o *org, ctx context.Context) { //nolint:revive // the context is the org's
	var listing *datadog.Listing
	var err error
	select {
	case inv.slots <- struct{}{}:
		listing, err = o.lister.List(ctx)
		<-inv.slots
	case <-ctx.Done():
	}

	inv.mu.Lock()
	defer inv.mu.Unlock()
	canceled := ctx.Err() != nil
	o.cancel()
	done := o.done
	o.done = nil
	defer close(done) // last, so that those who wait find the changes logged
	defer inv.logChanges()
	if canceled {
		return // the process stops, or the org was reconfigured: no failure of the org
	}
	logger := log.With(inv.logger, "org", o.name)
	if err != nil {
		reason := o.recordFailure(err)
		level.Warn(logger).Log("msg", "Listing failed", "reason", reason, "err", err, "next_attempt", logTime(o.nextAttempt))
		return
	}
	first, recovered := o.listing == nil, o.err != nil
	o.recordSuccess(listing)
	if first {
		inv.changes.ignoreAdded(listing)
	}
	for _, warning := range listing.Warnings {
		level.Warn(logger).Log("msg", "Listing warning", "warning", warning)
	}
	leveled := level.Debug(logger)
	if first || recovered {
		leveled = level.Info(logger)
	}
	leveled.Log("msg", "Listing succeeded", "connections", len(listing.Connections), "complete", listing.Complete,
		"pages", listing.Pages, "duration", listing.Duration, "next_attempt", logTime(o.nextAttempt))
}

// logChanges logs what has changed, unless listings are running. The lock is held.
func (inv *Inventory) logChanges() {
	if !slices.ContainsFunc(inv.orgs, func(o *org) bool { return o.done != nil }) {
		inv.changes.log(inv.logger, inv.allSnapshot())
	}
}

// view returns a view of some orgs. The snapshot comes from cache all, or from cache
// fresh while one of the orgs is stale. The lock is held.
func (inv *Inventory) view(orgs []*org, all, fresh *snapshotCache) View {
	now := time.Now()
	v := View{Complete: true, Orgs: make([]OrgState, len(orgs))}
	for _, o := range inv.orgs {
		v.Complete = v.Complete && o.complete(now, inv.maxStale)
	}
	shown, cache := make([]*org, 0, len(orgs)), all
	for i, o := range orgs {
		v.Orgs[i] = o.state(now, inv.maxStale)
		if v.Orgs[i].Stale {
			cache = fresh
		} else {
			shown = append(shown, o)
		}
	}
	v.Snapshot = cache.get(shown, inv.observed.get(inv.orgs))
	return v
}

// allSnapshot merges the last good listings of all orgs, stale ones too. The lock is
// held.
func (inv *Inventory) allSnapshot() *Snapshot {
	return inv.all.get(inv.orgs, inv.observed.get(inv.orgs))
}

func logTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }
