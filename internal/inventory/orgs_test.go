package inventory_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
)

// account is an inventory of several orgs, each with its lister.
type account struct {
	*inventory.Inventory
	listers map[string]*lister
	logged  *logbook
}

// logbook can be read while it is written.
type logbook struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logbook) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Reset()
}

// of makes an account whose orgs list the connections of which they are an end.
func of(t *testing.T, test func(t *testing.T, a account), names ...string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		a := account{listers: map[string]*lister{}, logged: &logbook{}}
		var orgs []inventory.Org
		for _, name := range names {
			a.listers[name] = &lister{}
			orgs = append(orgs, inventory.Org{Name: name, Lister: a.listers[name]})
		}
		a.Inventory = inventory.New(ctx, orgs, inventory.Options{Logger: log.NewLogfmtLogger(a.logged)})
		test(t, a)
		stop()
		synctest.Wait()
	})
}

// has makes Datadog have these connections; the orgs named see them, or all do.
func (a account) has(connections []datadog.Connection, seenBy ...string) {
	for name, l := range a.listers {
		if len(seenBy) > 0 && !slices.Contains(seenBy, name) {
			continue
		}
		var visible []datadog.Connection
		for _, c := range connections {
			if c.SourceID == name || c.SinkID == name {
				visible = append(visible, c)
			}
		}
		slices.SortFunc(visible, func(a, b datadog.Connection) int { return strings.Compare(a.ID, b.ID) })
		l.will(nil, visible...)
	}
}

func (a account) next(t *testing.T) {
	t.Helper()
	pass(time.Minute)
	a.Refresh(t.Context())
}

func (a account) wantShown(t *testing.T, when string, ids ...string) {
	t.Helper()
	if got := shown(a.Inventory); !slices.Equal(got, ids) {
		t.Errorf("%s: shown %v, want %v", when, got, ids)
	}
}

func observed(view inventory.View) string {
	observed := map[string]datadog.Ternary{}
	for _, o := range view.Snapshot.Orgs {
		observed[o.ID] = o.Observed
	}
	var out []string
	for _, id := range slices.Sorted(maps.Keys(observed)) {
		out = append(out, id+map[datadog.Ternary]string{datadog.Yes: "+", datadog.No: "-", datadog.Unknown: "?"}[observed[id]])
	}
	return strings.Join(out, " ")
}

var triangle = []datadog.Connection{shares("a", "b", "logs"), shares("b", "c", "logs"), shares("c", "a", "logs"), shares("d", "a", "logs"), shares("d", "b", "logs")}

func TestAConnectionSeenFromBothEndsIsOne(t *testing.T) {
	of(t, func(t *testing.T, a account) {
		a.has(triangle)
		a.next(t)
		a.wantShown(t, "at first", "a-b", "b-c", "c-a", "d-a", "d-b")
		if got := observed(a.View()); got != "a+ b+ c+ d-" {
			t.Errorf("observed %s", got)
		}
	}, "a", "b", "c")
}

func TestOneOrgThatFailsTakesNothingOfTheOthersAway(t *testing.T) {
	of(t, func(t *testing.T, a account) {
		a.has(triangle)
		a.next(t)
		whole := a.View().Snapshot
		a.listers["b"].will(outage)
		a.next(t)
		if a.View().Snapshot != whole {
			t.Error("an outage of one org changed the inventory")
		}
		a.listers["b"].will(refusal)
		for range 59 {
			a.next(t)
		}
		a.wantShown(t, "within max-stale", "a-b", "b-c", "c-a", "d-a", "d-b")
		if got := observed(a.View()); got != "a+ b- c+ d-" {
			t.Errorf("observed %s", got)
		}
		a.next(t)
		a.wantShown(t, "past max-stale: what only b saw is gone", "a-b", "b-c", "c-a", "d-a")
		for _, o := range a.View().Orgs {
			if o.Up != (o.Name != "b") {
				t.Errorf("up of %s is %v", o.Name, o.Up)
			}
		}
		a.has(triangle, "b")
		a.next(t)
		a.wantShown(t, "after the outage", "a-b", "b-c", "c-a", "d-a", "d-b")
	}, "a", "b", "c")
}

func TestTheFresherListingIsRight(t *testing.T) {
	of(t, func(t *testing.T, a account) {
		a.has(triangle)
		a.next(t)
		a.listers["b"].will(outage)
		a.has([]datadog.Connection{shares("b", "c", "logs"), shares("c", "a", "logs", "metrics"), shares("d", "a", "logs"), shares("b", "a", "logs")}, "a", "c")
		a.next(t)
		// a no longer lists a-b: it is gone, though b's older listing has it. And
		// b-a is there, though b's older listing is without it. d-b is b's word
		// alone, and stays.
		a.wantShown(t, "a is fresher than b", "b-a", "b-c", "c-a", "d-a", "d-b")
		for _, c := range a.View().Snapshot.Connections {
			if c.ID == "c-a" && len(c.Types) != 2 {
				t.Errorf("%s shares %v", c.ID, c.Types)
			}
		}
	}, "a", "b", "c")
}

func TestAListingThatMayLackConnectionsDisprovesNone(t *testing.T) {
	for name, bend := range map[string]func(l *datadog.Listing){
		"filtered":       func(l *datadog.Listing) { l.Filtered = true },
		"not complete":   func(l *datadog.Listing) { l.Complete = false },
		"of who knows":   func(l *datadog.Listing) { l.Connections = l.Connections[:1] },
		"of another org": func(l *datadog.Listing) { *l = datadog.Listing{Complete: true} },
	} {
		of(t, func(t *testing.T, a account) {
			a.has(triangle)
			if name == "of who knows" {
				a.has([]datadog.Connection{shares("a", "b", "logs")}, "a")
			}
			a.next(t)
			a.listers["b"].will(outage)
			a.has([]datadog.Connection{shares("c", "a", "logs"), shares("d", "a", "logs")}, "a")
			bend(&a.listers["a"].listing)
			a.next(t)
			if got := shown(a.Inventory); name != "of another org" && !slices.Contains(got, "a-b") {
				t.Errorf("%s: shown %v", name, got)
			}
		}, "a", "b")
	}
}

func TestAViewIsWholeWhereEveryOrgTellsAll(t *testing.T) {
	of(t, func(t *testing.T, a account) {
		a.has(triangle)
		wantWhole := func(when string, want bool) {
			t.Helper()
			part, _ := a.ForOrg("a")
			if got, of := a.View().Complete, part.View().Complete; got != want || of != want {
				t.Errorf("%s: whole is %v, that of a part %v", when, got, of)
			}
		}
		wantWhole("before the first listing", false)
		a.next(t)
		wantWhole("when all are listed", true)
		a.listers["b"].listing.Complete = false
		a.next(t)
		wantWhole("when one is not complete", false)
		a.listers["b"].listing.Complete, a.listers["b"].listing.Filtered = true, true
		a.next(t)
		wantWhole("when one is filtered", false)
		a.has(triangle)
		a.next(t)
		a.listers["a"].will(outage)
		a.next(t)
		wantWhole("while one fails, with a good listing", true)
		pass(time.Hour)
		wantWhole("when that is too old", false)
	}, "a", "b")
}

func TestAnOrgWithOneConnectionIsToldByWhatOthersSee(t *testing.T) {
	of(t, func(t *testing.T, a account) {
		a.has([]datadog.Connection{shares("a", "b", "logs"), shares("b", "c", "logs"), shares("x", "y", "logs")})
		a.next(t)
		// a has one connection only. Were its credentials b's, they would list b-c too.
		if got := observed(a.View()); got != "a+ b+ c- x? y?" {
			t.Errorf("observed %s", got)
		}
	}, "a", "b", "x")
}

func TestAFilteredListingIsNotToldByWhatOthersSee(t *testing.T) {
	of(t, func(t *testing.T, a account) {
		a.has([]datadog.Connection{shares("a", "b", "logs"), shares("b", "c", "logs"), shares("d", "b", "logs")})
		a.listers["a"].listing.Filtered = true
		a.next(t)
		// a's listing has one connection only, for whatever reason.
		if got := observed(a.View()); got != "a? b+ c- d-" {
			t.Errorf("observed %s", got)
		}
	}, "a", "b")
}

func TestOrgsAreListedSideBySide(t *testing.T) {
	var names []string
	for n := range 200 {
		names = append(names, fmt.Sprintf("o%03d", n))
	}
	of(t, func(t *testing.T, a account) {
		var mu sync.Mutex
		atOnce, most := 0, 0
		for _, l := range a.listers {
			l.during = func() {
				mu.Lock()
				atOnce++
				most = max(most, atOnce)
				mu.Unlock()
				pass(50 * time.Millisecond)
				mu.Lock()
				atOnce--
				mu.Unlock()
			}
		}
		began := time.Now()
		a.Refresh(t.Context())
		if took := time.Since(began); took != 200*time.Millisecond || most != 64 {
			t.Errorf("200 orgs of 50 ms took %v, %d at once", took, most)
		}
	}, names...)
}

func TestReadyIsWhenEveryOrgWasTried(t *testing.T) {
	of(t, func(t *testing.T, a account) {
		a.has(triangle)
		a.listers["b"].will(refusal)
		a.listers["c"].takes = 10 * time.Second
		go a.WarmUp()
		pass(time.Second)
		if err := a.View().Ready(); err == nil || !strings.Contains(err.Error(), "org c is not done") {
			t.Errorf("ready says %v", err)
		}
		pass(10 * time.Second)
		if err := a.View().Ready(); err != nil {
			t.Errorf("ready says %v", err)
		}
		pass(5 * time.Minute)
		if a.listers["a"].requests() != 1 || a.listers["b"].requests() != 6 {
			t.Errorf("a was listed %d times, b %d times without a scrape", a.listers["a"].requests(), a.listers["b"].requests())
		}
	}, "a", "b", "c")
}

func TestAnotherConfiguration(t *testing.T) {
	of(t, func(t *testing.T, a account) {
		a.has(triangle)
		a.next(t)
		asked := a.listers["a"].requests()
		changed, added := &lister{}, &lister{}
		a.listers["c"], a.listers["d"] = changed, added
		a.has(triangle)
		a.logged.Reset()
		a.Configure([]inventory.Org{{Name: "d", Lister: added}, {Name: "a", Lister: a.listers["a"]}, {Name: "c", Lister: changed}})
		a.wantShown(t, "before anything is listed: b's is gone, c's is there still", "a-b", "b-c", "c-a", "d-a")
		a.Refresh(t.Context())
		a.wantShown(t, "after", "a-b", "b-c", "c-a", "d-a", "d-b")
		if a.listers["a"].requests() != asked || changed.requests() != 1 || added.requests() != 1 {
			t.Errorf("a was listed %d times more, c %d times, d %d times", a.listers["a"].requests()-asked, changed.requests(), added.requests())
		}
		var names []string
		for _, o := range a.View().Orgs {
			names = append(names, o.Name)
		}
		if !slices.Equal(names, []string{"d", "a", "c"}) {
			t.Errorf("orgs %v", names)
		}
		if strings.Contains(a.logged.String(), "Connection") {
			t.Errorf("another configuration is logged as a change of connections:\n%s", a.logged)
		}
	}, "a", "b", "c")
}

func TestOrgsOfALaterConfigurationWarmUpToo(t *testing.T) {
	of(t, func(t *testing.T, a account) {
		a.has(triangle)
		go a.WarmUp()
		pass(time.Second)
		added := &lister{}
		a.listers["b"] = added
		a.has(triangle)
		a.Configure([]inventory.Org{{Name: "a", Lister: a.listers["a"]}, {Name: "b", Lister: added}})
		pass(time.Second)
		a.wantShown(t, "without a scrape", "a-b", "b-c", "c-a", "d-a", "d-b")
		if a.listers["a"].requests() != 1 {
			t.Errorf("a was listed %d times", a.listers["a"].requests())
		}
	}, "a")
}

func TestAListingThatIsNoLongerConfiguredComesToNothing(t *testing.T) {
	for name, b := range map[string]inventory.Lister{"b is gone": nil, "b is listed in another way": &lister{}} {
		of(t, func(t *testing.T, a account) {
			a.has(triangle)
			a.next(t)
			a.listers["b"].takes = 10 * time.Second
			pass(time.Minute)
			done := make(chan struct{})
			go func() { a.Refresh(t.Context()); close(done) }()
			pass(time.Second)
			began := time.Now()
			orgs := []inventory.Org{{Name: "a", Lister: a.listers["a"]}}
			if b != nil {
				orgs = append(orgs, inventory.Org{Name: "b", Lister: b})
			}
			a.Configure(orgs)
			<-done
			if waited := time.Since(began); waited != 0 {
				t.Errorf("%s: a scrape waited %v", name, waited)
			}
			want := []string{"a-b", "c-a", "d-a"}
			if b != nil {
				want = []string{"a-b", "b-c", "c-a", "d-a", "d-b"}
			}
			a.wantShown(t, name, want...)
		}, "a", "b")
	}
}

func TestARateLimitOutlivesAnotherConfiguration(t *testing.T) {
	of(t, func(t *testing.T, a account) {
		a.listers["a"].will(&datadog.Error{Reason: datadog.RateLimited, RetryAt: time.Now().Add(time.Hour)})
		a.Refresh(t.Context())
		changed := &lister{}
		a.Configure([]inventory.Org{{Name: "a", Lister: changed}})
		a.next(t)
		if changed.requests() != 0 {
			t.Error("the limit was forgotten")
		}
	}, "a")
}

func TestAPartIsOneOrgAlone(t *testing.T) {
	of(t, func(t *testing.T, a account) {
		a.has(triangle)
		part, ok := a.ForOrg("b")
		if !ok {
			t.Fatal("there is no part of b")
		}
		part.Refresh(t.Context())
		if a.listers["a"].requests() != 0 || a.listers["b"].requests() != 1 {
			t.Error("a part lists other orgs")
		}
		view := part.View()
		if len(view.Orgs) != 1 || view.Orgs[0].Name != "b" || len(view.Snapshot.Connections) != 3 {
			t.Errorf("%+v", view)
		}
		a.Refresh(t.Context())
		if a.listers["b"].requests() != 1 {
			t.Error("what a part has just listed is listed again")
		}
		before := part.View().Snapshot
		a.next(t)
		if part.View().Snapshot != before {
			t.Error("the part is made anew though nothing has changed")
		}
		if _, ok := a.ForOrg("z"); ok {
			t.Error("there is a part of an org that is not configured")
		}
		a.Configure(nil)
		if view := part.View(); len(view.Orgs) != 0 || len(view.Snapshot.Connections) != 0 {
			t.Errorf("%+v", view)
		}
	}, "a", "b")
}

// A part shows what is a blind spot of all, not what is one of its own: two orgs that
// each see but one connection are told apart only together.
func TestAPartKnowsWhichOrgsOthersObserve(t *testing.T) {
	of(t, func(t *testing.T, a account) {
		a.has([]datadog.Connection{shares("a", "b", "logs"), shares("b", "c", "logs"), shares("z", "c", "logs")})
		a.next(t)
		for name, want := range map[string]string{"a": "a+ b+", "b": "a+ b+ c+", "c": "b+ c+ z-"} {
			part, _ := a.ForOrg(name)
			if got := observed(part.View()); got != want {
				t.Errorf("observed by %s: %s, want %s", name, got, want)
			}
		}
		part, _ := a.ForOrg("a")
		before := part.View().Snapshot
		a.listers["b"].will(refusal)
		a.next(t)
		if got := observed(part.View()); got != "a+ b-" {
			t.Errorf("observed when the keys of b are revoked: %s", got)
		}
		a.has([]datadog.Connection{shares("a", "b", "logs"), shares("b", "c", "logs"), shares("c", "z", "logs")})
		a.next(t)
		if part.View().Snapshot == before || observed(part.View()) != "a+ b+" {
			t.Errorf("observed later: %s", observed(part.View()))
		}
	}, "a", "b", "c")
}

func TestAnOutageThatLastsTakesNoCredentialsAway(t *testing.T) {
	of(t, func(t *testing.T, a account) {
		a.has(triangle)
		a.next(t)
		a.listers["b"].will(outage)
		for range 62 {
			a.next(t)
		}
		if view := a.View(); !view.Orgs[1].Stale || observed(view) != "a+ b+ c- d-" {
			t.Errorf("observed %s", observed(view))
		}
	}, "a", "b")
}

func TestWhatIsNewToUsOnceIsNewToDatadogLater(t *testing.T) {
	of(t, func(t *testing.T, a account) {
		a.has(triangle)
		a.next(t)
		a.has(triangle[1:])
		a.next(t)
		a.logged.Reset()
		a.has(triangle) // what was there at our first listing has come back
		a.next(t)
		if got := strings.Count(a.logged.String(), "Connection added"); got != 1 {
			t.Errorf("%d lines for a connection that came back:\n%s", got, a.logged)
		}
	}, "a", "b")
}

func TestChangesAreToldWhenTheRoundIsOver(t *testing.T) {
	of(t, func(t *testing.T, a account) {
		a.has(triangle)
		a.next(t)
		a.listers["b"].takes = 10 * time.Second
		a.has([]datadog.Connection{shares("a", "b", "audit", "logs"), shares("b", "c", "logs"), shares("c", "a", "logs"), shares("d", "a", "logs"), shares("d", "b", "logs")})
		a.logged.Reset()
		pass(time.Minute)
		go a.Refresh(t.Context())
		pass(5 * time.Second)
		synctest.Wait()
		if strings.Contains(a.logged.String(), "types changed") {
			t.Error("a change is told while one end has not spoken")
		}
		pass(10 * time.Second)
		synctest.Wait()
		if !strings.Contains(a.logged.String(), "types changed") {
			t.Error("a change is not told when the round is over")
		}
	}, "a", "b")
}

func TestAChangeSeenFromBothEndsIsLoggedOnce(t *testing.T) {
	of(t, func(t *testing.T, a account) {
		a.has(triangle[:4])
		a.next(t)
		a.listers["b"].takes = time.Second
		a.has(triangle[1:])
		a.logged.Reset()
		a.next(t)
		if got := strings.Count(a.logged.String(), "Connection added"); got != 1 {
			t.Errorf("%d lines for one new connection:\n%s", got, a.logged)
		}
		if got := strings.Count(a.logged.String(), "Connection removed"); got != 1 {
			t.Errorf("%d lines for one removed connection:\n%s", got, a.logged)
		}
	}, "a", "b", "c")
}
