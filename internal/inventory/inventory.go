package inventory

import (
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

// listingsAtOnce bounds how many orgs are listed side by side.
const listingsAtOnce = 64

// Lister reads the connections of one org. A [datadog.Client] is one.
type Lister interface {
	// List gives every connection, or an error that wraps a [datadog.Reason].
	List(ctx context.Context) (*datadog.Listing, error)
	// Stats are the counts kept, and limits told, since the lister was made.
	Stats() datadog.Stats
}

// Org is an org to list: credentials and the name they go by.
type Org struct {
	// Name is the org label of the metrics about listing this org. It is unique.
	Name   string
	Lister Lister
}

// Options say how old data may be.
type Options struct {
	// TTL is how old a listing may be and still be served without a new attempt.
	// Attempts, failed ones too, are at least as far apart. Default: [DefaultTTL].
	TTL time.Duration
	// MaxStale is how old the last good listing may get before it is no longer
	// shown. Default: [DefaultMaxStale].
	MaxStale time.Duration
	// Logger gets failures, recoveries and changes. Default: none.
	Logger log.Logger
}

// Inventory is what is known about all configured orgs. It is safe for
// concurrent use.
type Inventory struct {
	ctx      context.Context //nolint:containedctx // the process's life: a listing outlives the scrape that asked for it
	ttl      time.Duration
	maxStale time.Duration
	logger   log.Logger
	slots    chan struct{} // one for each listing under way

	configured chan struct{} // there are other orgs to warm up

	mu      sync.Mutex
	orgs    []*org
	seen    observing // by all of them
	known   merged    // of all last good listings, however old
	shown   merged    // of those that are not too old, where some are
	changes changeLog // of what is known
}

// New makes an inventory that knows nothing yet. It starts no listing: that is
// for [Inventory.Refresh] and [Inventory.WarmUp]. When ctx ends, so do listings
// under way.
func New(ctx context.Context, orgs []Org, o Options) *Inventory {
	if o.TTL == 0 {
		o.TTL = DefaultTTL
	}
	if o.MaxStale == 0 {
		o.MaxStale = DefaultMaxStale
	}
	if o.Logger == nil {
		o.Logger = log.NewNopLogger()
	}
	i := &Inventory{
		ctx:      ctx,
		ttl:      o.TTL,
		maxStale: o.MaxStale,
		logger:   o.Logger,
		slots:    make(chan struct{}, listingsAtOnce),

		configured: make(chan struct{}, 1),

		changes: changeLog{logger: o.Logger, known: &Snapshot{}},
	}
	i.Configure(orgs)
	return i
}

// Configure replaces the orgs to list. An org whose name and lister are those of
// before keeps all that is known of it. One that has another lister now keeps its
// last good listing until the new lister gives one: changed settings are no
// change of what Datadog has. What is known of an org that is gone goes at once.
func (i *Inventory) Configure(orgs []Org) {
	i.mu.Lock()
	defer i.mu.Unlock()
	before := map[string]*org{}
	for _, o := range i.orgs {
		before[o.name] = o
	}
	i.orgs = nil
	for _, configured := range orgs {
		o := before[configured.Name]
		switch {
		case o == nil:
			o = newOrg(configured)
		case o.lister != configured.Lister:
			o.abandon()
			o = o.with(configured.Lister)
		}
		delete(before, configured.Name)
		i.orgs = append(i.orgs, o)
	}
	for _, gone := range before {
		gone.abandon()
	}
	i.changes.begin(i.all())
	select {
	case i.configured <- struct{}{}:
	default: // it is to be known already
	}
}

// View is what is known at one moment.
type View struct {
	// Snapshot holds the inventory: the same pointer as long as the content is
	// the same.
	Snapshot *Snapshot
	// Orgs tell how listing each configured org goes, in the order of the
	// configuration.
	Orgs []OrgState
	// Complete tells whether everything is known that the configured credentials can
	// see: every org has a listing that is not too old, complete and not filtered.
	// What is not there may only be out of sight otherwise. An [OrgInventory]'s tells it
	// about all orgs, too.
	Complete bool
}

// Ready tells whether there is something to show: nil once every org was tried,
// and one listing succeeded, else why not. Later failures do not change it.
func (v View) Ready() error {
	var reasons []error
	known := false
	for _, o := range v.Orgs {
		switch {
		case o.Listing != nil:
			known = true
		case o.Err == nil:
			return fmt.Errorf("the first listing of org %s is not done yet", o.Name)
		default:
			reasons = append(reasons, o.Err)
		}
	}
	if known {
		return nil
	}
	return errors.Join(reasons...)
}

// Refresh lists the orgs that are due, and waits for that as long as ctx lasts. A
// listing that is not done in time goes on by itself.
func (i *Inventory) Refresh(ctx context.Context) {
	i.refresh(ctx, func(*org) bool { return true })
}

// WarmUp lists every org until it succeeded once, those of a later configuration
// too, so that an inventory is there before somebody asks. It returns when the
// inventory's context ends.
func (i *Inventory) WarmUp() {
	for i.ctx.Err() == nil {
		i.refresh(i.ctx, func(o *org) bool { return o.listing == nil })
		select {
		case <-i.coldUntil():
		case <-i.configured:
		case <-i.ctx.Done():
		}
	}
}

// coldUntil gives what tells when the next org that never succeeded is due; nil
// where all have.
func (i *Inventory) coldUntil() <-chan time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	var next time.Time
	for _, o := range i.orgs {
		if o.listing == nil && (next.IsZero() || o.next.Before(next)) {
			next = o.next
		}
	}
	if next.IsZero() {
		return nil
	}
	return time.After(time.Until(next))
}

// View tells what is known now, without asking anybody.
func (i *Inventory) View() View {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.view(i.orgs, &i.known, &i.shown)
}

// OrgInventory is an inventory of one org alone: what its credentials see. Which orgs are
// observed, and whether anything may be out of sight, is what all credentials tell
// together.
type OrgInventory struct {
	whole *Inventory
	name  string
}

// ForOrg returns the inventory of the org of that name; ok is false where there is
// none.
func (i *Inventory) ForOrg(name string) (inv OrgInventory, ok bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return OrgInventory{whole: i, name: name}, slices.ContainsFunc(i.orgs, func(o *org) bool { return o.name == name })
}

// Refresh is [Inventory.Refresh] of the one org.
func (p OrgInventory) Refresh(ctx context.Context) {
	p.whole.refresh(ctx, func(o *org) bool { return o.name == p.name })
}

// View is [Inventory.View] of the one org. There is nothing in it once the org is
// no longer configured.
func (p OrgInventory) View() View {
	i := p.whole
	i.mu.Lock()
	defer i.mu.Unlock()
	for n, o := range i.orgs {
		if o.name == p.name {
			return i.view(i.orgs[n:n+1], &o.known, &o.shown)
		}
	}
	return View{Snapshot: &Snapshot{}}
}

// refresh starts the listings that are due, of those who are wanted, and waits
// for all that are under way.
func (i *Inventory) refresh(ctx context.Context, wanted func(*org) bool) {
	for _, done := range i.start(wanted) {
		select {
		case <-done:
		case <-ctx.Done():
		}
	}
}

func (i *Inventory) start(wanted func(*org) bool) (underWay []<-chan struct{}) {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := time.Now()
	for _, o := range i.orgs {
		if !wanted(o) {
			continue
		}
		if o.done == nil && o.due(now) && i.ctx.Err() == nil {
			go i.list(o, o.begin(i.ctx, now, i.ttl))
		}
		if o.done != nil {
			underWay = append(underWay, o.done)
		}
	}
	return underWay
}

// list lists an org when there is a slot, and takes note of how it went.
func (i *Inventory) list(o *org, ctx context.Context) { //nolint:revive // the context is the org's
	var listing *datadog.Listing
	var err error
	select {
	case i.slots <- struct{}{}:
		listing, err = o.lister.List(ctx)
		<-i.slots
	case <-ctx.Done():
	}

	i.mu.Lock()
	defer i.mu.Unlock()
	stopped := ctx.Err() != nil
	defer close(o.end()) // last of all: those who wait find everything told
	defer i.tellChanges()
	if stopped {
		return // we stop, or the org is configured no longer: that says nothing about it
	}
	logger := log.With(i.logger, "org", o.name)
	if err != nil {
		o.failed(err)
		level.Warn(logger).Log("msg", "Listing failed", "reason", o.reason, "err", err, "next_attempt", logTime(o.next))
		return
	}
	first, recovered := o.listing == nil, o.err != nil
	o.succeeded(listing)
	if first {
		i.changes.found(listing)
	}
	for _, warning := range listing.Warnings {
		level.Warn(logger).Log("msg", "Listing is odd", "err", warning)
	}
	leveled := level.Debug(logger)
	if first || recovered {
		leveled = level.Info(logger)
	}
	leveled.Log("msg", "Listing succeeded", "connections", len(listing.Connections), "complete", listing.Complete,
		"pages", listing.Pages, "duration", listing.Duration, "next_attempt", logTime(o.next))
}

// tellChanges logs them, unless listings are under way.
func (i *Inventory) tellChanges() {
	if !slices.ContainsFunc(i.orgs, func(o *org) bool { return o.done != nil }) {
		i.changes.tell(i.all())
	}
}

// view tells what is known of some orgs, and what of that is shown. The lock is held.
func (i *Inventory) view(orgs []*org, known, shown *merged) View {
	now := time.Now()
	complete := !slices.ContainsFunc(i.orgs, func(o *org) bool { return !o.tellsAll(now, i.maxStale) })
	states := make([]OrgState, len(orgs))
	for n, o := range orgs {
		states[n] = o.state(now, i.maxStale)
	}
	if !slices.ContainsFunc(states, func(s OrgState) bool { return s.Stale }) {
		return View{Snapshot: known.of(orgs, i.seen.by(i.orgs)), Orgs: states, Complete: complete}
	}
	var current []*org
	for n, o := range orgs {
		if !states[n].Stale {
			current = append(current, o)
		}
	}
	return View{Snapshot: shown.of(current, i.seen.by(i.orgs)), Orgs: states, Complete: complete}
}

// all is what is known of all orgs, however old. The lock is held.
func (i *Inventory) all() *Snapshot { return i.known.of(i.orgs, i.seen.by(i.orgs)) }

func logTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }
