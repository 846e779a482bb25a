package inventory

import (
	"context"
	"errors"
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

// Lister reads the connections of one org. A [datadog.Client] is one.
type Lister interface {
	// List gives every connection, or an error that wraps a [datadog.Reason].
	List(ctx context.Context) (*datadog.Listing, error)
	// Stats are the counts kept, and limits told, since the lister was made.
	Stats() datadog.Stats
}

// Org is an org to list: credentials and the name they go by.
type Org struct {
	// Name is the org label of the metrics about listing this org.
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

	mu    sync.Mutex
	orgs  []*org
	known *Snapshot // all last good listings, however old: what changes are told against
	shown *Snapshot // those that are not too old
	from  []source  // what shown was made of
}

// New makes an inventory that knows nothing yet. It starts no listing: that is
// for [Inventory.Refresh] and [Inventory.Warm]. When ctx ends, so do listings
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
		known:    &Snapshot{},
		shown:    &Snapshot{},
	}
	for _, configured := range orgs {
		i.orgs = append(i.orgs, newOrg(configured))
	}
	return i
}

// View is what is known at one moment.
type View struct {
	// Snapshot holds the inventory: the same pointer as long as the content is
	// the same.
	Snapshot *Snapshot
	// Orgs tell how listing each configured org goes, in the order of the
	// configuration.
	Orgs []OrgState
}

// Ready tells whether there was ever something to show: nil once a listing
// succeeded, else why none has.
func (v View) Ready() error {
	var reasons []error
	for _, o := range v.Orgs {
		switch {
		case o.Listing != nil:
			return nil
		case o.Err != nil:
			reasons = append(reasons, o.Err)
		}
	}
	if len(reasons) == 0 {
		return errors.New("the first listing is not done yet")
	}
	return errors.Join(reasons...)
}

// Refresh lists the orgs that are due, and waits for that as long as ctx lasts. A
// listing that is not done in time goes on by itself.
func (i *Inventory) Refresh(ctx context.Context) {
	for _, done := range i.start() {
		select {
		case <-done:
		case <-ctx.Done():
		}
	}
}

// Warm lists every org until it succeeded once, so that an inventory is there
// before somebody asks. It returns then, or when the inventory's context ends.
func (i *Inventory) Warm() {
	for i.ctx.Err() == nil {
		i.Refresh(i.ctx)
		var next time.Time
		for _, o := range i.View().Orgs {
			if o.Listing == nil && (next.IsZero() || o.NextAttempt.Before(next)) {
				next = o.NextAttempt
			}
		}
		if next.IsZero() {
			return
		}
		timer := time.NewTimer(time.Until(next))
		select {
		case <-timer.C:
		case <-i.ctx.Done():
			timer.Stop()
		}
	}
}

// start begins the listings that are due, and gives what to wait for.
func (i *Inventory) start() []<-chan struct{} {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := time.Now()
	var underWay []<-chan struct{}
	for _, o := range i.orgs {
		if o.done == nil && o.due(now) && i.ctx.Err() == nil {
			o.begin(now, i.ttl)
			go i.list(o)
		}
		if o.done != nil {
			underWay = append(underWay, o.done)
		}
	}
	return underWay
}

func (i *Inventory) list(o *org) {
	listing, err := o.lister.List(i.ctx)
	i.mu.Lock()
	defer i.mu.Unlock()
	defer o.end()
	if i.ctx.Err() != nil {
		return // we are stopping: that says nothing about the org
	}
	logger := log.With(i.logger, "org", o.name)
	if err != nil {
		o.failed(err)
		level.Warn(logger).Log("msg", "Listing failed", "reason", o.reason, "err", err, "next_attempt", logTime(o.next))
		return
	}
	first, recovered := o.listing == nil, o.err != nil
	o.succeeded(listing)
	for _, warning := range listing.Warnings {
		level.Warn(logger).Log("msg", "Listing is odd", "err", warning)
	}
	leveled := level.Debug(logger)
	if first || recovered {
		leveled = level.Info(logger)
	}
	leveled.Log("msg", "Listing succeeded", "connections", len(listing.Connections), "complete", listing.Complete,
		"pages", listing.Pages, "duration", listing.Duration, "next_attempt", logTime(o.next))

	known := merge(i.orgs)
	if !first {
		changesBetween(i.known, known).log(logger)
	}
	i.known = known
}

// View tells what is known now, without asking anybody.
func (i *Inventory) View() View {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := time.Now()
	var fresh []*org
	view := View{Orgs: make([]OrgState, len(i.orgs))}
	for n, o := range i.orgs {
		view.Orgs[n] = o.state(now, i.maxStale)
		if o.listing != nil && !view.Orgs[n].Stale {
			fresh = append(fresh, o)
		}
	}
	if from := sources(fresh); !slices.Equal(from, i.from) {
		i.from = from
		if shown := merge(fresh); !shown.equal(i.shown) {
			i.shown = shown
		}
	}
	view.Snapshot = i.shown
	return view
}

func logTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }
