package inventory_test

import (
	"cmp"
	"context"
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

// fakeLister returns a set listing or error after a delay.
type fakeLister struct {
	mu      sync.Mutex
	listing datadog.Listing
	err     error
	delay   time.Duration
	limit   *datadog.RateLimit
	onList  func() // called by List if not nil
	called  int
}

func (l *fakeLister) List(ctx context.Context) (*datadog.Listing, error) {
	l.mu.Lock()
	l.called++
	listing, err, delay, onList := l.listing, l.err, l.delay, l.onList
	l.mu.Unlock()
	if onList != nil {
		onList()
	}
	listing.Began = time.Now()
	if listing.Credentials == "" {
		listing.Credentials = fmt.Sprintf("%p", l)
	}
	listing.Duration = delay
	select {
	case <-time.After(delay):
	case <-ctx.Done():
		return nil, &datadog.Error{Reason: datadog.Timeout, Err: ctx.Err()}
	}
	if err != nil {
		return nil, err
	}
	return &listing, nil
}

func (l *fakeLister) Stats() datadog.Stats { return datadog.Stats{RateLimit: l.limit} }

// returns sets what List returns: the error, or a complete listing of the connections.
func (l *fakeLister) returns(err error, connections ...datadog.Connection) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
	l.listing = datadog.Listing{Complete: true, Pages: 1, Connections: connections, Orgs: orgsOf(connections)}
}

// calls returns how often List was called.
func (l *fakeLister) calls() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.called
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

// connection returns a connection with the id source-sink.
func connection(source, sink string, types ...string) datadog.Connection {
	return datadog.Connection{ID: source + "-" + sink, SourceID: source, SinkID: sink, Types: types, Creator: datadog.Creator{Kind: datadog.CreatorUnknown}}
}

var (
	outage    = &datadog.Error{Reason: datadog.ServerError, Op: "GET it", Detail: "502"}
	forbidden = &datadog.Error{Reason: datadog.Forbidden, Op: "GET it", Detail: "403"}
)

// triangle connects orgs a, b and c, and d with two of them.
var triangle = []datadog.Connection{connection("a", "b", "logs"), connection("b", "c", "logs"), connection("c", "a", "logs"), connection("d", "a", "logs"), connection("d", "b", "logs")}

// testInventory is an inventory with a lister for each org, and its log. stop ends its
// context.
type testInventory struct {
	*inventory.Inventory
	stop    context.CancelFunc
	listers map[string]*fakeLister
	log     *logBuffer
}

// runOneOrg runs a test in virtual time, with an inventory of one org that has one
// connection.
func runOneOrg(t *testing.T, options inventory.Options, test func(t *testing.T, l *fakeLister, inv testInventory)) {
	t.Helper()
	run(t, options, func(t *testing.T, inv testInventory) {
		l := inv.listers["default"]
		l.returns(nil, connection("a", "b", "logs"))
		test(t, l, inv)
	}, "default")
}

// runOrgs runs a test in virtual time, with an inventory of the named orgs.
func runOrgs(t *testing.T, test func(t *testing.T, inv testInventory), names ...string) {
	t.Helper()
	run(t, inventory.Options{}, test, names...)
}

func run(t *testing.T, options inventory.Options, test func(t *testing.T, inv testInventory), names ...string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		inv := testInventory{stop: stop, listers: map[string]*fakeLister{}, log: &logBuffer{}}
		var orgs []inventory.Org
		for _, name := range names {
			inv.listers[name] = &fakeLister{}
			orgs = append(orgs, inventory.Org{Name: name, Lister: inv.listers[name]})
		}
		options.MaxStale = cmp.Or(options.MaxStale, time.Hour)
		options.Logger = log.NewLogfmtLogger(inv.log)
		inv.Inventory = inventory.New(ctx, orgs, options)
		defer synctest.Wait()
		defer stop()
		test(t, inv)
	})
}

// setConnections makes Datadog have these connections. The named orgs, or all where
// none is named, list those of which they are an end.
func (inv testInventory) setConnections(connections []datadog.Connection, listedBy ...string) {
	for name, l := range inv.listers {
		if len(listedBy) > 0 && !slices.Contains(listedBy, name) {
			continue
		}
		var visible []datadog.Connection
		for _, c := range connections {
			if c.SourceID == name || c.SinkID == name {
				visible = append(visible, c)
			}
		}
		slices.SortFunc(visible, func(a, b datadog.Connection) int { return strings.Compare(a.ID, b.ID) })
		l.returns(nil, visible...)
	}
}

func advance(d time.Duration) { time.Sleep(d) } // virtual time

// refreshAfterTTL lets every org become due and refreshes.
func (inv testInventory) refreshAfterTTL(t *testing.T) {
	t.Helper()
	advance(inventory.DefaultTTL)
	inv.Refresh(t.Context())
}

// state returns the state of the first org.
func (inv testInventory) state() inventory.OrgState { return inv.View().Orgs[0] }

func (inv testInventory) connectionIDs() []string {
	ids := []string{}
	for _, c := range inv.View().Snapshot.Connections {
		ids = append(ids, c.ID)
	}
	return ids
}

func (inv testInventory) wantConnections(t *testing.T, when string, want ...string) {
	t.Helper()
	if got := inv.connectionIDs(); !slices.Equal(got, want) {
		t.Errorf("%s: connections %v, want %v", when, got, want)
	}
}

// wantObserved expects the orgs of a view, sorted: + is observed, - is not, ? is
// unknown.
func wantObserved(t *testing.T, when string, view inventory.View, want string) {
	t.Helper()
	var got []string
	for _, o := range view.Snapshot.Orgs {
		got = append(got, o.ID+map[datadog.Ternary]string{datadog.Yes: "+", datadog.No: "-", datadog.Unknown: "?"}[o.Observed])
	}
	if got := strings.Join(got, " "); got != want {
		t.Errorf("%s: observed %q, want %q", when, got, want)
	}
}

// logBuffer is a buffer that is safe for concurrent use.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// take returns what was written since the last call.
func (l *logBuffer) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.text.Reset()
	return l.text.String()
}
