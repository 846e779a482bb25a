package inventory_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
)

// fakeDiscoverer returns a set account or error after a delay.
type fakeDiscoverer struct {
	mu      sync.Mutex
	account datadog.Account
	err     error
	delay   time.Duration
	called  int
}

func (d *fakeDiscoverer) ListOrgs(ctx context.Context) (*datadog.Account, error) {
	d.mu.Lock()
	d.called++
	account, err, delay := d.account, d.err, d.delay
	d.mu.Unlock()
	account.Began = time.Now()
	select {
	case <-time.After(delay):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	account.Duration = delay
	if err != nil {
		return nil, err
	}
	return &account, nil
}

func (d *fakeDiscoverer) set(err error, current, credentials string, orgs ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = err
	d.account = datadog.Account{Current: current, Credentials: credentials}
	for _, id := range orgs {
		d.account.Orgs = append(d.account.Orgs, datadog.Org{ID: id, Name: "Org " + id})
	}
}

// calls returns how often ListOrgs was called.
func (d *fakeDiscoverer) calls() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.called
}

// runDiscovery runs a test with org a and a discovery, which have the same credentials.
func runDiscovery(t *testing.T, test func(t *testing.T, inv testInventory, d *fakeDiscoverer)) {
	t.Helper()
	runOrgs(t, func(t *testing.T, inv testInventory) {
		d := &fakeDiscoverer{}
		d.set(nil, "a", "keys of a", "a", "b", "z")
		inv.setConnections([]datadog.Connection{connection("a", "b", "logs")})
		inv.listers["a"].listing.Credentials = "keys of a"
		inv.Configure([]inventory.Org{{Name: "a", Lister: inv.listers["a"]}}, inventory.Discovery{Name: "discovery", Discoverer: d})
		test(t, inv, d)
	}, "a")
}

func TestDiscovery_OrgsWithoutKeysAreBlindSpots(t *testing.T) {
	runDiscovery(t, func(t *testing.T, inv testInventory, _ *fakeDiscoverer) {
		inv.Refresh(t.Context())
		// One connection alone does not tell whether the keys are those of a or of b.
		wantObserved(t, "with the account's list", inv.View(), "a+ b- z-")
		org, _ := inv.ForOrg("a")
		wantObserved(t, "of the org that manages the others alone", org.View(), "a+ b- z-")
		if got := inv.state().OrgID; got != "a" {
			t.Errorf("the keys are those of %q, want a", got)
		}
		inv.setConnections(nil)
		inv.listers["a"].listing.Credentials = "keys of a"
		inv.refreshAfterTTL(t)
		wantObserved(t, "without connections", inv.View(), "a+ b- z-")
	})
}

func TestDiscovery_OtherCredentialsTellNoIdentity(t *testing.T) {
	runDiscovery(t, func(t *testing.T, inv testInventory, d *fakeDiscoverer) {
		d.set(nil, "z", "keys of z", "a", "b", "z")
		inv.Refresh(t.Context())
		wantObserved(t, "with the list of z", inv.View(), "a? b? z-")
		org, _ := inv.ForOrg("a")
		wantObserved(t, "of an org that manages none alone", org.View(), "a? b?")
	})
}

func TestDiscovery_OncePerHour(t *testing.T) {
	runDiscovery(t, func(t *testing.T, inv testInventory, d *fakeDiscoverer) {
		for range 180 {
			inv.Refresh(t.Context())
			synctest.Wait()
			advance(time.Minute)
		}
		if d.calls() != 3 {
			t.Errorf("%d requests in three hours, want 3", d.calls())
		}
	})
}

func TestDiscovery_FailureTouchesNoListing(t *testing.T) {
	runDiscovery(t, func(t *testing.T, inv testInventory, d *fakeDiscoverer) {
		inv.Refresh(t.Context())
		before := inv.View().Snapshot
		d.set(forbidden, "", "")
		d.mu.Lock()
		d.delay = 30 * time.Second
		d.mu.Unlock()
		for range 120 {
			began := time.Now()
			inv.refreshAfterTTL(t)
			if waited := time.Since(began); waited != time.Minute {
				t.Fatalf("a scrape waited %v for a discovery", waited-time.Minute)
			}
		}
		synctest.Wait()
		v := inv.View()
		if v.Snapshot != before || !v.Complete() || !v.Orgs[0].Up || v.Discoveries[0].Err == nil || v.Discoveries[0].Account == nil {
			t.Errorf("%+v", v)
		}
		if log := inv.log.take(); !strings.Contains(log, `discovery=discovery msg="Listing the orgs of the account failed" reason=forbidden`) {
			t.Errorf("log\n%s", log)
		}
		if calls := d.calls(); calls != 1+11 { // from the 60th minute on, each 6 minutes: 30 s and a pause of 5 minutes
			t.Errorf("%d requests in two hours, want 12", calls)
		}
	})
}

// A command lists once, and needs the orgs with it.
func TestDiscovery_FirstRefreshWaits(t *testing.T) {
	runDiscovery(t, func(t *testing.T, inv testInventory, d *fakeDiscoverer) {
		d.delay = 10 * time.Second
		inv.Refresh(t.Context())
		wantObserved(t, "after the first refresh", inv.View(), "a+ b- z-")
	})
}

func TestDiscovery_WaitsForRateLimitReset(t *testing.T) {
	runDiscovery(t, func(t *testing.T, inv testInventory, d *fakeDiscoverer) {
		d.set(&datadog.Error{Reason: datadog.RateLimited, RetryAt: time.Now().Add(time.Hour)}, "", "")
		for range 60 {
			inv.Refresh(t.Context())
			advance(time.Minute)
		}
		if d.calls() != 1 {
			t.Errorf("%d requests before the reset, want 1", d.calls())
		}
	})
}

func TestDiscovery_ConfigureKeepsTheList(t *testing.T) {
	runDiscovery(t, func(t *testing.T, inv testInventory, d *fakeDiscoverer) {
		inv.Refresh(t.Context())
		orgs := []inventory.Org{{Name: "a", Lister: inv.listers["a"]}}
		inv.Configure(orgs, inventory.Discovery{Name: "discovery", Discoverer: d})
		wantObserved(t, "configured again", inv.View(), "a+ b- z-")
		inv.Configure(orgs)
		wantObserved(t, "without a discovery", inv.View(), "a? b?")
		if d.calls() != 1 {
			t.Errorf("%d requests, want 1", d.calls())
		}
	})
}

func TestOrgID_StatedOrgIsThereWithoutConnections(t *testing.T) {
	runOrgs(t, func(t *testing.T, inv testInventory) {
		inv.setConnections([]datadog.Connection{connection("a", "b", "logs")})
		orgs := []inventory.Org{{Name: "a", Lister: inv.listers["a"], OrgID: "a"}}
		inv.Configure(orgs)
		inv.Refresh(t.Context())
		wantObserved(t, "one connection", inv.View(), "a+ b-")
		inv.setConnections(nil)
		inv.refreshAfterTTL(t)
		wantObserved(t, "no connection", inv.View(), "a+")
		inv.listers["a"].returns(&datadog.Error{Reason: datadog.WrongOrg})
		inv.refreshAfterTTL(t)
		wantObserved(t, "with another org's keys", inv.View(), "a-")
	}, "a")
}

// The configuration states that the keys are those of org a, but they are those of z, which
// has no connections: the listing does not contradict it, and is none of a.
func TestDiscovery_TellsThatTheStatedOrgIsWrong(t *testing.T) {
	runDiscovery(t, func(t *testing.T, inv testInventory, d *fakeDiscoverer) {
		keys, discovery := inv.listers["a"], inventory.Discovery{Name: "discovery", Discoverer: d}
		inv.Configure([]inventory.Org{{Name: "a", Lister: keys, OrgID: "a"}}, discovery)
		inv.Refresh(t.Context())
		wantObserved(t, "with the keys of a", inv.View(), "a+ b- z-")
		keys.returns(nil)
		keys.listing.Credentials = "keys of z"
		discovery.Discoverer = &fakeDiscoverer{account: datadog.Account{Current: "z", Credentials: "keys of z", Orgs: d.account.Orgs}}
		inv.Configure([]inventory.Org{{Name: "a", Lister: keys, OrgID: "a"}}, discovery)
		for range 3 {
			inv.refreshAfterTTL(t)
		}
		wantObserved(t, "with the keys of z", inv.View(), "a- b- z+")
		inv.wantChanges(t, "with the keys of z", "")
	})
}
