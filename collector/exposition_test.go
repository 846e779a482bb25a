package collector_test

import (
	"bytes"
	"compress/gzip"
	"context"
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
	"datadog_org_connections_exporter/datadog/fake"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/policy"
)

// The formats of which what was encoded is kept.
const (
	text        = "text/plain;version=0.0.4"
	openMetrics = "application/openmetrics-text;version=1.0.0"
	protobuf    = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
)

// asked are ways to ask for metrics: Prometheus's, older and odd ones.
var asked = func() (all []http.Header) {
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
			all = append(all, asking(accept, encoding))
		}
	}
	return all
}()

func asking(accept, encoding string) http.Header {
	header := http.Header{}
	if accept != "" {
		header.Set("Accept", accept)
	}
	if encoding != "" {
		header.Set("Accept-Encoding", encoding)
	}
	return header
}

func TestTheExpositionIsThatOfTheCollectors(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T, s stack){
		"nothing is known": func(*testing.T, stack) {},
		"without a policy": func(t *testing.T, s stack) { s.inventory.Refresh(t.Context()) },
		"under a policy": func(t *testing.T, s stack) {
			s.underPolicy(t)
			s.inventory.Refresh(t.Context())
		},
		"in an outage": func(t *testing.T, s stack) {
			s.inventory.Refresh(t.Context())
			time.Sleep(time.Minute) // virtual
			s.api.Inject(fake.Status(http.StatusBadGateway))
			s.inventory.Refresh(t.Context())
		},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, company, func(t *testing.T, s stack) {
				prepare(t, s)
				others := prometheus.NewRegistry()
				others.MustRegister(s.requests, s.reloads)
				options := promhttp.HandlerOpts{EnableOpenMetrics: true}
				got := collector.NewExposition(collector.ExpositionOptions{
					Inventory: s.inventory, Judge: policy.NewJudge(s.policy), Others: others, Handler: options,
				})
				want := promhttp.HandlerFor(s.registry, options)
				for _, header := range asked {
					wantSame(t, got, want, "", header)
				}
				for _, query := range []string{"?name[]=datadog_org_info&name[]=datadog_up", "?name[]=nothing", "?name=x"} {
					wantSame(t, got, want, query, asking(openMetrics, "gzip"))
				}
			})
		})
	}
}

func TestTheExpositionIsThatOfTheCollectorsHoweverLongItIs(t *testing.T) {
	for _, size := range []int{0, 1, 500, 999, 1000, 1001, 2001} {
		v := account(size)
		registry := prometheus.NewRegistry()
		registry.MustRegister(collector.New(v, 0))
		want := promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true})
		for _, format := range []string{text, openMetrics, protobuf} {
			wantSame(t, expositionOf(v), want, "", asking(format, "gzip"))
		}
	}
}

func TestWhatIsNoTextIsShownAsOne(t *testing.T) {
	known := &changing{}
	known.set(inventory.NewSnapshot(nil, []inventory.OrgInfo{{Org: datadog.Org{ID: "a", Name: "\xff\xfe"}}}))
	if got := answerOf(t, expositionOf(known), "", asking(text, "")); !strings.Contains(got, "org_name=\"\ufffd\"") {
		t.Errorf("shown is\n%s", got)
	}
}

// wantSame asks both, and one of them again.
func wantSame(t *testing.T, got, want http.Handler, query string, header http.Header) {
	t.Helper()
	wanted := answerOf(t, want, query, header)
	for range 2 {
		if answer := answerOf(t, got, query, header); answer != wanted {
			t.Fatalf("%q, %v:\n%s", query, header, difference(answer, wanted))
		}
	}
}

// difference shows the first line that is another.
func difference(got, want string) string {
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(want, "\n")
	for n := range min(len(gotLines), len(wantLines)) {
		if gotLines[n] != wantLines[n] {
			return fmt.Sprintf("line %d is\n%s\nwant\n%s", n, gotLines[n], wantLines[n])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(gotLines), len(wantLines))
}

// answerOf tells all of an answer in which the order of the families is of no
// account.
func answerOf(t *testing.T, handler http.Handler, query string, header http.Header) string {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics"+query, nil)
	request.Header = header
	response := httptest.NewRecorder()
	handler.ServeHTTP(response, request)
	body := response.Body.Bytes()
	if response.Header().Get("Content-Encoding") == "gzip" {
		body = decompressed(t, body)
	}
	response.Header().Del("Content-Length")
	families := familiesIn(t, response.Header().Get("Content-Type"), body)
	return fmt.Sprintf("%d %v\n%s", response.Code, response.Header(), strings.Join(families, ""))
}

// decompressed reads one gzip member, behind which there is nothing.
func decompressed(t *testing.T, body []byte) []byte {
	t.Helper()
	all := bytes.NewReader(body)
	member, err := gzip.NewReader(all)
	if err != nil {
		t.Fatal(err)
	}
	member.Multistream(false)
	text, err := io.ReadAll(member) // checks the sum and the size
	if err != nil || all.Len() > 0 {
		t.Fatalf("%v, %d bytes are left", err, all.Len())
	}
	return text
}

// familiesIn gives each family of an exposition as a text, and the end.
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
		families = append(families, "in a text for people, of "+fmt.Sprint(len(body))+" bytes")
	default:
		text, end, _ := strings.Cut(string(body), "# EOF\n")
		if end != "" {
			t.Errorf("behind the end: %q", end)
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

func TestAnAnswerTellsItsLength(t *testing.T) {
	server := httptest.NewServer(expositionOf(account(100)))
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
				t.Errorf("%s, %s: %d bytes are announced and %d are sent, %v", method, encoding, response.ContentLength, len(body), err)
			}
		}
	}
}

// changing is an inventory that is replaced while it is asked for.
type changing struct {
	mu   sync.Mutex
	view inventory.View
}

func (c *changing) Refresh(context.Context) {}

func (c *changing) View() inventory.View {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.view
}

func (c *changing) set(s *inventory.Snapshot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.view = inventory.View{Snapshot: s}
}

func TestManyScrapersAtOnceEachSeeOneInventoryAsAWhole(t *testing.T) {
	var snapshots []*inventory.Snapshot
	wanted := map[string]bool{}
	for _, size := range []int{600, 601, 1200} {
		v := account(size)
		snapshots = append(snapshots, &v.snapshot)
		wanted[answerOf(t, expositionOf(v), "", asking(text, ""))] = true
	}
	known := &changing{}
	known.set(snapshots[0])
	handler := expositionOf(known)
	var scrapers sync.WaitGroup
	for n := range 20 {
		scrapers.Go(func() {
			for turn := range 5 {
				known.set(snapshots[(n+turn)%len(snapshots)])
				if got := answerOf(t, handler, "", asking(text, "")); !wanted[got] {
					t.Errorf("none of the inventories: %s", got[:min(len(got), 2000)])
				}
			}
		})
	}
	scrapers.Wait()
}

func TestAChangeIsShownAtOnce(t *testing.T) {
	known := &changing{}
	known.set(&account(3).snapshot)
	current := &policy.Current{}
	handler := collector.NewExposition(collector.ExpositionOptions{
		Inventory: known, Judge: policy.NewJudge(current), Others: prometheus.NewRegistry(), Handler: promhttp.HandlerOpts{},
	})
	count := func(metric string) int {
		return strings.Count(answerOf(t, handler, "", http.Header{"Accept-Encoding": {"gzip"}}), "\n"+metric+"{")
	}
	wantCounts := func(when string, connections, unexpected int) {
		t.Helper()
		if got := count("datadog_org_connection_info"); got != connections {
			t.Errorf("%s: %d connections, want %d", when, got, connections)
		}
		if got := count("datadog_org_connections_unexpected"); got != unexpected {
			t.Errorf("%s: %d are unexpected, want %d", when, got, unexpected)
		}
	}
	wantCounts("at first", 3, 0)
	rules, err := policy.Parse("policy.yml", []byte(`rules: [{name: metrics, source: "*", sink: "*", types: [metrics]}]`))
	if err != nil {
		t.Fatal(err)
	}
	current.Set(rules)
	wantCounts("under a policy", 3, 3)
	known.set(inventory.NewSnapshot([]datadog.Connection{{ID: "one", SourceID: "a", SinkID: "b", Types: []string{"metrics"}}}, nil))
	wantCounts("with another inventory", 1, 0)
}
