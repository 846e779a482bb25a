package inventory_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
)

func TestInventory_ListsOncePerTTL(t *testing.T) {
	runOneOrg(t, inventory.Options{}, func(t *testing.T, l *fakeLister, inv testInventory) {
		for _, step := range []struct {
			after time.Duration
			want  int
		}{{0, 1}, {time.Second, 1}, {58 * time.Second, 1}, {999 * time.Millisecond, 1}, {time.Millisecond, 2}, {30 * time.Second, 2}, {time.Hour, 3}} {
			advance(step.after)
			inv.Refresh(t.Context())
			if l.calls() != step.want {
				t.Errorf("%v later: %d listings, want %d", step.after, l.calls(), step.want)
			}
		}
	})
}

func TestInventory_ViewListsNothing(t *testing.T) {
	runOneOrg(t, inventory.Options{}, func(t *testing.T, l *fakeLister, inv testInventory) {
		if len(inv.connectionIDs()) != 0 || inv.state().Up || l.calls() != 0 {
			t.Errorf("View caused %d listings", l.calls())
		}
	})
}

func TestInventory_ConcurrentRefreshesShareOneListing(t *testing.T) {
	runOneOrg(t, inventory.Options{}, func(t *testing.T, l *fakeLister, inv testInventory) {
		l.delay = 3 * time.Second
		var scrapes sync.WaitGroup
		for n := range 100 {
			scrapes.Go(func() {
				advance(time.Duration(n) * 10 * time.Millisecond)
				inv.Refresh(t.Context())
				if len(inv.connectionIDs()) != 1 {
					t.Error("Refresh returned before the first listing was done")
				}
			})
		}
		scrapes.Wait()
		if l.calls() != 1 {
			t.Errorf("%d listings, want 1", l.calls())
		}
	})
}

func TestInventory_FailuresRespectTTL(t *testing.T) {
	runOneOrg(t, inventory.Options{}, func(t *testing.T, l *fakeLister, inv testInventory) {
		l.returns(outage)
		for range 1000 {
			inv.Refresh(t.Context())
			advance(59 * time.Millisecond)
		}
		if l.calls() != 1 {
			t.Errorf("%d listings in 59 seconds, want 1", l.calls())
		}
	})
}

func TestInventory_WaitsForRateLimitReset(t *testing.T) {
	runOneOrg(t, inventory.Options{}, func(t *testing.T, l *fakeLister, inv testInventory) {
		l.returns(&datadog.Error{Reason: datadog.RateLimited, RetryAt: time.Now().Add(10 * time.Minute)})
		inv.Refresh(t.Context())
		advance(10*time.Minute - time.Second)
		inv.Refresh(t.Context())
		if l.calls() != 1 {
			t.Errorf("%d listings before the reset, want 1", l.calls())
		}
		l.returns(nil, connection("a", "b", "logs"))
		l.listing.NotBefore = time.Now().Add(20 * time.Minute) // the limit is used up again
		advance(time.Second)
		inv.Refresh(t.Context())
		advance(15 * time.Minute)
		inv.Refresh(t.Context())
		if l.calls() != 2 || !inv.state().Up {
			t.Errorf("%d listings, want 2; up is %v", l.calls(), inv.state().Up)
		}
	})
}

func TestInventory_RefreshOutlivesScrape(t *testing.T) {
	runOneOrg(t, inventory.Options{}, func(t *testing.T, l *fakeLister, inv testInventory) {
		inv.Refresh(t.Context())
		advance(time.Minute)
		l.returns(nil, connection("a", "b", "logs"), connection("a", "c", "logs"))
		l.delay = 20 * time.Second
		began := time.Now()
		scrape, cancel := context.WithTimeout(t.Context(), 9*time.Second)
		defer cancel()
		inv.Refresh(scrape)
		if waited := time.Since(began); waited != 9*time.Second || len(inv.connectionIDs()) != 1 || !inv.state().Up || !inv.state().Refreshing {
			t.Errorf("after %v: %v, %+v", waited, inv.connectionIDs(), inv.state())
		}
		advance(12 * time.Second)
		if len(inv.connectionIDs()) != 2 || l.calls() != 1+1 || inv.state().Refreshing {
			t.Errorf("the refresh did not continue: %v after %d listings", inv.connectionIDs(), l.calls())
		}
	})
}

func TestInventory_OneListingPerOrgAtATime(t *testing.T) {
	runOneOrg(t, inventory.Options{}, func(t *testing.T, l *fakeLister, inv testInventory) {
		l.delay = 3 * time.Minute
		for range 170 {
			scrape, cancel := context.WithTimeout(t.Context(), time.Second)
			inv.Refresh(scrape)
			cancel()
		}
		if l.calls() != 1 {
			t.Errorf("%d listings, want 1", l.calls())
		}
	})
}

func TestInventory_KeepsLastGoodListing(t *testing.T) {
	runOneOrg(t, inventory.Options{}, func(t *testing.T, l *fakeLister, inv testInventory) {
		inv.Refresh(t.Context())
		before := inv.View().Snapshot
		l.returns(outage)
		for range 60 {
			inv.refreshAfterTTL(t)
			if inv.View().Snapshot != before || inv.state().Up || inv.state().Stale {
				t.Fatalf("the snapshot or state changed during an outage: %v, %+v", inv.connectionIDs(), inv.state())
			}
		}
		advance(time.Second)
		if len(inv.connectionIDs()) != 0 || len(inv.View().Snapshot.Orgs) != 0 || inv.state().Up || !inv.state().Stale {
			t.Errorf("an hour and a second later: %v, %+v", inv.connectionIDs(), inv.state())
		}
		if got := inv.state().Listings; got != 61 || inv.state().Failures[datadog.ServerError] != 60 {
			t.Errorf("%d listings, failures %v", got, inv.state().Failures)
		}
		l.returns(nil, connection("a", "b", "logs"))
		inv.refreshAfterTTL(t)
		if len(inv.connectionIDs()) != 1 || !inv.state().Up || inv.state().Stale {
			t.Errorf("after the outage: %v, %+v", inv.connectionIDs(), inv.state())
		}
	})
}

func TestOrgState_StaleIsNotUp(t *testing.T) {
	runOneOrg(t, inventory.Options{}, func(t *testing.T, l *fakeLister, inv testInventory) {
		inv.Refresh(t.Context())
		advance(2 * time.Hour) // nobody scraped
		l.delay = time.Minute
		scrape, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		inv.Refresh(scrape)
		if len(inv.connectionIDs()) != 0 || inv.state().Up {
			t.Errorf("%v, %+v", inv.connectionIDs(), inv.state())
		}
		advance(time.Minute)
		if len(inv.connectionIDs()) != 1 || !inv.state().Up {
			t.Errorf("after the refresh: %v, %+v", inv.connectionIDs(), inv.state())
		}
	})
}

func TestOrgState_CountsFailuresByReason(t *testing.T) {
	runOneOrg(t, inventory.Options{TTL: time.Second}, func(t *testing.T, l *fakeLister, inv testInventory) {
		for _, reason := range datadog.Reasons() {
			l.returns(fmt.Errorf("wrapped: %w", &datadog.Error{Reason: reason}))
			advance(time.Second)
			inv.Refresh(t.Context())
		}
		l.returns(errors.New("from nowhere"))
		advance(time.Second)
		inv.Refresh(t.Context())
		for _, reason := range datadog.Reasons() {
			want := uint64(1)
			if reason == datadog.Network {
				want = 2
			}
			if got := inv.state().Failures[reason]; got != want {
				t.Errorf("%d failures for %v", got, reason)
			}
		}
	})
}

func TestInventory_WarmUpRetriesUntilFirstSuccess(t *testing.T) {
	runOneOrg(t, inventory.Options{}, func(t *testing.T, l *fakeLister, inv testInventory) {
		l.returns(forbidden)
		l.delay = time.Second
		go inv.WarmUp()
		if err := inv.View().Ready(); err == nil || !strings.Contains(err.Error(), "first listing of org default is not done") {
			t.Errorf("Ready: %v", err)
		}
		advance(5*time.Minute + 30*time.Second)
		if err := inv.View().Ready(); !errors.Is(err, datadog.Forbidden) {
			t.Errorf("Ready: %v", err)
		}
		if l.calls() != 6 {
			t.Errorf("%d listings in five and a half minutes, want 6", l.calls())
		}
		l.returns(nil, connection("a", "b", "logs"))
		advance(time.Minute)
		if err := inv.View().Ready(); err != nil || len(inv.connectionIDs()) != 1 {
			t.Errorf("Ready: %v, connections %v", err, inv.connectionIDs())
		}
		l.returns(forbidden)
		inv.refreshAfterTTL(t)
		if err := inv.View().Ready(); err != nil {
			t.Errorf("Ready after a later failure: %v", err)
		}
	})
}

func TestInventory_StopIsNoFailure(t *testing.T) {
	runOneOrg(t, inventory.Options{}, func(t *testing.T, l *fakeLister, inv testInventory) {
		l.delay = time.Hour
		time.AfterFunc(time.Second, inv.stop)
		inv.WarmUp()
		inv.Refresh(context.Background())
		synctest.Wait()
		if log := inv.log.take(); l.calls() != 1 || inv.state().Listings != 0 || log != "" {
			t.Errorf("%d listings, %+v, log %q", l.calls(), inv.state(), log)
		}
	})
}

func TestView_CompleteIfEveryListingIs(t *testing.T) {
	runOrgs(t, func(t *testing.T, inv testInventory) {
		inv.setConnections(triangle)
		wantComplete := func(when string, want bool) {
			t.Helper()
			org, _ := inv.ForOrg("a")
			if got, ofOrg := inv.View().Complete(), org.View().Complete(); got != want || ofOrg != want {
				t.Errorf("%s: complete is %v, in the view of org a %v, want %v", when, got, ofOrg, want)
			}
		}
		wantComplete("before the first listing", false)
		inv.refreshAfterTTL(t)
		wantComplete("when all are listed", true)
		inv.listers["b"].listing.Complete = false
		inv.refreshAfterTTL(t)
		wantComplete("when one is not complete", false)
		inv.listers["b"].listing.Complete, inv.listers["b"].listing.Filter = true, datadog.Filter{SourceOrgID: "b"}
		inv.refreshAfterTTL(t)
		wantComplete("when one is filtered", false)
		inv.setConnections(triangle)
		inv.refreshAfterTTL(t)
		inv.listers["a"].returns(outage)
		inv.refreshAfterTTL(t)
		wantComplete("while one fails, with a good listing", true)
		advance(time.Hour)
		wantComplete("when that is stale", false)
	}, "a", "b")
}

func TestInventory_ListsOrgsConcurrently(t *testing.T) {
	var names []string
	for n := range 200 {
		names = append(names, fmt.Sprintf("o%03d", n))
	}
	runOrgs(t, func(t *testing.T, inv testInventory) {
		var mu sync.Mutex
		running, most := 0, 0
		for _, l := range inv.listers {
			l.onList = func() {
				mu.Lock()
				running++
				most = max(most, running)
				mu.Unlock()
				advance(50 * time.Millisecond)
				mu.Lock()
				running--
				mu.Unlock()
			}
		}
		began := time.Now()
		inv.Refresh(t.Context())
		if took := time.Since(began); took != 200*time.Millisecond || most != 64 {
			t.Errorf("200 orgs of 50 ms took %v with %d listings at a time, want 200ms with 64", took, most)
		}
	}, names...)
}

func TestView_ReadyOnceEveryOrgWasTried(t *testing.T) {
	runOrgs(t, func(t *testing.T, inv testInventory) {
		inv.setConnections(triangle)
		inv.listers["b"].returns(forbidden)
		inv.listers["c"].delay = 10 * time.Second
		go inv.WarmUp()
		advance(time.Second)
		if err := inv.View().Ready(); err == nil || !strings.Contains(err.Error(), "org c is not done") {
			t.Errorf("Ready: %v", err)
		}
		advance(10 * time.Second)
		if err := inv.View().Ready(); err != nil {
			t.Errorf("Ready: %v", err)
		}
		advance(5 * time.Minute)
		if inv.listers["a"].calls() != 1 || inv.listers["b"].calls() != 6 {
			t.Errorf("a was listed %d times, b %d times without a scrape", inv.listers["a"].calls(), inv.listers["b"].calls())
		}
	}, "a", "b", "c")
}

func TestInventory_ConfigureKeepsListings(t *testing.T) {
	runOrgs(t, func(t *testing.T, inv testInventory) {
		inv.setConnections(triangle)
		inv.refreshAfterTTL(t)
		before := inv.listers["a"].calls()
		changed, added := &fakeLister{}, &fakeLister{}
		inv.listers["c"], inv.listers["d"] = changed, added
		inv.setConnections(triangle)
		inv.log.take()
		inv.Configure([]inventory.Org{{Name: "d", Lister: added}, {Name: "a", Lister: inv.listers["a"]}, {Name: "c", Lister: changed}})
		inv.wantConnections(t, "before the next listing: b's is dropped, c's is kept", "a-b", "b-c", "c-a", "d-a")
		inv.Refresh(t.Context())
		inv.wantConnections(t, "after the next listing", "a-b", "b-c", "c-a", "d-a", "d-b")
		if inv.listers["a"].calls() != before || changed.calls() != 1 || added.calls() != 1 {
			t.Errorf("a was listed %d times more, c %d times, d %d times", inv.listers["a"].calls()-before, changed.calls(), added.calls())
		}
		var names []string
		for _, o := range inv.View().Orgs {
			names = append(names, o.Name)
		}
		if !slices.Equal(names, []string{"d", "a", "c"}) {
			t.Errorf("orgs %v", names)
		}
		if log := inv.log.take(); strings.Contains(log, "Connection") {
			t.Errorf("Configure logged a change of connections:\n%s", log)
		}
	}, "a", "b", "c")
}

func TestInventory_WarmUpListsLaterOrgs(t *testing.T) {
	runOrgs(t, func(t *testing.T, inv testInventory) {
		inv.setConnections(triangle)
		go inv.WarmUp()
		advance(time.Second)
		added := &fakeLister{}
		inv.listers["b"] = added
		inv.setConnections(triangle)
		inv.Configure([]inventory.Org{{Name: "a", Lister: inv.listers["a"]}, {Name: "b", Lister: added}})
		advance(time.Second)
		inv.wantConnections(t, "without a scrape", "a-b", "b-c", "c-a", "d-a", "d-b")
		if inv.listers["a"].calls() != 1 {
			t.Errorf("a was listed %d times", inv.listers["a"].calls())
		}
	}, "a")
}

func TestInventory_ConfigureCancelsListings(t *testing.T) {
	for name, b := range map[string]inventory.Lister{"b is removed": nil, "b has another lister": &fakeLister{}} {
		runOrgs(t, func(t *testing.T, inv testInventory) {
			inv.setConnections(triangle)
			inv.refreshAfterTTL(t)
			inv.listers["b"].delay = 10 * time.Second
			advance(time.Minute)
			done := make(chan struct{})
			go func() { inv.Refresh(t.Context()); close(done) }()
			advance(time.Second)
			began := time.Now()
			orgs := []inventory.Org{{Name: "a", Lister: inv.listers["a"]}}
			if b != nil {
				orgs = append(orgs, inventory.Org{Name: "b", Lister: b})
			}
			inv.Configure(orgs)
			<-done
			if waited := time.Since(began); waited != 0 {
				t.Errorf("%s: Refresh waited %v", name, waited)
			}
			want := []string{"a-b", "c-a", "d-a"}
			if b != nil {
				want = []string{"a-b", "b-c", "c-a", "d-a", "d-b"}
			}
			inv.wantConnections(t, name, want...)
		}, "a", "b")
	}
}

func TestInventory_ConfigureKeepsRateLimit(t *testing.T) {
	for name, limit := range map[string]func(l *fakeLister, reset time.Time){
		"a success used it up": func(l *fakeLister, reset time.Time) { l.listing.NotBefore = reset },
		"a failure": func(l *fakeLister, reset time.Time) {
			l.returns(&datadog.Error{Reason: datadog.RateLimited, RetryAt: reset})
		},
		"a listing that is canceled": func(l *fakeLister, reset time.Time) {
			l.delay = time.Hour
			l.limit = &datadog.RateLimit{ResetAt: reset}
		},
	} {
		t.Run(name, func(t *testing.T) {
			runOneOrg(t, inventory.Options{}, func(t *testing.T, l *fakeLister, inv testInventory) {
				reset := time.Now().Add(50 * time.Minute)
				limit(l, reset)
				scrape, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				inv.Refresh(scrape)
				changed := &fakeLister{}
				for time.Now().Before(reset) {
					inv.Refresh(t.Context())
					if changed.calls() != 0 {
						t.Fatalf("a new lister was called %v before the rate limit reset", time.Until(reset))
					}
					changed = &fakeLister{}
					inv.Configure([]inventory.Org{{Name: "default", Lister: changed}})
					advance(10 * time.Minute)
				}
				inv.Refresh(t.Context())
				if changed.calls() != 1 {
					t.Error("the new lister was not called when the rate limit had reset")
				}
			})
		})
	}
}

func TestInventory_ConfigureListsAtOnceWithoutRateLimit(t *testing.T) {
	for name, err := range map[string]error{"after a success": nil, "after a failure": outage} {
		t.Run(name, func(t *testing.T) {
			runOneOrg(t, inventory.Options{}, func(t *testing.T, l *fakeLister, inv testInventory) {
				l.returns(err)
				l.limit = &datadog.RateLimit{Remaining: 1, ResetAt: time.Now().Add(time.Hour)}
				inv.Refresh(t.Context())
				changed := &fakeLister{}
				inv.Configure([]inventory.Org{{Name: "default", Lister: changed}})
				inv.Refresh(t.Context())
				if changed.calls() != 1 {
					t.Error("the new lister was not called")
				}
			})
		})
	}
}

func TestOrgInventory_ListsItsOrgOnly(t *testing.T) {
	runOrgs(t, func(t *testing.T, inv testInventory) {
		inv.setConnections(triangle)
		org, ok := inv.ForOrg("b")
		if !ok {
			t.Fatal("org b is not found")
		}
		org.Refresh(t.Context())
		if inv.listers["a"].calls() != 0 || inv.listers["b"].calls() != 1 {
			t.Error("Refresh of org b listed other orgs, or not org b")
		}
		view := org.View()
		if len(view.Orgs) != 1 || view.Orgs[0].Name != "b" || len(view.Snapshot.Connections) != 3 {
			t.Errorf("%+v", view)
		}
		inv.Refresh(t.Context())
		if inv.listers["b"].calls() != 1 {
			t.Error("org b was listed again within its TTL")
		}
		before := org.View().Snapshot
		inv.refreshAfterTTL(t)
		if org.View().Snapshot != before {
			t.Error("the snapshot was replaced though nothing has changed")
		}
		if _, ok := inv.ForOrg("z"); ok {
			t.Error("org z is found but not configured")
		}
		inv.Configure(nil)
		if view := org.View(); len(view.Orgs) != 0 || len(view.Snapshot.Connections) != 0 {
			t.Errorf("%+v", view)
		}
	}, "a", "b")
}
