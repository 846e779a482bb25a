package inventory_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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

// lister gives what the test put in, after some time.
type lister struct {
	mu      sync.Mutex
	listing datadog.Listing
	err     error
	takes   time.Duration
	during  func() // nil, or called while listing
	asked   int
}

func (l *lister) List(ctx context.Context) (*datadog.Listing, error) {
	l.mu.Lock()
	l.asked++
	listing, err, takes, during := l.listing, l.err, l.takes, l.during
	l.mu.Unlock()
	if during != nil {
		during()
	}
	listing.Began = time.Now()
	listing.Duration = takes
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return nil, &datadog.Error{Reason: datadog.Timeout, Err: ctx.Err()}
	}
	if err != nil {
		return nil, err
	}
	return &listing, nil
}

func (l *lister) Stats() datadog.Stats { return datadog.Stats{} }

func (l *lister) will(err error, connections ...datadog.Connection) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
	l.listing = datadog.Listing{Complete: true, Pages: 1, Connections: connections, Orgs: orgsOf(connections)}
}

func (l *lister) requests() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asked
}

func orgsOf(connections []datadog.Connection) []datadog.Org {
	var orgs []datadog.Org
	for _, c := range connections {
		for _, id := range []string{c.SourceID, c.SinkID} {
			if id != "" && !slices.ContainsFunc(orgs, func(o datadog.Org) bool { return o.ID == id }) {
				orgs = append(orgs, datadog.Org{ID: id, Name: "Org " + id})
			}
		}
	}
	return orgs
}

// shares is a connection whose id says all.
func shares(source, sink string, types ...string) datadog.Connection {
	return datadog.Connection{ID: source + "-" + sink, SourceID: source, SinkID: sink, Types: types, Creator: datadog.Creator{Kind: datadog.CreatorUnknown}}
}

// with runs a test in virtual time, with an inventory of one org.
func with(t *testing.T, options inventory.Options, test func(t *testing.T, l *lister, i *inventory.Inventory)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		l := &lister{}
		l.will(nil, shares("a", "b", "logs"))
		test(t, l, inventory.New(ctx, []inventory.Org{{Name: "default", Lister: l}}, options))
		stop()
		synctest.Wait()
	})
}

var (
	outage  = &datadog.Error{Reason: datadog.ServerError, Op: "GET it", Detail: "502"}
	refusal = &datadog.Error{Reason: datadog.Forbidden, Op: "GET it", Detail: "403"}
)

func pass(d time.Duration) { time.Sleep(d) } // virtual

func shown(i *inventory.Inventory) []string {
	ids := []string{}
	for _, c := range i.View().Snapshot.Connections {
		ids = append(ids, c.ID)
	}
	return ids
}

func state(i *inventory.Inventory) inventory.OrgState { return i.View().Orgs[0] }

func TestWhatIsYoungIsServedWithoutAsking(t *testing.T) {
	with(t, inventory.Options{}, func(t *testing.T, l *lister, i *inventory.Inventory) {
		for _, step := range []struct {
			after    time.Duration
			requests int
		}{{0, 1}, {time.Second, 1}, {58 * time.Second, 1}, {999 * time.Millisecond, 1}, {time.Millisecond, 2}, {30 * time.Second, 2}, {time.Hour, 3}} {
			pass(step.after)
			i.Refresh(t.Context())
			if l.requests() != step.requests {
				t.Errorf("%v later: %d requests, want %d", step.after, l.requests(), step.requests)
			}
		}
	})
}

func TestLookingAsksNobody(t *testing.T) {
	with(t, inventory.Options{}, func(t *testing.T, l *lister, i *inventory.Inventory) {
		if len(shown(i)) != 0 || state(i).Up || l.requests() != 0 {
			t.Errorf("%d requests for a look", l.requests())
		}
	})
}

func TestScrapesThatArriveTogetherShareOneListing(t *testing.T) {
	with(t, inventory.Options{}, func(t *testing.T, l *lister, i *inventory.Inventory) {
		l.takes = 3 * time.Second
		var scrapes sync.WaitGroup
		for n := range 100 {
			scrapes.Go(func() {
				pass(time.Duration(n) * 10 * time.Millisecond)
				i.Refresh(t.Context())
				if len(shown(i)) != 1 {
					t.Error("a scrape on a cold cache did not see the listing that it waited for")
				}
			})
		}
		scrapes.Wait()
		if l.requests() != 1 {
			t.Errorf("%d listings", l.requests())
		}
	})
}

func TestFailingDoesNotMakeItAskMoreOften(t *testing.T) {
	with(t, inventory.Options{}, func(t *testing.T, l *lister, i *inventory.Inventory) {
		l.will(outage)
		for range 1000 {
			i.Refresh(t.Context())
			pass(59 * time.Millisecond)
		}
		if l.requests() != 1 {
			t.Errorf("%d attempts in 59 seconds", l.requests())
		}
	})
}

func TestNothingIsAskedBeforeTheRateLimitResets(t *testing.T) {
	with(t, inventory.Options{}, func(t *testing.T, l *lister, i *inventory.Inventory) {
		l.will(&datadog.Error{Reason: datadog.RateLimited, RetryAt: time.Now().Add(10 * time.Minute)})
		i.Refresh(t.Context())
		pass(10*time.Minute - time.Second)
		i.Refresh(t.Context())
		if l.requests() != 1 {
			t.Errorf("%d requests before the reset", l.requests())
		}
		l.will(nil, shares("a", "b", "logs"))
		l.listing.NotBefore = time.Now().Add(20 * time.Minute) // the limit is used up again
		pass(time.Second)
		i.Refresh(t.Context())
		pass(15 * time.Minute)
		i.Refresh(t.Context())
		if l.requests() != 2 || !state(i).Up {
			t.Errorf("%d requests, up is %v", l.requests(), state(i).Up)
		}
	})
}

func TestAScrapeThatCannotWaitGetsTheLastGoodListingAndTheRefreshGoesOn(t *testing.T) {
	with(t, inventory.Options{}, func(t *testing.T, l *lister, i *inventory.Inventory) {
		i.Refresh(t.Context())
		pass(time.Minute)
		l.will(nil, shares("a", "b", "logs"), shares("a", "c", "logs"))
		l.takes = 20 * time.Second
		began := time.Now()
		scrape, cancel := context.WithTimeout(t.Context(), 9*time.Second)
		defer cancel()
		i.Refresh(scrape)
		if waited := time.Since(began); waited != 9*time.Second || len(shown(i)) != 1 || !state(i).Up || !state(i).Refreshing {
			t.Errorf("after %v: %v, %+v", waited, shown(i), state(i))
		}
		pass(12 * time.Second)
		if len(shown(i)) != 2 || l.requests() != 1+1 || state(i).Refreshing {
			t.Errorf("the refresh did not go on: %v after %d requests", shown(i), l.requests())
		}
	})
}

func TestAListingThatTakesLongIsNotJoinedByAnother(t *testing.T) {
	with(t, inventory.Options{}, func(t *testing.T, l *lister, i *inventory.Inventory) {
		l.takes = 3 * time.Minute
		for range 170 {
			scrape, cancel := context.WithTimeout(t.Context(), time.Second)
			i.Refresh(scrape)
			cancel()
		}
		if l.requests() != 1 {
			t.Errorf("%d listings side by side", l.requests())
		}
	})
}

func TestAnOutageChangesNothingUntilTheListingIsTooOld(t *testing.T) {
	with(t, inventory.Options{}, func(t *testing.T, l *lister, i *inventory.Inventory) {
		i.Refresh(t.Context())
		before := i.View().Snapshot
		l.will(outage)
		for range 60 {
			pass(time.Minute)
			i.Refresh(t.Context())
			if i.View().Snapshot != before || state(i).Up || state(i).Stale {
				t.Fatalf("the inventory changed during an outage: %v, %+v", shown(i), state(i))
			}
		}
		pass(time.Second)
		if len(shown(i)) != 0 || len(i.View().Snapshot.Orgs) != 0 || state(i).Up || !state(i).Stale {
			t.Errorf("an hour and a second later: %v, %+v", shown(i), state(i))
		}
		if got := state(i).Listings; got != 61 || state(i).Failures[datadog.ServerError] != 60 {
			t.Errorf("%d listings, failures %v", got, state(i).Failures)
		}
		l.will(nil, shares("a", "b", "logs"))
		pass(time.Minute)
		i.Refresh(t.Context())
		if len(shown(i)) != 1 || !state(i).Up || state(i).Stale {
			t.Errorf("after the outage: %v, %+v", shown(i), state(i))
		}
	})
}

func TestWhatIsTooOldIsNotUpThoughNothingFailed(t *testing.T) {
	with(t, inventory.Options{}, func(t *testing.T, l *lister, i *inventory.Inventory) {
		i.Refresh(t.Context())
		pass(2 * time.Hour) // nobody scraped
		l.takes = time.Minute
		scrape, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		i.Refresh(scrape)
		if len(shown(i)) != 0 || state(i).Up {
			t.Errorf("%v, %+v", shown(i), state(i))
		}
		pass(time.Minute)
		if len(shown(i)) != 1 || !state(i).Up {
			t.Errorf("after the refresh: %v, %+v", shown(i), state(i))
		}
	})
}

func TestEveryReasonIsCounted(t *testing.T) {
	with(t, inventory.Options{TTL: time.Second}, func(t *testing.T, l *lister, i *inventory.Inventory) {
		for _, reason := range datadog.Reasons() {
			l.will(fmt.Errorf("wrapped: %w", &datadog.Error{Reason: reason}))
			pass(time.Second)
			i.Refresh(t.Context())
		}
		l.will(errors.New("from nowhere"))
		pass(time.Second)
		i.Refresh(t.Context())
		for _, reason := range datadog.Reasons() {
			want := uint64(1)
			if reason == datadog.Network {
				want = 2
			}
			if got := state(i).Failures[reason]; got != want {
				t.Errorf("%d failures for %v", got, reason)
			}
		}
	})
}

func TestTheSameContentIsTheSameSnapshot(t *testing.T) {
	with(t, inventory.Options{}, func(t *testing.T, l *lister, i *inventory.Inventory) {
		i.Refresh(t.Context())
		before := i.View().Snapshot
		pass(time.Minute)
		i.Refresh(t.Context())
		if i.View().Snapshot != before || l.requests() != 2 {
			t.Error("an unchanged listing made another snapshot")
		}
		for _, change := range []func(c *datadog.Connection){
			func(c *datadog.Connection) { c.ID = "other" },
			func(c *datadog.Connection) { c.Types = []string{"audit"} },
			func(c *datadog.Connection) { c.CreatedAt = time.Now() },
			func(c *datadog.Connection) { c.Creator.Disabled = datadog.Yes },
			func(c *datadog.Connection) { c.SinkID = "c" },
			func(c *datadog.Connection) { c.SourceID = "c" },
		} {
			before := i.View().Snapshot
			changed := shares("a", "b", "logs")
			change(&changed)
			l.will(nil, changed)
			pass(time.Minute)
			i.Refresh(t.Context())
			if i.View().Snapshot == before {
				t.Errorf("%+v did not make another snapshot", changed)
			}
		}
	})
}

func TestAnInventoryWarmsUpWithoutAScrape(t *testing.T) {
	with(t, inventory.Options{}, func(t *testing.T, l *lister, i *inventory.Inventory) {
		l.will(refusal)
		l.takes = time.Second
		go i.WarmUp()
		if err := i.View().Ready(); err == nil || !strings.Contains(err.Error(), "first listing of org default is not done") {
			t.Errorf("ready says %v", err)
		}
		pass(5*time.Minute + 30*time.Second)
		if err := i.View().Ready(); !errors.Is(err, datadog.Forbidden) {
			t.Errorf("ready says %v", err)
		}
		if l.requests() != 6 {
			t.Errorf("%d attempts in five and a half minutes", l.requests())
		}
		l.will(nil, shares("a", "b", "logs"))
		pass(time.Minute)
		if err := i.View().Ready(); err != nil || len(shown(i)) != 1 {
			t.Errorf("ready says %v, shown %v", err, shown(i))
		}
		l.will(refusal)
		pass(time.Minute)
		i.Refresh(t.Context())
		if err := i.View().Ready(); err != nil {
			t.Errorf("a failure after the first success makes it %v", err)
		}
	})
}

func TestStoppingIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		ctx, stop := context.WithCancel(t.Context())
		l := &lister{takes: time.Hour}
		i := inventory.New(ctx, []inventory.Org{{Name: "default", Lister: l}}, inventory.Options{Logger: log.NewLogfmtLogger(&logged)})
		time.AfterFunc(time.Second, stop)
		i.WarmUp()
		i.Refresh(context.Background())
		synctest.Wait()
		if l.requests() != 1 || state(i).Listings != 0 || logged.Len() > 0 {
			t.Errorf("%d requests, %+v, log %q", l.requests(), state(i), logged.String())
		}
	})
}

func TestChangesAreLoggedALineEach(t *testing.T) {
	var logged bytes.Buffer
	with(t, inventory.Options{Logger: log.NewLogfmtLogger(log.NewSyncWriter(&logged))}, func(t *testing.T, l *lister, i *inventory.Inventory) {
		next := func(err error, connections ...datadog.Connection) {
			l.will(err, connections...)
			pass(time.Minute)
			i.Refresh(t.Context())
		}
		next(nil, shares("a", "b", "logs"), shares("a", "c", "logs"))
		next(nil, shares("a", "b", "logs"), shares("a", "c", "logs")) // nothing to tell at this level
		next(outage)
		pass(2 * time.Hour) // too old to be shown: no change of what Datadog has
		_ = i.View()
		next(nil, shares("a", "b", "audit", "logs"), shares("d", "a", "metrics"))
		l.will(nil, shares("a", "b", "audit", "logs"), shares("d", "a", "metrics"))
		l.listing.Orgs[0].Name = "Org A, renamed"
		l.listing.Warnings = []string{"how odd"}
		pass(time.Minute)
		i.Refresh(t.Context())
	})
	var lines []string
	for line := range strings.Lines(logged.String()) {
		if !strings.Contains(line, "level=debug") {
			before, _, _ := strings.Cut(strings.TrimSpace(line), " next_attempt=")
			lines = append(lines, before)
		}
	}
	want := []string{
		`level=info org=default msg="Listing succeeded" connections=2 complete=true pages=1 duration=0s`,
		`level=warn org=default msg="Listing failed" reason=server_error err="GET it: 502"`,
		`level=info org=default msg="Listing succeeded" connections=2 complete=true pages=1 duration=0s`,
		`level=info msg="Connection added" connection_id=d-a source_org_id=d source_org_name="Org d" sink_org_id=a sink_org_name="Org a" types=metrics`,
		`level=info msg="Connection removed" connection_id=a-c source_org_id=a source_org_name="Org a" sink_org_id=c sink_org_name="Org c" types=logs`,
		`level=info msg="Connection types changed" connection_id=a-b source_org_id=a source_org_name="Org a" sink_org_id=b sink_org_name="Org b" types=audit,logs types_before=logs`,
		`level=warn org=default msg="Listing warning" warning="how odd"`,
		`level=info msg="Org renamed" org_id=a org_name="Org A, renamed" org_name_before="Org a"`,
	}
	if !slices.Equal(lines, want) {
		t.Errorf("logged\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
}

func TestWhoseCredentialsTheyAreIsInferred(t *testing.T) {
	yes, no, unknown := datadog.Yes, datadog.No, datadog.Unknown
	with(t, inventory.Options{}, func(t *testing.T, l *lister, i *inventory.Inventory) {
		for _, step := range []struct {
			name        string
			err         error
			connections []datadog.Connection
			observed    map[string]datadog.Ternary
		}{
			{"one connection does not tell", nil, []datadog.Connection{shares("a", "b")}, map[string]datadog.Ternary{"a": unknown, "b": unknown}},
			{"one each way does not tell", nil, []datadog.Connection{shares("a", "b"), shares("b", "a")}, map[string]datadog.Ternary{"a": unknown, "b": unknown}},
			{"the org of all connections", nil, []datadog.Connection{shares("a", "b"), shares("c", "a"), shares("a", "d")}, map[string]datadog.Ternary{"a": yes, "b": no, "c": no, "d": no}},
			{"is remembered when one is left", nil, []datadog.Connection{shares("a", "b")}, map[string]datadog.Ternary{"a": yes, "b": no}},
			{"an outage changes nothing", outage, nil, map[string]datadog.Ternary{"a": yes, "b": no}},
			{"revoked credentials make it a blind spot", refusal, nil, map[string]datadog.Ternary{"a": no, "b": no}},
			{"other credentials may be another org's", nil, []datadog.Connection{shares("c", "b"), shares("d", "b")}, map[string]datadog.Ternary{"b": yes, "c": no, "d": no}},
			{"a connection without an end tells nothing", nil, []datadog.Connection{shares("", "c"), shares("d", "b")}, map[string]datadog.Ternary{"b": yes, "c": no, "d": no}},
			{"none at all keeps what was known", nil, nil, map[string]datadog.Ternary{}},
			{"for later", nil, []datadog.Connection{shares("c", "b")}, map[string]datadog.Ternary{"b": yes, "c": no}},
		} {
			l.will(step.err, step.connections...)
			pass(time.Minute)
			i.Refresh(t.Context())
			observed := map[string]datadog.Ternary{}
			for _, o := range i.View().Snapshot.Orgs {
				observed[o.ID] = o.Observed
			}
			if fmt.Sprint(observed) != fmt.Sprint(step.observed) {
				t.Errorf("%s: observed %v, want %v", step.name, observed, step.observed)
			}
		}
	})
}

func TestNamesFallBackToIDs(t *testing.T) {
	with(t, inventory.Options{}, func(t *testing.T, l *lister, i *inventory.Inventory) {
		l.listing.Orgs = []datadog.Org{{ID: "a"}, {ID: "z", Name: "Zed"}}
		i.Refresh(t.Context())
		s := i.View().Snapshot
		if s.Orgs[0].Name != "a" || s.OrgName("a") != "a" || s.OrgName("z") != "Zed" || s.OrgName("never heard of") != "never heard of" {
			t.Errorf("orgs %+v", s.Orgs)
		}
	})
}
