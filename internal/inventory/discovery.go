package inventory

import (
	"context"
	"errors"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"datadog_org_connections_exporter/datadog"
)

// Discoverer lists the orgs of an account. [datadog.Client] implements it.
type Discoverer interface {
	ListOrgs(ctx context.Context) (*datadog.Account, error)
}

// Discovery lists the orgs of an account, also those that have no connection or no
// credentials here. Its failure touches no listing.
type Discovery struct {
	// Name is unique among discoveries, for the log and the metrics.
	Name       string
	Discoverer Discoverer
}

// DiscoveryState is the state of a discovery.
type DiscoveryState struct {
	Name string
	// Account is the last good list, however old, and nil before the first.
	Account *datadog.Account
	// Err is why the last attempt failed, nil where it succeeded or none ended yet.
	Err error
}

// Orgs come and go rarely, and a list of them may need more permissions than a listing.
const (
	discoveryInterval      = time.Hour
	discoveryRetryInterval = 5 * time.Minute
)

// discovery is a configured one. The inventory's lock guards it.
type discovery struct {
	Discovery
	state       DiscoveryState
	nextAttempt time.Time
	done        chan struct{}      // closed when the running attempt ends, nil where none is running
	cancel      context.CancelFunc // of the last attempt
}

func newDiscovery(d Discovery) *discovery {
	return &discovery{Discovery: d, state: DiscoveryState{Name: d.Name}, cancel: func() {}}
}

// awaitsFirst reports whether no attempt has ended yet.
func (d *discovery) awaitsFirst() bool { return d.state.Account == nil && d.state.Err == nil }

// configureDiscoveries replaces the discoveries. One with the same name and discoverer
// keeps its state. The lock is held.
func (inv *Inventory) configureDiscoveries(discoveries []Discovery) {
	previous := map[Discovery]*discovery{}
	for _, d := range inv.discoveries {
		previous[d.Discovery] = d
	}
	inv.discoveries = nil
	for _, configured := range discoveries {
		d := previous[configured]
		if d == nil {
			d = newDiscovery(configured)
		}
		delete(previous, configured)
		inv.discoveries = append(inv.discoveries, d)
	}
	for _, removed := range previous {
		removed.cancel()
	}
}

// accounts returns the last good lists. The lock is held.
func (inv *Inventory) accounts() []*datadog.Account {
	var accounts []*datadog.Account
	for _, d := range inv.discoveries {
		if d.state.Account != nil {
			accounts = append(accounts, d.state.Account)
		}
	}
	return accounts
}

// startDiscoveries starts the attempts that are due. It returns channels that are closed
// when the first attempts end: nobody waits for later ones. The lock is held.
func (inv *Inventory) startDiscoveries(now time.Time) (first []<-chan struct{}) {
	for _, d := range inv.discoveries {
		if d.done == nil && !now.Before(d.nextAttempt) && inv.ctx.Err() == nil {
			ctx, cancel := context.WithCancel(inv.ctx)
			d.done, d.cancel = make(chan struct{}), cancel
			d.nextAttempt = now.Add(discoveryInterval)
			go inv.discover(ctx, d, d.done)
		}
		if d.done != nil && d.awaitsFirst() {
			first = append(first, d.done)
		}
	}
	return first
}

func (inv *Inventory) discover(ctx context.Context, d *discovery, done chan struct{}) {
	defer close(done)
	account, err := d.Discoverer.ListOrgs(ctx)
	inv.mu.Lock()
	canceled := ctx.Err() != nil
	d.cancel()
	d.done = nil
	failing := d.state.Err != nil
	switch {
	case canceled: // the process stops, or the discovery is no longer configured
	case err != nil:
		d.state.Err = err
		d.nextAttempt = time.Now().Add(discoveryRetryInterval)
		var failure *datadog.Error
		if errors.As(err, &failure) && failure.RetryAt.After(d.nextAttempt) {
			d.nextAttempt = failure.RetryAt
		}
	default:
		d.state.Err, d.state.Account = nil, account
	}
	next := logTime(d.nextAttempt)
	inv.mu.Unlock()
	logger := log.With(inv.logger, "discovery", d.Name)
	switch {
	case canceled:
	case err != nil:
		level.Warn(logger).Log("msg", "Listing the orgs of the account failed", "reason", reasonOf(err), "err", err, "next_attempt", next)
	default:
		leveled := level.Debug(logger)
		if failing {
			leveled = level.Info(logger)
		}
		leveled.Log("msg", "Listed the orgs of the account", "orgs", len(account.Orgs), "duration", account.Duration, "next_attempt", next)
		for _, warning := range account.Warnings {
			level.Warn(logger).Log("msg", "Listing warning", "warning", warning)
		}
	}
}

// orgIDOf returns the id of the org of a listing's credentials, if a discovery with the
// same ones told it.
func orgIDOf(listing *datadog.Listing, accounts []*datadog.Account) string {
	for _, account := range accounts {
		if account.Credentials == listing.Credentials {
			return account.Current
		}
	}
	return ""
}
