package exposition_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/encoding/prototext"

	"datadog_org_connections_exporter/collector"
	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/exposition"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/policy"
)

// The formats that are cached.
const (
	text        = "text/plain;version=0.0.4"
	openMetrics = "application/openmetrics-text;version=1.0.0"
	protobuf    = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
)

// requestHeaders are those of Prometheus, old and new, and of unusual clients.
var requestHeaders = func() (all []http.Header) {
	for _, accept := range []string{
		"",
		"*/*",
		text,
		openMetrics,
		"application/openmetrics-text;version=0.0.1,text/plain;q=0.5",
		"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;escaping=allow-utf-8;q=0.2,*/*;q=0.1",
		protobuf + ";escaping=underscores",
		"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text",
		"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=compact-text",
		"image/png",
	} {
		for _, encoding := range []string{"", "identity", "gzip", "gzip, deflate, br, zstd", "gzip;q=0", "br"} {
			all = append(all, newHeader(accept, encoding))
		}
	}
	return all
}()

func newHeader(accept, encoding string) http.Header {
	header := http.Header{}
	if accept != "" {
		header.Set("Accept", accept)
	}
	if encoding != "" {
		header.Set("Accept-Encoding", encoding)
	}
	return header
}

// stubInventory has the view that it is set to.
type stubInventory struct {
	mu   sync.Mutex
	view inventory.View
}

func (s *stubInventory) Refresh(context.Context) {}

func (s *stubInventory) View() inventory.View {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.view
}

func (s *stubInventory) set(snapshot *inventory.Snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.view = inventory.View{Snapshot: snapshot}
}

// newUnusualSnapshot returns one with strings that need escaping, and missing values.
func newUnusualSnapshot() *inventory.Snapshot {
	org := func(id, name string) inventory.OrgInfo {
		return inventory.OrgInfo{Org: datadog.Org{ID: id, Name: name, Disabled: datadog.No}, Observed: datadog.Yes}
	}
	return inventory.NewSnapshot([]datadog.Connection{
		{ID: "c1", SourceID: "quoted", SinkID: "hub", Types: []string{"logs", "metrics", "logs"}, CreatedAt: time.Unix(1_700_000_000, 123456000)},
		{ID: "c2", SourceID: "hub", SinkID: "foreign", Types: []string{"tomorrow's \"type\""}, Creator: datadog.Creator{ID: "u", Kind: datadog.CreatorUser, Disabled: datadog.Yes}},
		{ID: "c3", SourceID: "odd", SinkID: "hub"},
		{ID: "c4", SourceID: "quoted", SinkID: "hub", Types: []string{"logs"}, Creator: datadog.Creator{Disabled: datadog.No}},
		{ID: "c5\xff", SinkID: "hub", Types: []string{"\xfe\xff"}},
	}, []inventory.OrgInfo{
		org("foreign", "アクメ 🦴 عكمي"), org("hub", "Security"), {Org: datadog.Org{ID: "nameless"}},
		org("odd", "nul \x00, bell \a, {braces=\"x\"} # EOF"), org("quoted", "Acme \"Labs\", a \\ and\na newline"), org("twin\xff", "Security\xc3"),
	})
}

// newHistory returns changes, of which one is no longer shown and one is later repeated.
func newHistory() *inventory.History {
	now := time.Now()
	c := datadog.Connection{ID: "c1", SourceID: "quoted", SinkID: "hub", Types: []string{"logs", "metrics"}}
	return &inventory.History{
		Start:  now.Add(-30 * 24 * time.Hour),
		Totals: map[inventory.ChangeKind]uint64{inventory.Added: 1, inventory.Removed: 1, inventory.Widened: 2},
		Changes: []inventory.Change{
			{Kind: inventory.Added, At: now.Add(-collector.ChangeMaxAge - time.Second), Connection: c, Types: c.Types},
			{Kind: inventory.Widened, At: now.Add(-time.Hour), Connection: c, Types: []string{"metrics"}},
			{Kind: inventory.Removed, At: now.Add(-time.Minute), Connection: datadog.Connection{ID: "c0\xff"}},
			{Kind: inventory.Widened, At: now.Add(-time.Minute), Connection: c, Types: []string{"logs", "metrics"}},
		},
	}
}

// newOrgStates returns those of an org that is up and of one that never was.
func newOrgStates() []inventory.OrgState {
	return []inventory.OrgState{
		{
			Name: "up", Up: true, Listings: 3, Failures: map[datadog.Reason]uint64{datadog.Network: 1},
			Listing: &datadog.Listing{Began: time.Unix(1_750_000_000, 0), Duration: time.Second, Pages: 2, Complete: true},
			Stats:   datadog.Stats{Retries: map[datadog.Reason]uint64{datadog.Network: 4}, RateLimit: &datadog.RateLimit{Limit: 100, Remaining: -1}},
		},
		{Name: "down", Listings: 1},
	}
}

func TestHandler_RespondsAsPromhttp(t *testing.T) {
	rules, err := policy.Parse("policy.yml", []byte(`rules:
  - {name: labs, source: 'Acme "Labs"*', sink: Security, types: [logs]}
  - {name: "required, \"quoted\"", source: Security, sink: Nobody, types: [logs, audit], required: true, expires: 2999-12-31}
`))
	if err != nil {
		t.Fatal(err)
	}
	gaps := []inventory.Gap{{Org: "default", Reason: inventory.NotListed}}
	for name, test := range map[string]struct {
		view   inventory.View
		policy *policy.Policy
	}{
		"before the first listing": {view: inventory.View{Snapshot: &inventory.Snapshot{}, Orgs: []inventory.OrgState{{Name: "default"}}, Gaps: gaps}},
		"with changes":             {view: inventory.View{Snapshot: newUnusualSnapshot(), Orgs: newOrgStates(), History: newHistory(), WriteFailures: 2}},
		"without a policy":         {view: inventory.View{Snapshot: newUnusualSnapshot(), Orgs: newOrgStates(), Gaps: gaps}},
		"under a policy":           {view: inventory.View{Snapshot: newUnusualSnapshot(), Orgs: newOrgStates()}, policy: rules},
	} {
		t.Run(name, func(t *testing.T) {
			inv, current, apiMetrics := &stubInventory{view: test.view}, &policy.Current{}, collector.NewAPIMetrics()
			apiMetrics.Add("up")
			if test.policy != nil {
				current.Set(test.policy)
			}
			dynamic, all := prometheus.NewRegistry(), prometheus.NewRegistry()
			dynamic.MustRegister(apiMetrics)
			all.MustRegister(apiMetrics, collector.New(inv, 0), collector.NewPolicyCollector(inv, policy.NewJudge(current)))
			options := promhttp.HandlerOpts{EnableOpenMetrics: true}
			got := exposition.New(exposition.Options{Inventory: inv, Judge: policy.NewJudge(current), Gatherer: dynamic, HandlerOpts: options})
			want := promhttp.HandlerFor(all, options)
			for _, header := range requestHeaders {
				wantSame(t, got, want, "", header)
			}
			for _, query := range []string{"?name[]=datadog_org_info&name[]=datadog_up", "?name[]=nothing", "?name=x"} {
				wantSame(t, got, want, query, newHeader(openMetrics, "gzip"))
			}
		})
	}
}

func TestHandler_RespondsAsPromhttpForEverySize(t *testing.T) {
	for _, size := range []int{0, 1, 500, 999, 1000, 1001, 2001} {
		inv := newInventory(size)
		registry := prometheus.NewRegistry()
		registry.MustRegister(collector.New(inv, 0))
		want := promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true})
		for _, format := range []string{text, openMetrics, protobuf} {
			wantSame(t, newHandler(inv), want, "", newHeader(format, "gzip"))
		}
	}
}

func TestHandler_RespondsAsPromhttpToErrors(t *testing.T) {
	inv := newInventory(3)
	failing := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return nil, errors.New("cannot gather") })
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector.New(inv, 0))
	for _, handling := range []promhttp.HandlerErrorHandling{promhttp.HTTPErrorOnError, promhttp.ContinueOnError} {
		options := promhttp.HandlerOpts{ErrorHandling: handling}
		got := exposition.New(exposition.Options{Inventory: inv, Gatherer: failing, HandlerOpts: options})
		wantSame(t, got, promhttp.HandlerFor(prometheus.Gatherers{failing, registry}, options), "", newHeader(text, "gzip"))
	}
}

// wantSame compares the responses of both, that of got also when it is cached.
func wantSame(t *testing.T, got, want http.Handler, query string, header http.Header) {
	t.Helper()
	wantResponse := responseOf(t, want, query, header)
	for range 2 {
		if gotResponse := responseOf(t, got, query, header); gotResponse != wantResponse {
			t.Fatalf("%q, %v:\n%s", query, header, difference(gotResponse, wantResponse))
		}
	}
}

// difference describes the first line that differs.
func difference(got, want string) string {
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(want, "\n")
	for n := range min(len(gotLines), len(wantLines)) {
		if gotLines[n] != wantLines[n] {
			return fmt.Sprintf("line %d is\n%s\nwant\n%s", n, gotLines[n], wantLines[n])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(gotLines), len(wantLines))
}

// responseOf returns a response as text, with its families sorted.
func responseOf(t *testing.T, handler http.Handler, query string, header http.Header) string {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics"+query, nil)
	request.Header = header
	response := httptest.NewRecorder()
	handler.ServeHTTP(response, request)
	body := response.Body.Bytes()
	if response.Header().Get("Content-Encoding") == "gzip" {
		body = gunzip(t, body)
	}
	response.Header().Del("Content-Length")
	families := familiesIn(t, response.Header().Get("Content-Type"), body)
	return fmt.Sprintf("%d %v\n%s", response.Code, response.Header(), strings.Join(families, ""))
}

// gunzip reads one gzip member, which must be all.
func gunzip(t *testing.T, body []byte) []byte {
	t.Helper()
	all := bytes.NewReader(body)
	member, err := gzip.NewReader(all)
	if err != nil {
		t.Fatal(err)
	}
	member.Multistream(false)
	text, err := io.ReadAll(member) // verifies checksum and size
	if err != nil || all.Len() > 0 {
		t.Fatalf("%v, %d bytes after the gzip member", err, all.Len())
	}
	return text
}

// familiesIn returns the families of an exposition as sorted texts, and the end.
func familiesIn(t *testing.T, contentType string, body []byte) []string {
	t.Helper()
	var families []string
	switch {
	case strings.Contains(contentType, "encoding=delimited"):
		for in := bytes.NewReader(body); in.Len() > 0; {
			var family dto.MetricFamily
			if err := protodelim.UnmarshalFrom(in, &family); err != nil {
				t.Fatal(err)
			}
			families = append(families, prototext.Format(&family))
		}
	case strings.Contains(contentType, "protobuf"):
		families = append(families, fmt.Sprintf("protobuf as text, %d bytes", len(body)))
	default:
		text, end, _ := strings.Cut(string(body), "# EOF\n")
		if end != "" {
			t.Errorf("after the end: %q", end)
		}
		for family := range strings.SplitSeq(text, "# HELP ") {
			families = append(families, family)
		}
		if strings.HasSuffix(string(body), "# EOF\n") {
			families = append(families, "~ the end")
		}
	}
	slices.Sort(families)
	return families
}

func TestHandler_SetsContentLength(t *testing.T) {
	server := httptest.NewServer(newHandler(newInventory(100)))
	defer server.Close()
	for _, encoding := range []string{"identity", "gzip"} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			request, err := http.NewRequestWithContext(t.Context(), method, server.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Accept-Encoding", encoding)
			response, err := server.Client().Do(request)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			response.Body.Close()
			if err != nil || response.ContentLength < 1000 || method == http.MethodGet && int64(len(body)) != response.ContentLength {
				t.Errorf("%s, %s: Content-Length is %d, the body has %d bytes, %v", method, encoding, response.ContentLength, len(body), err)
			}
		}
	}
}

func TestHandler_ConcurrentScrapesSeeWholeSnapshots(t *testing.T) {
	var snapshots []*inventory.Snapshot
	want := map[string]bool{}
	for _, size := range []int{600, 601, 1200} {
		inv := newInventory(size)
		snapshots = append(snapshots, inv.view.Snapshot)
		want[responseOf(t, newHandler(inv), "", newHeader(text, ""))] = true
	}
	inv := &stubInventory{}
	inv.set(snapshots[0])
	handler := newHandler(inv)
	var scrapers sync.WaitGroup
	for n := range 20 {
		scrapers.Go(func() {
			for turn := range 5 {
				inv.set(snapshots[(n+turn)%len(snapshots)])
				if got := responseOf(t, handler, "", newHeader(text, "")); !want[got] {
					t.Errorf("not one of the snapshots: %s", got[:min(len(got), 2000)])
				}
			}
		})
	}
	scrapers.Wait()
}

func TestHandler_ShowsChangesAtOnce(t *testing.T) {
	inv := newInventory(3)
	current := &policy.Current{}
	handler := exposition.New(exposition.Options{
		Inventory: inv, Judge: policy.NewJudge(current), Gatherer: prometheus.NewRegistry(), HandlerOpts: promhttp.HandlerOpts{},
	})
	count := func(metric string) int {
		return strings.Count(responseOf(t, handler, "", http.Header{"Accept-Encoding": {"gzip"}}), "\n"+metric+"{")
	}
	wantCounts := func(when string, connections, unexpected int) {
		t.Helper()
		if got := count("datadog_org_connection_info"); got != connections {
			t.Errorf("%s: %d connections, want %d", when, got, connections)
		}
		if got := count("datadog_org_connections_unexpected"); got != unexpected {
			t.Errorf("%s: %d unexpected, want %d", when, got, unexpected)
		}
	}
	wantCounts("at first", 3, 0)
	rules, err := policy.Parse("policy.yml", []byte(`rules: [{name: metrics, source: "*", sink: "*", types: [metrics]}]`))
	if err != nil {
		t.Fatal(err)
	}
	current.Set(rules)
	wantCounts("under a policy", 3, 3)
	inv.set(inventory.NewSnapshot([]datadog.Connection{{ID: "one", SourceID: "a", SinkID: "b", Types: []string{"metrics"}}}, nil))
	wantCounts("with another snapshot", 1, 0)
}
