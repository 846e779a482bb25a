package inventory

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"datadog_org_connections_exporter/datadog"
)

// OrgState tells how listing an org goes.
type OrgState struct {
	Name string
	// Up is true where the last listing succeeded and is not too old to be shown.
	Up bool
	// Listing is the last good one, nil where there was none. It is there even
	// where it is too old for its connections to be shown.
	Listing *datadog.Listing
	// Stale is true where the last good listing is too old to be shown.
	Stale bool
	// Err is why the last listing failed, nil where it succeeded or none ended yet.
	Err error
	// NextAttempt is the earliest time for the next listing.
	NextAttempt time.Time
	// Refreshing is true while a listing is under way.
	Refreshing bool
	// Listings that ended, and those of them that failed, by reason. Every one of
	// [datadog.Reasons] is there.
	Listings uint64
	Failures map[datadog.Reason]uint64
	Stats    datadog.Stats
}

// org is the state that OrgState tells about. The inventory's lock guards it.
type org struct {
	name   string
	lister Lister

	listing  *datadog.Listing   // the last good one
	self     string             // id of the org that the credentials belong to, empty where unknown
	err      error              // of the last listing
	reason   datadog.Reason     // of err
	next     time.Time          // nothing is asked before
	done     chan struct{}      // closed when the listing under way ends, nil where none is
	stop     context.CancelFunc // ends the listing under way
	listings uint64
	failures map[datadog.Reason]uint64
	known    merged // of this org alone
	shown    merged // of nothing: its listing is too old
}

func newOrg(o Org) *org {
	failures := map[datadog.Reason]uint64{}
	for _, reason := range datadog.Reasons() {
		failures[reason] = 0
	}
	return &org{name: o.Name, lister: o.Lister, failures: failures}
}

func (o *org) due(now time.Time) bool { return !now.Before(o.next) }

// with is the org with another lister. What is known stays. The new lister is
// asked at once, unless that would break a promise to the API.
func (o *org) with(lister Lister) *org {
	other := *o
	other.lister = lister
	other.done, other.stop = nil, nil
	if o.reason != datadog.RateLimited {
		other.next = time.Time{}
	}
	return &other
}

// begin books an attempt and gives what it lives in. Attempts are counted from
// their beginning, so that a scrape interval equal to the TTL finds every listing
// due.
func (o *org) begin(parent context.Context, now time.Time, ttl time.Duration) context.Context {
	ctx, stop := context.WithCancel(parent)
	o.done = make(chan struct{})
	o.stop = stop
	o.next = now.Add(ttl)
	return ctx
}

// end gives the channel that is to be closed when all is settled.
func (o *org) end() (done chan struct{}) {
	o.stop()
	done, o.done = o.done, nil
	return done
}

// abandon ends the listing under way, if any: nobody wants to know any more.
func (o *org) abandon() {
	if o.done != nil {
		o.stop()
	}
}

func (o *org) failed(err error) {
	o.err = err
	o.reason = reasonOf(err)
	o.listings++
	o.failures[o.reason]++
	var failure *datadog.Error
	if errors.As(err, &failure) && failure.RetryAt.After(o.next) {
		o.next = failure.RetryAt
	}
}

func (o *org) succeeded(listing *datadog.Listing) {
	o.err, o.reason = nil, ""
	o.listings++
	o.listing = likeBefore(listing, o.listing)
	o.self = inferSelf(listing.Connections, o.self)
	if listing.NotBefore.After(o.next) {
		o.next = listing.NotBefore
	}
}

// likeBefore gives a listing in the memory of the one before, where it holds the
// same: what was made of that one is kept.
func likeBefore(listing, before *datadog.Listing) *datadog.Listing {
	if before == nil || !slices.EqualFunc(before.Connections, listing.Connections, sameConnection) {
		return listing
	}
	same := *listing
	same.Connections = before.Connections
	return &same
}

// refused tells whether the API did not accept the credentials when they were
// last used. An outage does not make it so.
func (o *org) refused() bool {
	return o.reason == datadog.Unauthorized || o.reason == datadog.Forbidden
}

// stale tells whether the last good listing is too old to be shown.
func (o *org) stale(now time.Time, maxStale time.Duration) bool {
	return o.listing != nil && now.Sub(o.listing.Began) > maxStale
}

// tellsAll tells whether what the org's credentials can see, and is not in its
// listing, is not there.
func (o *org) tellsAll(now time.Time, maxStale time.Duration) bool {
	return o.listing != nil && !o.stale(now, maxStale) && o.listing.Complete && !o.listing.Filtered
}

func (o *org) state(now time.Time, maxStale time.Duration) OrgState {
	stale := o.stale(now, maxStale)
	return OrgState{
		Name:        o.name,
		Up:          o.listing != nil && o.err == nil && !stale,
		Listing:     o.listing,
		Stale:       stale,
		Err:         o.err,
		NextAttempt: o.next,
		Refreshing:  o.done != nil,
		Listings:    o.listings,
		Failures:    maps.Clone(o.failures),
		Stats:       o.lister.Stats(),
	}
}

// reasonOf sorts a failure. One that says nothing of itself came from nowhere
// that the client knows, so it is taken for the network's.
func reasonOf(err error) datadog.Reason {
	for _, reason := range datadog.Reasons() {
		if errors.Is(err, reason) {
			return reason
		}
	}
	return datadog.Network
}
