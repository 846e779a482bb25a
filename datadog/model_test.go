package datadog_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/datadog/fake"
)

// scenario is an account that changes while a client lists it, some times, from a server
// with faults. What the server does is written down by request, in the order of arrival.
type scenario struct {
	Connections, PageSize, PageCap int
	Latency                        time.Duration
	Faults                         []modelFault // of all requests
	Steps                          []step       // by request; the requests after have none
	Listings                       int
}

// step is what happens before one request is answered, and to its response.
type step struct {
	Changes []change
	Faults  []modelFault
}

// change is one change of the account. Positions are modulo the number of connections.
type change struct {
	Kind     changeKind
	At, From int
}

type changeKind string

const (
	enters  changeKind = "enters"  // at At
	leaves  changeKind = "leaves"  // from At
	widened changeKind = "widened" // at At
	moves   changeKind = "moves"   // from From to At
)

// modelFault is a fault of the fake, and what it spoils.
type modelFault struct {
	Name   string
	Arg    int
	From   int // the smallest offset of its requests
	effect faultEffect
	fault  func(arg int) fake.Fault
}

// GoString is how rapid prints it.
func (f modelFault) GoString() string { return fmt.Sprintf("%s(%d).From(%d)", f.Name, f.Arg, f.From) }

type faultEffect int

const (
	noEffect     faultEffect = iota // on what a page says: it is late, or an error
	variesLength                    // of pages
	spoilsPage                      // a page is not the requested one
	spoilsTotal                     // a total is not true
	hidesTotal
)

// waitAfter429 is sent with every 429.
const waitAfter429 = 3 * time.Second

var modelFaults = []modelFault{
	{Name: "Status500", fault: func(int) fake.Fault { return fake.Status(http.StatusInternalServerError) }},
	{Name: "TooManyRequests", fault: func(int) fake.Fault {
		return fake.TooManyRequests(http.Header{"Retry-After": {fmt.Sprint(waitAfter429.Seconds())}})
	}},
	{Name: "HTML200", fault: func(int) fake.Fault { return fake.HTML200() }},
	{Name: "Truncated", fault: func(int) fake.Fault { return fake.Truncated() }},
	{Name: "Gzip", fault: func(int) fake.Fault { return fake.Gzip() }},
	{Name: "FalseGzip", fault: func(int) fake.Fault { return fake.FalseGzip() }},
	{Name: "TruncatedGzip", fault: func(int) fake.Fault { return fake.TruncatedGzip() }},
	{Name: "GoAway", fault: func(int) fake.Fault { return fake.GoAway() }},
	{Name: "Disconnect", fault: func(int) fake.Fault { return fake.Disconnect() }},
	{Name: "DisconnectMidBody", fault: func(int) fake.Fault { return fake.DisconnectMidBody() }},
	{Name: "Hang", fault: func(int) fake.Fault { return fake.Hang() }},
	{Name: "Slow", fault: func(arg int) fake.Fault { return fake.Slow(time.Duration(arg) * 100 * time.Millisecond) }},
	{Name: "ShortPages", effect: variesLength, fault: func(arg int) fake.Fault { return fake.ShortPages(1 + arg) }},
	{Name: "RepeatPage", effect: spoilsPage, fault: func(int) fake.Fault { return fake.RepeatPage() }},
	{Name: "EmptyPage", effect: spoilsPage, fault: func(int) fake.Fault { return fake.EmptyPage() }},
	{Name: "ShuffledOrder", effect: spoilsPage, fault: func(int) fake.Fault { return fake.ShuffledOrder() }},
	{Name: "NoMeta", effect: hidesTotal, fault: func(int) fake.Fault { return fake.NoMeta() }},
	{Name: "TotalNull", effect: hidesTotal, fault: func(int) fake.Fault { return fixedTotal(nil) }},
	{Name: "TotalFixed", effect: spoilsTotal, fault: func(arg int) fake.Fault { return fixedTotal(arg) }},
	{Name: "TotalAdd", effect: spoilsTotal, fault: func(arg int) fake.Fault { return addToTotal(arg - 5) }},
}

func drawScenario(t *rapid.T) scenario {
	faults := rapid.Custom(func(t *rapid.T) modelFault {
		f := rapid.SampledFrom(modelFaults).Draw(t, "fault")
		f.Arg = rapid.IntRange(0, 12).Draw(t, "argument")
		f.From = rapid.IntRange(0, 20).Draw(t, "from offset")
		return f
	})
	changes := rapid.Custom(func(t *rapid.T) change {
		return change{
			Kind: rapid.SampledFrom([]changeKind{enters, leaves, widened, moves}).Draw(t, "kind"),
			At:   rapid.IntRange(0, 40).Draw(t, "at"),
			From: rapid.IntRange(0, 40).Draw(t, "from"),
		}
	})
	steps := rapid.Custom(func(t *rapid.T) step {
		s := step{Changes: rapid.SliceOfN(changes, 0, 3).Draw(t, "changes")}
		if rapid.IntRange(0, 3).Draw(t, "has fault") == 3 {
			s.Faults = rapid.SliceOfN(faults, 1, 2).Draw(t, "faults")
		}
		return s
	})
	s := scenario{
		Connections: rapid.IntRange(0, 40).Draw(t, "connections"),
		PageSize:    rapid.IntRange(1, 12).Draw(t, "page size"),
		PageCap:     rapid.IntRange(1, 20).Draw(t, "page cap"),
		Latency:     time.Duration(rapid.IntRange(0, 500).Draw(t, "latency")) * time.Millisecond,
		Steps:       rapid.SliceOfN(steps, 0, 30).Draw(t, "steps"),
		Listings:    rapid.IntRange(1, 3).Draw(t, "listings"),
	}
	if rapid.IntRange(0, 2).Draw(t, "has lasting faults") == 2 {
		s.Faults = rapid.SliceOfN(faults, 1, 2).Draw(t, "lasting faults")
	}
	return s
}

// has reports whether a fault of the scenario has the effect.
func (s *scenario) has(effect faultEffect) bool {
	spoils := func(f modelFault) bool { return f.effect == effect }
	return slices.ContainsFunc(s.Faults, spoils) ||
		slices.ContainsFunc(s.Steps, func(s step) bool { return slices.ContainsFunc(s.Faults, spoils) })
}

// changes reports whether the account has one of these changes.
func (s *scenario) changes(kinds ...changeKind) bool {
	return slices.ContainsFunc(s.Steps, func(s step) bool {
		return slices.ContainsFunc(s.Changes, func(c change) bool { return slices.Contains(kinds, c.Kind) })
	})
}

// allRowsAreDue reports whether a listing must have every row that stayed, if it is
// complete, or if it is not. Pages that overlap prove it as long as rows keep their
// order and a page is the requested one; then the total is not needed but to end with a
// page that is shorter than others. Otherwise, the total proves it if the number of
// rows stays the same.
func (s *scenario) allRowsAreDue(complete bool) bool {
	linked := !s.has(spoilsPage) && !s.changes(moves) && (!s.has(spoilsTotal) || !s.has(variesLength))
	counted := complete && !s.has(spoilsTotal) && !s.changes(enters, leaves)
	return linked || counted
}

// modelServer carries out a scenario, and keeps what a listing may and must have.
type modelServer struct {
	*fake.Server
	org, peer string

	mu    sync.Mutex // guards all below
	steps []step
	// stayed are the rows that were there from the first request of the listing on, and
	// seen the types that rows had since then.
	stayed map[string]bool
	seen   map[string][]string
	counts map[int]bool // numbers of rows since then
}

func newModelServer(s *scenario) *modelServer {
	server, org := fake.Star(fake.Options{PageCap: s.PageCap, Latency: s.Latency}, s.Connections, 1)
	for _, f := range s.Faults {
		server.Inject(f.fault(f.Arg).From(f.From))
	}
	return &modelServer{Server: server, org: org, peer: server.AddOrg(fake.Org{}), steps: s.Steps}
}

// ServeHTTP answers a request after the changes of its step. Concurrent requests arrive
// in the order of their offsets, so that a scenario can be repeated.
func (m *modelServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	offset, err := time.ParseDuration(r.URL.Query().Get("offset") + "us")
	if err != nil {
		panic(err)
	}
	time.Sleep(offset) // virtual
	m.nextStep()
	m.Server.ServeHTTP(w, r)
}

func (m *modelServer) nextStep() {
	m.mu.Lock()
	defer m.mu.Unlock()
	var next step
	if len(m.steps) > 0 {
		next, m.steps = m.steps[0], m.steps[1:]
	}
	for n, c := range next.Changes {
		m.change(c, n)
	}
	for _, f := range next.Faults {
		m.Inject(f.fault(f.Arg).From(f.From).Once())
	}
	if m.stayed == nil {
		m.begin()
	}
	m.observe()
}

func (m *modelServer) change(c change, n int) {
	rows := m.Connections()
	if c.Kind == enters {
		id := m.AddConnection(fake.Connection{SourceID: m.org, SinkID: m.peer})
		m.MoveConnection(id, c.At%(len(rows)+1))
		return
	}
	if len(rows) == 0 {
		return
	}
	at := rows[c.At%len(rows)]
	switch c.Kind {
	case leaves:
		m.RemoveConnection(at.ID)
		delete(m.stayed, at.ID)
	case widened:
		m.SetTypes(at.ID, append(at.Types, fmt.Sprint("type-", len(m.steps), "-", n))...)
	case moves:
		m.MoveConnection(rows[c.From%len(rows)].ID, c.At%len(rows))
	}
}

// begin forgets all but the current rows.
func (m *modelServer) begin() {
	m.stayed, m.seen, m.counts = map[string]bool{}, map[string][]string{}, map[int]bool{}
	for _, c := range m.Connections() {
		m.stayed[c.ID] = true
	}
}

func (m *modelServer) observe() {
	rows := m.Connections()
	m.counts[len(rows)] = true
	for _, c := range rows {
		m.seen[c.ID] = append(m.seen[c.ID], joinTypes(c.Types))
	}
}

func joinTypes(types []string) string {
	return strings.Join(slices.Sorted(slices.Values(types)), " ")
}

// limitedTransport counts the requests that are sent although a 429 said to wait.
type limitedTransport struct {
	http.RoundTripper

	mu    sync.Mutex
	told  time.Time
	early int
}

func (l *limitedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	l.mu.Lock()
	if now := time.Now(); now.After(l.told) && now.Before(l.told.Add(waitAfter429)) {
		l.early++
	}
	l.mu.Unlock()
	resp, err := l.RoundTripper.RoundTrip(r)
	if err == nil && resp.StatusCode == http.StatusTooManyRequests {
		l.mu.Lock()
		l.told = time.Now()
		l.mu.Unlock()
	}
	return resp, err
}

// check returns what is wrong with the result of List, or nothing.
func (m *modelServer) check(s *scenario, listing *datadog.Listing, err error) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var wrong []string
	report := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if err != nil {
		var failed *datadog.Error
		if !errors.As(err, &failed) {
			report("%v is not an Error", err)
		}
		return wrong
	}
	found := map[string]bool{}
	for _, c := range listing.Connections {
		switch {
		case found[c.ID]:
			report("row %s is there twice", c.ID)
		case !slices.Contains(m.seen[c.ID], joinTypes(c.Types)):
			report("row %s with the types %q never was", c.ID, c.Types)
		}
		found[c.ID] = true
	}
	if s.allRowsAreDue(listing.Complete) {
		for id := range m.stayed {
			if !found[id] {
				report("row %s is lost", id)
			}
		}
	}
	if listing.Complete && !s.has(spoilsTotal) && !m.counts[len(found)] {
		report("there never were %d rows, but the listing is complete", len(found))
	}
	if listing.Complete && slices.ContainsFunc(s.Faults, func(f modelFault) bool { return f.effect == hidesTotal && f.From == 0 }) && !s.has(spoilsTotal) {
		report("there was no total, but the listing is complete")
	}
	return wrong
}

// run carries out the scenario in the virtual time of a bubble, and returns what is wrong.
func (s *scenario) run(t *testing.T) (wrong []string) {
	synctest.Test(t, func(t *testing.T) {
		server := newModelServer(s)
		transport, stop := fake.InMemory(server)
		defer stop()
		limited := &limitedTransport{RoundTripper: transport}
		keys := server.Keys(server.org)
		client, err := datadog.New(datadog.Options{
			Credentials: datadog.Credentials{APIKey: secret(t, keys.API), AppKey: secret(t, keys.App)},
			PageSize:    s.PageSize,
			Transport:   limited,
		})
		if err != nil {
			t.Fatal(err)
		}
		for range s.Listings {
			server.mu.Lock()
			server.stayed = nil
			server.mu.Unlock()
			began := time.Now()
			listing, err := client.List(t.Context())
			if took := time.Since(began); took > datadog.DefaultTimeout {
				wrong = append(wrong, fmt.Sprintf("it took %v", took))
			}
			wrong = append(wrong, server.check(s, listing, err)...)
		}
		if limited.early > 0 {
			wrong = append(wrong, fmt.Sprintf("%d requests were sent before the wait after a 429 was over", limited.early))
		}
	})
	return wrong
}

// TestModel_List checks what must hold whatever the account and the server do: List ends
// in time, and fails or returns every row that was there from its first request to its
// last, none twice, and none that never was. It is complete only if a total proves it.
//
// For more than a second: go test ./datadog -run Model -rapid.checks=100000
func TestModel_List(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := drawScenario(r)
		for _, wrong := range s.run(t) {
			r.Error(wrong)
		}
	})
}
