package inventory

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"datadog_org_connections_exporter/datadog"
)

// OrgState is the state of an org's listing.
type OrgState struct {
	Name string
	// OrgID is the id of the org that the credentials belong to, empty where that is
	// not certain.
	OrgID string
	// Up is true where the last listing succeeded and is not stale.
	Up bool
	// Listing is the last good one, stale or not, and nil before the first.
	Listing *datadog.Listing
	// Stale is true where the last good listing is older than [Options.MaxStale].
	Stale bool
	// Err is why the last listing failed, nil where it succeeded or none ended yet.
	Err error
	// NextAttempt is the earliest time of the next listing.
	NextAttempt time.Time
	// Refreshing is true while a listing is running.
	Refreshing bool
	// Listings counts those that ended, failed ones too. Failures counts those by
	// reason, and has all of [datadog.Reasons].
	Listings uint64
	Failures map[datadog.Reason]uint64
	Stats    datadog.Stats
}

// org is a configured org and its listings. The inventory's lock guards it.
type org struct {
	name   string
	lister Lister

	statedID    string             // [Org.OrgID]
	listedID    string             // statedID when the last good listing was made
	listing     *datadog.Listing   // the last good one
	restored    bool               // the listing is an earlier process's
	inferredID  string             // of the org that the credentials belong to, empty where not certain
	err         error              // of the last listing
	nextAttempt time.Time          // a TTL after the last, but not before notBefore
	notBefore   time.Time          // when the API allows the next request, zero or past where it may be now
	done        chan struct{}      // closed when the running listing ends, nil where none is running
	cancel      context.CancelFunc // of the last listing
	listings    uint64
	failures    map[datadog.Reason]uint64
}

func newOrg(o Org) *org {
	failures := map[datadog.Reason]uint64{}
	for _, reason := range datadog.Reasons() {
		failures[reason] = 0
	}
	return &org{name: o.Name, lister: o.Lister, statedID: o.OrgID, cancel: func() {}, failures: failures}
}

// input returns what a snapshot depends on. Whose credentials made the listing is what a
// discovery with the same ones told, which the API knows, else what the configuration
// stated then, else what the listings tell. What the configuration states now may be about
// other credentials.
func (o *org) input(accounts []*datadog.Account) input {
	in := input{listing: o.listing, rejected: o.rejected(), statedID: o.statedID}
	if o.listing != nil {
		told := orgIDOf(o.listing, accounts)
		if o.statedID == o.listedID {
			in.statedID = cmp.Or(told, o.statedID)
		}
		in.orgID = cmp.Or(told, o.listedID, o.inferredID)
	}
	return in
}

// reconfigured returns a copy of the org with another lister or id, which is due as soon as the
// API allows. It may have the credentials of another org, with a rate limit of its own.
// That is not known before a request, so that the old limit holds until it resets: an
// hour at most.
func (o *org) reconfigured(configured Org) *org {
	other := *o
	other.lister, other.statedID = configured.Lister, configured.OrgID
	other.done = nil
	// A listing that is canceled now may have learnt of a limit that it used up.
	if limit := o.lister.Stats().RateLimit; limit != nil && limit.Remaining == 0 && limit.ResetAt.After(o.notBefore) {
		other.notBefore = limit.ResetAt
	}
	other.nextAttempt = other.notBefore
	return &other
}

// startedListing is a listing that is running.
type startedListing struct {
	org    *org
	lister Lister
	ctx    context.Context //nolint:containedctx // it is only handed to the goroutine that lists
	cancel context.CancelFunc
	done   chan struct{} // to be closed when it has ended
}

// startListing returns a new listing. The next attempt is a TTL after the beginning of
// this one, so that a scrape interval equal to the TTL finds every listing due.
func (o *org) startListing(parent context.Context, now time.Time, ttl time.Duration) startedListing {
	ctx, cancel := context.WithCancel(parent)
	o.done = make(chan struct{})
	o.cancel = cancel
	o.nextAttempt = now.Add(ttl)
	return startedListing{org: o, lister: o.lister, ctx: ctx, cancel: cancel, done: o.done}
}

// awaitsFirst reports whether no listing has succeeded in this process.
func (o *org) awaitsFirst() bool { return o.listing == nil || o.restored }

func (o *org) recordFailure(err error) datadog.Reason {
	reason := reasonOf(err)
	o.err = err
	o.listings++
	o.failures[reason]++
	var failure *datadog.Error
	if errors.As(err, &failure) {
		o.wait(failure.RetryAt)
	}
	return reason
}

func (o *org) recordSuccess(listing *datadog.Listing) {
	o.err = nil
	o.listings++
	o.listedID = o.statedID
	o.inferredID = identify(listing, o.listing, o.inferredID)
	o.listing = reuse(listing, o.listing)
	o.restored = false
	o.wait(listing.NotBefore)
}

// wait puts off the next attempt until the API allows it.
func (o *org) wait(notBefore time.Time) {
	o.notBefore = notBefore
	if notBefore.After(o.nextAttempt) {
		o.nextAttempt = notBefore
	}
}

// reuse returns the listing with the connections of prev where they are equal, so
// that both, and the snapshots made of them, share their memory.
func reuse(listing, prev *datadog.Listing) *datadog.Listing {
	if prev == nil || !slices.EqualFunc(prev.Connections, listing.Connections, sameConnection) {
		return listing
	}
	reused := *listing
	reused.Connections = prev.Connections
	return &reused
}

// rejected reports whether the last listing failed because the API rejected the
// credentials, or because they are another org's. Other failures say nothing about them.
func (o *org) rejected() bool {
	return errors.Is(o.err, datadog.Unauthorized) || errors.Is(o.err, datadog.Forbidden) || errors.Is(o.err, datadog.WrongOrg)
}

// gap returns what is not known of the org's connections, or nil if its listing has
// every connection that its credentials can see.
func (o *org) gap(now time.Time, maxStale time.Duration) *Gap {
	gap := Gap{Org: o.name, Err: o.err}
	switch {
	case o.listing == nil:
		gap.Reason = NotListed
	case o.rejected():
		gap.Reason = Rejected
	case o.stale(now, maxStale):
		gap.Reason = Stale
	case !o.listing.Complete:
		gap.Reason = Incomplete
		gap.Err = errors.New(strings.Join(o.listing.Warnings, "; "))
	case o.listing.Filtered():
		gap.Reason = Filtered
	default:
		return nil
	}
	return &gap
}

// stale reports whether the last good listing is older than maxStale.
func (o *org) stale(now time.Time, maxStale time.Duration) bool {
	return o.listing != nil && now.Sub(o.listing.Began) > maxStale
}

func (o *org) state(now time.Time, maxStale time.Duration) OrgState {
	stale := o.stale(now, maxStale)
	return OrgState{
		Name:        o.name,
		Up:          o.listing != nil && o.err == nil && !stale,
		Listing:     o.listing,
		Stale:       stale,
		Err:         o.err,
		NextAttempt: o.nextAttempt,
		Refreshing:  o.done != nil,
		Listings:    o.listings,
		Failures:    maps.Clone(o.failures),
		Stats:       o.lister.Stats(),
	}
}

// reasonOf returns the reason that err wraps. The client gives every error one; any
// other error is counted as a network failure.
func reasonOf(err error) datadog.Reason {
	for _, reason := range datadog.Reasons() {
		if errors.Is(err, reason) {
			return reason
		}
	}
	return datadog.Network
}
