package inventory_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
)

func TestChangeLog_OneLinePerChange(t *testing.T) {
	var logged string
	runOneOrg(t, inventory.Options{}, func(t *testing.T, l *fakeLister, inv testInventory) {
		list := func(err error, connections ...datadog.Connection) {
			l.returns(err, connections...)
			inv.refreshAfterTTL(t)
		}
		list(nil, connection("a", "b", "logs"), connection("a", "c", "logs"))
		list(nil, connection("a", "b", "logs"), connection("a", "c", "logs")) // logged at debug level
		list(outage)
		advance(2 * time.Hour) // stale: no change of what Datadog has
		_ = inv.View()
		list(nil, connection("a", "b", "audit", "logs"), connection("d", "a", "metrics"))
		l.listing.Orgs[0].Name = "Org A, renamed"
		l.listing.Warnings = []string{"how odd"}
		inv.refreshAfterTTL(t)
		logged = inv.log.take()
	})
	var lines []string
	for line := range strings.Lines(logged) {
		if !strings.Contains(line, "level=debug") {
			before, _, _ := strings.Cut(strings.TrimSpace(line), " next_attempt=")
			lines = append(lines, before)
		}
	}
	want := []string{
		`level=info org=default msg="Listing succeeded" connections=2 complete=true pages=1 duration=0s`,
		`level=info org=default msg="The credentials seem to be those of this org; state its id, so that other credentials are an error" org_id=a`,
		`level=warn org=default msg="Listing failed" reason=server_error err="GET it: 502"`,
		`level=info org=default msg="Listing succeeded" connections=2 complete=true pages=1 duration=0s`,
		`level=info msg="Connection widened" connection_id=a-b source_org_id=a source_org_name="Org a" sink_org_id=b sink_org_name="Org b" types=audit types_now=audit,logs at=2000-01-01T02:04:00Z`,
		`level=info msg="Connection added" connection_id=d-a source_org_id=d source_org_name="Org d" sink_org_id=a sink_org_name="Org a" types=metrics at=2000-01-01T02:04:00Z`,
		`level=warn org=default msg="Listing warning" warning="how odd"`,
		`level=info msg="Connection removed" connection_id=a-c source_org_id=a source_org_name="Org A, renamed" sink_org_id=c sink_org_name="Org c" types=logs at=2000-01-01T02:04:00Z`,
		`level=info msg="Org renamed" org_id=a org_name="Org A, renamed" org_name_before="Org a"`,
	}
	if !slices.Equal(lines, want) {
		t.Errorf("logged\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
}

func TestChangeLog_LogsConnectionThatCameBack(t *testing.T) {
	runOrgs(t, func(t *testing.T, inv testInventory) {
		inv.setConnections(triangle)
		inv.refreshAfterTTL(t)
		inv.setConnections(triangle[1:])
		inv.refreshAfterTTL(t)
		inv.log.take()
		inv.setConnections(triangle) // its first listing was not logged, its return is
		inv.refreshAfterTTL(t)
		if log := inv.log.take(); strings.Count(log, "Connection added") != 1 {
			t.Errorf("want one line for a connection that came back:\n%s", log)
		}
	}, "a", "b")
}

func TestChangeLog_ChangeListedByBothEndsIsOneLine(t *testing.T) {
	runOrgs(t, func(t *testing.T, inv testInventory) {
		inv.setConnections(triangle[:4])
		inv.refreshAfterTTL(t)
		inv.listers["b"].delay = time.Second
		inv.setConnections(triangle[1:])
		inv.log.take()
		inv.refreshAfterTTL(t)
		log := inv.log.take()
		if strings.Count(log, "Connection added") != 1 || strings.Count(log, "Connection removed") != 1 {
			t.Errorf("want one line for a new and one for a removed connection:\n%s", log)
		}
	}, "a", "b", "c")
}

// changes returns the changes that were logged since the last call: kind and id, sorted.
func (inv testInventory) changes() string {
	synctest.Wait()
	var changes []string
	for line := range strings.Lines(inv.log.take()) {
		if kind, rest, ok := strings.Cut(line, `msg="Connection `); ok {
			_ = kind
			kind, rest, _ = strings.Cut(rest, `" connection_id=`)
			id, _, _ := strings.Cut(rest, " ")
			changes = append(changes, kind+" "+id)
		}
	}
	slices.Sort(changes)
	return strings.Join(changes, ", ")
}

func (inv testInventory) wantChanges(t *testing.T, when, want string) {
	t.Helper()
	if got := inv.changes(); got != want {
		t.Errorf("%s: changes %q, want %q", when, got, want)
	}
}

func TestHistory_BeginsSilently(t *testing.T) {
	runOrgs(t, func(t *testing.T, inv testInventory) {
		inv.listers["b"].delay = time.Second
		inv.setConnections(triangle)
		inv.Refresh(t.Context())
		inv.wantChanges(t, "the first inventory", "")
	}, "a", "b")
}

func TestHistory_TellsAdditionsWhileAnotherOrgWasNeverListed(t *testing.T) {
	runOrgs(t, func(t *testing.T, inv testInventory) {
		inv.setConnections(triangle[1:])
		inv.listers["b"].returns(forbidden)
		inv.refreshAfterTTL(t)
		inv.setConnections(triangle, "a")
		inv.refreshAfterTTL(t)
		inv.wantChanges(t, "with a new connection of a", "added a-b")
		inv.setConnections(triangle, "b")
		inv.refreshAfterTTL(t)
		inv.wantChanges(t, "with the first listing of b", "")
	}, "a", "b")
}

func TestHistory_NewCredentialsDiscover(t *testing.T) {
	runOrgs(t, func(t *testing.T, inv testInventory) {
		inv.setConnections(triangle)
		inv.refreshAfterTTL(t)
		inv.listers["b"] = &fakeLister{}
		inv.setConnections(append([]datadog.Connection{connection("b", "a", "logs")}, triangle...), "b")
		inv.Configure([]inventory.Org{{Name: "a", Lister: inv.listers["a"]}, {Name: "b", Lister: inv.listers["b"]}})
		inv.Refresh(t.Context())
		// Org a would have listed b-a before, but nobody b-c and d-b.
		inv.wantChanges(t, "with the first listing of b", "added b-a, discovered b-c, discovered d-b")
	}, "a")
}

func TestHistory_ConnectionOlderThanTheMemoryIsDiscovered(t *testing.T) {
	runOneOrg(t, inventory.Options{}, func(t *testing.T, l *fakeLister, inv testInventory) {
		first := time.Now()
		old, lagging, created := connection("a", "c"), connection("a", "d"), connection("a", "e")
		old.CreatedAt, lagging.CreatedAt, created.CreatedAt = first.Add(-time.Hour), first.Add(-time.Minute), first.Add(30*time.Second)
		inv.Refresh(t.Context())
		l.returns(nil, connection("a", "b", "logs"), old, lagging, created)
		inv.refreshAfterTTL(t)
		inv.wantChanges(t, "a minute later", "added a-d, added a-e, discovered a-c")
	})
}

func TestHistory_AdditionIsOfWhenItWasCreated(t *testing.T) {
	runOneOrg(t, inventory.Options{}, func(t *testing.T, l *fakeLister, inv testInventory) {
		inv.Refresh(t.Context())
		created, future := connection("a", "c"), connection("a", "d")
		created.CreatedAt, future.CreatedAt = time.Now().Add(10*time.Second), time.Now().Add(time.Hour)
		l.returns(nil, connection("a", "b", "logs"), created, future)
		inv.refreshAfterTTL(t)
		log := inv.log.take()
		for _, want := range []string{"connection_id=a-c", "at=2000-01-01T00:00:10Z", "connection_id=a-d", "at=2000-01-01T00:01:00Z"} {
			if !strings.Contains(log, want) {
				t.Errorf("no %s in\n%s", want, log)
			}
		}
	})
}

func TestHistory_RemovalIsConfirmedByASecondListing(t *testing.T) {
	runOrgs(t, func(t *testing.T, inv testInventory) {
		inv.setConnections(triangle)
		inv.refreshAfterTTL(t)
		inv.setConnections(triangle[:4])
		inv.refreshAfterTTL(t)
		inv.wantConnections(t, "after one listing", "a-b", "b-c")
		inv.wantChanges(t, "after one listing", "")
		inv.listers["b"].returns(outage)
		inv.refreshAfterTTL(t)
		inv.wantChanges(t, "after a failure", "")
		inv.setConnections(triangle[:4])
		inv.listers["b"].listing.Complete = false
		inv.refreshAfterTTL(t)
		inv.wantChanges(t, "after an incomplete listing", "")
		inv.setConnections(triangle[:4])
		inv.refreshAfterTTL(t)
		if log := inv.log.take(); !strings.Contains(log, "Connection removed") || !strings.Contains(log, "at=2000-01-01T00:02:00Z") {
			t.Errorf("want a removal at the time of the first listing without it:\n%s", log)
		}
		inv.refreshAfterTTL(t)
		inv.wantChanges(t, "afterwards", "")
	}, "b")
}

func TestHistory_BothEndsConfirmARemovalAtOnce(t *testing.T) {
	runOrgs(t, func(t *testing.T, inv testInventory) {
		inv.setConnections(triangle)
		inv.refreshAfterTTL(t)
		inv.setConnections(triangle[1:])
		inv.refreshAfterTTL(t)
		inv.wantChanges(t, "after a round", "removed a-b")
	}, "a", "b")
}

func TestHistory_GlitchIsNoNews(t *testing.T) {
	runOrgs(t, func(t *testing.T, inv testInventory) {
		inv.setConnections(triangle)
		inv.refreshAfterTTL(t)
		for range 5 {
			inv.setConnections(triangle[:4])
			inv.refreshAfterTTL(t)
			inv.setConnections(triangle)
			inv.refreshAfterTTL(t)
		}
		inv.wantChanges(t, "gone and back again", "")
	}, "b")
}

func TestHistory_OutOfSightIsNotRemoved(t *testing.T) {
	for name, change := range map[string]func(inv testInventory, narrowed *fakeLister){
		"narrower filter": func(inv testInventory, narrowed *fakeLister) {
			narrowed.returns(nil, triangle[0])
			narrowed.listing.Filter = datadog.Filter{SourceOrgID: "a", SinkOrgID: "b"}
			inv.Configure([]inventory.Org{{Name: "a", Lister: narrowed}})
		},
		"another org's keys": func(inv testInventory, narrowed *fakeLister) {
			narrowed.returns(nil, connection("x", "y", "logs"), connection("x", "z", "logs"))
			inv.Configure([]inventory.Org{{Name: "a", Lister: narrowed}})
		},
		"org not configured": func(inv testInventory, narrowed *fakeLister) {
			narrowed.returns(nil, connection("x", "y", "logs"), connection("x", "z", "logs"))
			inv.Configure([]inventory.Org{{Name: "x", Lister: narrowed}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			runOrgs(t, func(t *testing.T, inv testInventory) {
				inv.setConnections(triangle)
				inv.refreshAfterTTL(t)
				inv.log.take()
				change(inv, &fakeLister{})
				for range 3 {
					inv.refreshAfterTTL(t)
				}
				if got := inv.changes(); strings.Contains(got, "removed") || strings.Contains(got, "added") {
					t.Errorf("changes %q", got)
				}
				inv.Configure([]inventory.Org{{Name: "a", Lister: inv.listers["a"]}})
				inv.refreshAfterTTL(t)
				inv.wantChanges(t, "as before again", "")
			}, "a")
		})
	}
}

func TestHistory_FilteredListingsTellWhatTheyWouldHave(t *testing.T) {
	runOneOrg(t, inventory.Options{}, func(t *testing.T, l *fakeLister, inv testInventory) {
		l.listing.Filter = datadog.Filter{SourceOrgID: "A"} // ids have no case
		inv.Refresh(t.Context())
		l.returns(nil, connection("a", "c", "logs"))
		l.listing.Filter = datadog.Filter{SourceOrgID: "A"}
		inv.refreshAfterTTL(t)
		inv.refreshAfterTTL(t)
		inv.wantChanges(t, "under the same filter", "added a-c, removed a-b")
		l.returns(nil, connection("a", "c", "logs"), connection("d", "a", "logs"))
		inv.refreshAfterTTL(t)
		inv.wantChanges(t, "without the filter", "discovered d-a")
	})
}

// Org a lists quickly and org b slowly, which is still listing when a connection is
// widened: its listing has the old types, and ends last.
func TestHistory_OverlappingListingsDoNotTellChangesTwice(t *testing.T) {
	widened := append([]datadog.Connection{connection("a", "b", "audit", "logs")}, triangle[1:]...)
	for _, slow := range []string{"a", "b"} {
		runOrgs(t, func(t *testing.T, inv testInventory) {
			inv.setConnections(triangle)
			inv.refreshAfterTTL(t)
			inv.listers[slow].delay = 10 * time.Second
			inv.setConnections(widened, map[string]string{"a": "b", "b": "a"}[slow])
			for range 3 {
				inv.refreshAfterTTL(t)
				inv.setConnections(widened)
			}
			inv.wantChanges(t, slow+" is slow", "widened a-b")
			inv.setConnections(triangle)
			inv.refreshAfterTTL(t)
			inv.wantChanges(t, slow+" is slow", "narrowed a-b")
		}, "a", "b")
	}
}

// Some org is always being listed where each is probed on its own.
func TestHistory_TellsWhileOthersList(t *testing.T) {
	runOrgs(t, func(t *testing.T, inv testInventory) {
		inv.setConnections(triangle)
		inv.Refresh(t.Context())
		inv.listers["b"].delay = time.Hour
		advance(time.Minute)
		go inv.Refresh(t.Context())
		advance(time.Minute)
		inv.setConnections(append(triangle, connection("e", "a", "logs")), "a")
		a, _ := inv.ForOrg("a")
		a.Refresh(t.Context())
		inv.wantChanges(t, "while b is listed", "added e-a")
	}, "a", "b")
}

func TestHistory_SurvivesConfigure(t *testing.T) {
	runOrgs(t, func(t *testing.T, inv testInventory) {
		inv.setConnections(triangle)
		inv.Refresh(t.Context())
		inv.setConnections(append(triangle, connection("e", "a", "logs")))
		inv.listers["b"].delay = 10 * time.Second
		advance(time.Minute)
		go inv.Refresh(t.Context())
		advance(time.Second)
		inv.Configure([]inventory.Org{{Name: "a", Lister: inv.listers["a"]}, {Name: "b", Lister: inv.listers["b"]}})
		advance(time.Hour)
		inv.Refresh(t.Context())
		inv.wantChanges(t, "after a reload during a listing", "added e-a")
	}, "a", "b")
}

// blockedWriter is a pipe that is full from when it is armed until it is released.
type blockedWriter struct {
	armed    atomic.Bool
	released chan struct{}
}

func (w *blockedWriter) Write(p []byte) (int, error) {
	if w.armed.Load() {
		<-w.released
	}
	return len(p), nil
}

func TestInventory_BlockedLogKeepsNobodyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, l := &blockedWriter{released: make(chan struct{})}, &fakeLister{}
		l.returns(nil, connection("a", "b"))
		inv := inventory.New(t.Context(), []inventory.Org{{Name: "default", Lister: l}}, inventory.Options{Logger: log.NewLogfmtLogger(w)})
		inv.Refresh(t.Context())
		w.armed.Store(true)
		for n := range 3 {
			l.returns(nil, triangle[n]) // a change, which is logged
			advance(time.Minute)
			began := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			inv.Refresh(ctx)
			cancel()
			if took := time.Since(began); took > time.Second || inv.View().Snapshot.Connections[0].ID != triangle[n].ID {
				t.Errorf("a scrape with a second of time took %v and got %v", took, inv.View().Snapshot.Connections)
			}
		}
		close(w.released)
	})
}

// The listing of org a is old, and believed again because what disproved it is gone.
func TestHistory_OldListingThatIsBelievedAgainIsNoChange(t *testing.T) {
	for name, test := range map[string]struct {
		now  []datadog.Connection // instead of a-b
		want string
	}{
		"removed": {nil, "removed a-b"},
		"widened": {[]datadog.Connection{connection("a", "b", "audit", "logs")}, "widened a-b"},
	} {
		runOrgs(t, func(t *testing.T, inv testInventory) {
			inv.setConnections(triangle)
			inv.refreshAfterTTL(t)
			inv.listers["a"].returns(outage)
			inv.setConnections(append(test.now, triangle[1:]...), "b", "d")
			inv.refreshAfterTTL(t)
			inv.refreshAfterTTL(t)
			inv.wantChanges(t, name, test.want)
			inv.Configure([]inventory.Org{{Name: "a", Lister: inv.listers["a"]}, {Name: "d", Lister: inv.listers["d"]}})
			inv.wantConnections(t, name+", without b", "a-b", "c-a", "d-a", "d-b")
			inv.refreshAfterTTL(t)
			inv.refreshAfterTTL(t)
			inv.wantChanges(t, name+", without b", "")
		}, "a", "b", "d")
	}
}

// Org a is listed so slowly that b is listed twice meanwhile, both times without a
// connection that a's listing had seen before it was removed.
func TestHistory_SlowListingBringsNothingBack(t *testing.T) {
	runOrgs(t, func(t *testing.T, inv testInventory) {
		inv.setConnections(triangle)
		inv.refreshAfterTTL(t)
		inv.listers["a"].delay = 150 * time.Second
		advance(time.Minute)
		go inv.Refresh(t.Context()) // a has a-b
		advance(time.Second)
		inv.setConnections(triangle[1:])
		b, _ := inv.ForOrg("b")
		for range 2 {
			advance(time.Minute)
			b.Refresh(t.Context())
		}
		inv.wantChanges(t, "while a is listed", "removed a-b")
		advance(time.Minute)
		for range 3 {
			inv.refreshAfterTTL(t)
		}
		inv.wantChanges(t, "afterwards", "")
	}, "a", "b")
}

// Org b's first listing had seen a connection that is gone when a is first listed.
func TestHistory_FirstListingsThatOverlapTellNoAddition(t *testing.T) {
	runOrgs(t, func(t *testing.T, inv testInventory) {
		a, _ := inv.ForOrg("a")
		b, _ := inv.ForOrg("b")
		inv.setConnections(triangle)
		inv.listers["b"].delay = 10 * time.Second
		go b.Refresh(t.Context())
		advance(time.Second)
		inv.setConnections(triangle[1:])
		a.Refresh(t.Context())
		advance(10 * time.Second)
		inv.wantChanges(t, "with the first listings", "")
	}, "a", "b")
}

func TestChangeLog_OverlappingListingsRenameNothingBack(t *testing.T) {
	runOrgs(t, func(t *testing.T, inv testInventory) {
		inv.setConnections(triangle)
		inv.refreshAfterTTL(t)
		inv.log.take()
		renamed := func(name string) {
			inv.setConnections(triangle, name)
			for i := range inv.listers[name].listing.Orgs {
				inv.listers[name].listing.Orgs[i].Name += ", renamed"
			}
		}
		inv.listers["a"].delay = 10 * time.Second
		renamed("b")
		inv.refreshAfterTTL(t)
		renamed("a")
		inv.refreshAfterTTL(t)
		inv.refreshAfterTTL(t)
		if log := inv.log.take(); strings.Count(log, "Org renamed") != 4 {
			t.Errorf("want one line for each of the orgs a, b, c and d:\n%s", log)
		}
	}, "a", "b")
}

// The keys of org b became another org's, so that its last good listing stays. That of d,
// which is filtered, disproves nothing that is shown, but it would have the connection.
func TestHistory_RemovalIsToldThoughAnOldListingHasTheConnection(t *testing.T) {
	runOrgs(t, func(t *testing.T, inv testInventory) {
		filter := datadog.Filter{SinkOrgID: "b"}
		inv.setConnections(triangle)
		inv.listers["d"].returns(nil, triangle[4])
		inv.listers["d"].listing.Filter = filter
		inv.refreshAfterTTL(t)
		inv.listers["b"].returns(&datadog.Error{Reason: datadog.WrongOrg})
		inv.listers["d"].returns(nil)
		inv.listers["d"].listing.Filter = filter
		inv.refreshAfterTTL(t)
		inv.refreshAfterTTL(t)
		inv.wantChanges(t, "after two listings of d", "removed d-b")
	}, "b", "d")
}

// Two listings with the keys of a began before the connection was created, and end after
// b's listing that has it.
func TestHistory_ListingsThatBeganBeforeProveNothing(t *testing.T) {
	runOrgs(t, func(t *testing.T, inv testInventory) {
		orgs := []inventory.Org{{Name: "a", Lister: inv.listers["a"], OrgID: "a"}, {Name: "a2", Lister: inv.listers["a2"], OrgID: "a"}, {Name: "b", Lister: inv.listers["b"]}}
		inv.Configure(orgs)
		inv.setConnections(triangle)
		for _, name := range []string{"a", "a2"} {
			inv.listers[name].returns(nil, triangle[0], triangle[2], triangle[3])
		}
		inv.refreshAfterTTL(t)
		advance(inventory.DefaultTTL)
		for _, name := range []string{"a", "a2"} {
			inv.listers[name].delay = 10 * time.Second
			org, _ := inv.ForOrg(name)
			go org.Refresh(t.Context())
		}
		advance(time.Second)
		inv.setConnections(append([]datadog.Connection{connection("b", "a", "logs")}, triangle...), "b")
		b, _ := inv.ForOrg("b")
		b.Refresh(t.Context())
		advance(20 * time.Second)
		inv.wantChanges(t, "without b-a in the listings of a", "added b-a")
	}, "a", "a2", "b")
}
