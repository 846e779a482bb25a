package web_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/policy"
	"datadog_org_connections_exporter/internal/report"
	"datadog_org_connections_exporter/internal/web"
)

var now = time.Now()

func uuid(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

// company returns a view of an account in which something is unexpected, missing, changing
// and about to go, and what a policy makes of it.
func company(t testing.TB) (inventory.View, web.Judge) {
	t.Helper()
	var orgs []inventory.OrgInfo
	for n, name := range []string{"Acme Security", "Acme Payments", "Acme Data Lake", "Contractor Sandbox", "Acme Quiet"} {
		observed := datadog.No
		if n == 0 {
			observed = datadog.Yes
		}
		orgs = append(orgs, inventory.OrgInfo{Org: datadog.Org{ID: uuid(n), Name: name, Sharing: "all_private", PublicID: fmt.Sprintf("pub%d", n)}, Observed: observed})
	}
	robot := datadog.Creator{ID: "robot", Kind: datadog.CreatorServiceAccount, Disabled: datadog.No}
	leaver := datadog.Creator{ID: "leaver", Kind: datadog.CreatorUser, Disabled: datadog.Yes}
	connections := []datadog.Connection{
		{ID: "c1", SourceID: uuid(1), SinkID: uuid(0), Types: []string{"logs"}, CreatedAt: now.AddDate(-1, 0, 0), Creator: robot},
		{ID: "c2", SourceID: uuid(1), SinkID: uuid(3), Types: []string{"audit", "logs"}, CreatedAt: now.Add(-3 * time.Hour), Creator: leaver},
		{ID: "c3", SourceID: uuid(0), SinkID: uuid(2), Types: []string{"metrics"}, Creator: robot},
	}
	gone := datadog.Connection{ID: "c0", SourceID: uuid(2), SinkID: uuid(3), Types: []string{"logs"}, Creator: robot}
	view := inventory.View{
		Snapshot: inventory.NewSnapshot(connections, orgs),
		Orgs:     []inventory.OrgState{{Name: "security", OrgID: uuid(0), Up: true, NextAttempt: now.Add(20 * time.Second), Listing: &datadog.Listing{Began: now.Add(-40 * time.Second), Complete: true, Connections: connections}}},
		History: &inventory.History{Start: now.AddDate(0, -1, 0), Changes: []inventory.Change{
			{Kind: inventory.Removed, At: now.AddDate(0, 0, -20), Found: now.AddDate(0, 0, -20), Connection: gone, Types: gone.Types, SourceName: "Acme Data Lake", SinkName: "Contractor Sandbox"},
			{Kind: inventory.Added, At: now.Add(-3 * time.Hour), Found: now.Add(-2 * time.Hour), Connection: connections[1], Types: []string{"logs"}, SourceName: "Acme Payments", SinkName: "Contractor Sandbox"},
			{Kind: inventory.Widened, At: now.Add(-time.Hour), Found: now.Add(-time.Hour), Connection: connections[1], Types: []string{"audit"}, SourceName: "Acme Payments", SinkName: "Contractor Sandbox"},
		}},
	}
	return view, companyPolicy()
}

// companyPolicy misses logs, and does not expect what the contractor gets.
func companyPolicy() web.Judge {
	p, err := policy.Parse("policy.yml", []byte(`rules:
  - {name: siem, source: `+uuid(1)+`, sink: Acme Security, types: [logs]}
  - {name: lake, source: Acme Security, sink: Acme Data Lake, types: [logs, metrics], required: true, owner: team-lake, ticket: LAKE-7}
`))
	if err != nil {
		panic(err)
	}
	var current policy.Current
	current.Set(p)
	return policy.NewJudge(&current)
}

func companyHandler(t testing.TB, change ...func(*web.Options)) http.Handler {
	t.Helper()
	view, judge := company(t)
	return newHandler(&stubInventory{view: view}, append([]func(*web.Options){func(o *web.Options) { o.Judge, o.Version = judge, "1.2.3" }}, change...)...)
}

func get(handler http.Handler, path string, header ...string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(http.MethodGet, path, nil)
	for n := 0; n < len(header); n += 2 {
		request.Header.Set(header[n], header[n+1])
	}
	response := httptest.NewRecorder()
	handler.ServeHTTP(response, request)
	return response
}

func TestAPI_InventoryIsTheDocumentOfList(t *testing.T) {
	handler := companyHandler(t)
	response := get(handler, "/api/v1/inventory")
	wantStatus(t, response, http.StatusOK)
	d, err := report.Read(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if !d.Complete || len(d.Connections) != 3 || len(d.Orgs) != 5 || len(d.Listings) != 1 {
		t.Errorf("got %+v", d)
	}
	for _, c := range d.Connections {
		if unexpected := len(c.Unexpected) == 2; c.Unexpected == nil || unexpected != (c.ID == "c2") {
			t.Errorf("%s: unexpected %q", c.ID, c.Unexpected)
		}
	}
}

// A document with only a part must not be taken for the whole, as by diff.
func TestAPI_InventorySaysWhatItWasSelectedBy(t *testing.T) {
	for path, want := range map[string]string{
		"?expectation=unexpected&sort=sink": "expectation=unexpected",
		"?org=Acme+Payments":                "org=Acme+Payments",
		"?change=widened&page=1":            "change=widened",
		"?page=1":                           "page=1",
	} {
		var d report.Document
		response := get(companyHandler(t), "/api/v1/inventory"+path)
		if err := json.Unmarshal(response.Body.Bytes(), &d); err != nil {
			t.Fatal(err)
		}
		if d.Complete || d.Filter == nil || d.Filter.Query != want {
			t.Errorf("%s: complete %v, filter %+v", path, d.Complete, d.Filter)
		}
		if _, err := report.Read(response.Body); err == nil {
			t.Errorf("%s can be compared with the whole", path)
		}
	}
}

func TestAPI_HistoryIsTheDocumentOfHistory(t *testing.T) {
	handler := companyHandler(t)
	for path, want := range map[string]string{"": "widened added removed", "?change=added": "added", "?org=Acme+Data+Lake": "removed", "?type=audit": "widened added", "?page=2": ""} {
		var h report.History
		if err := json.Unmarshal(get(handler, "/api/v1/history"+path).Body.Bytes(), &h); err != nil {
			t.Fatal(err)
		}
		var kinds []string
		for _, c := range h.Changes {
			kinds = append(kinds, string(c.Change))
		}
		if got := strings.Join(kinds, " "); got != want || h.Start == nil || h.Version != 1 {
			t.Errorf("%s: %q, want %q, in %+v", path, got, want, h)
		}
	}
}

func TestAPI_StatusSaysHowItFares(t *testing.T) {
	if whole := get(companyHandler(t), "/api/v1/status").Body.String(); !strings.Contains(whole, `"kind": "missing"`) || !strings.Contains(whole, `"ticket": "LAKE-7"`) {
		t.Errorf("nothing is missing in %s", whole)
	}
	view, judge := company(t)
	view.Orgs = append(view.Orgs, inventory.OrgState{Name: "broken", Err: errors.New("the answer was 502"), NextAttempt: now.Add(time.Hour)})
	view.Gaps = []inventory.Gap{{Org: "broken", Reason: inventory.NotListed, Err: errors.New("the answer was 502")}}
	view.Discoveries = []inventory.DiscoveryState{{Name: "parent", Account: &datadog.Account{Orgs: make([]datadog.Org, 9)}, Err: errors.New("no permission")}}
	handler := newHandler(&stubInventory{view: view}, func(o *web.Options) { o.Judge, o.Version = judge, "1.2.3" })
	if text := visibleText(get(handler, "/").Body.String()); !strings.Contains(text, "asked for as parent : 9 are known; the last attempt failed : no permission.") {
		t.Errorf("no discovery in %s", text)
	}
	var got map[string]any
	if err := json.Unmarshal(get(handler, "/api/v1/status").Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprint(got)
	for _, want := range []string{
		"exporter_version:1.2.3", "complete:false", "connections:3", "orgs:5", "observed:1", "rules:2", "unexpected:1", "reason:not_listed",
		"findings:[]", "cannot be told", "state:failing, no listing yet", "error:the answer was 502", "age_seconds:4", "next_attempt:2",
		"name:parent orgs:9", "error:no permission", "verdict:1 connection is unexpected", "Seen from inside: 1 of 5 orgs.", "out of sight",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
}

func TestAPI_HasOtherFormats(t *testing.T) {
	handler := companyHandler(t)
	for path, want := range map[string]string{
		"inventory?format=csv": "connection_id,", "inventory?format=dot": "digraph ", "inventory?format=mermaid": "flowchart ", "history?format=csv": "time,found,",
	} {
		response := get(handler, "/api/v1/"+path)
		wantStatus(t, response, http.StatusOK)
		if !strings.HasPrefix(response.Body.String(), want) || !strings.HasPrefix(response.Header().Get("Content-Type"), "text/") {
			t.Errorf("%s: %s %.80s", path, response.Header(), response.Body)
		}
	}
}

func TestAPI_SendsWhatIsNotThereYet(t *testing.T) {
	view, judge := company(t)
	inv := &stubInventory{view: view}
	handler := newHandler(inv, func(o *web.Options) { o.Judge = judge })
	for _, encoding := range []string{"", "gzip"} {
		first := get(handler, "/api/v1/inventory", "Accept-Encoding", encoding)
		etag := first.Header().Get("ETag")
		if !strings.HasPrefix(etag, `"`) || first.Header().Get("Content-Encoding") != encoding {
			t.Fatalf("headers %v", first.Header())
		}
		for _, match := range []string{etag, "W/" + etag, `"other", ` + etag, "*"} {
			again := get(handler, "/api/v1/inventory", "Accept-Encoding", encoding, "If-None-Match", match)
			wantStatus(t, again, http.StatusNotModified)
			if again.Body.Len() > 0 {
				t.Errorf("not modified, but sent: %s", again.Body)
			}
		}
		wantStatus(t, get(handler, "/api/v1/inventory?sort=sink", "If-None-Match", etag), http.StatusOK)
		inv.view.Gaps = append(inv.view.Gaps, inventory.Gap{Org: "security" + encoding, Reason: inventory.Rejected})
		wantStatus(t, get(handler, "/api/v1/inventory", "If-None-Match", etag), http.StatusOK)
	}
}

func TestAPI_CompressesTheSameBody(t *testing.T) {
	handler := companyHandler(t)
	plain := get(handler, "/api/v1/inventory", "Accept-Encoding", "br, gzip;q=0")
	compressed := get(handler, "/api/v1/inventory", "Accept-Encoding", "br;q=1.0, gzip;q=0.5")
	reader, err := gzip.NewReader(compressed.Body)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(reader)
	if err != nil || !bytes.Equal(body, plain.Body.Bytes()) {
		t.Errorf("compressed %s, plain %s; %v", body, plain.Body, err)
	}
	if plain.Header().Get("ETag") == compressed.Header().Get("ETag") {
		t.Error("different bytes have the same strong ETag")
	}
}

func TestAPI_AnswersMistakesAsJSON(t *testing.T) {
	withoutPolicy := func(o *web.Options) { o.Judge = nil }
	for path, want := range map[string]int{
		"/api/v1/inventory?orgs=a":                 http.StatusBadRequest,
		"/api/v1/inventory?expectation=unexpected": http.StatusBadRequest,
		"/api/v1/history?sort=sink":                http.StatusBadRequest,
		"/api/v1/history?format=dot":               http.StatusBadRequest,
		"/api/v1/status?format=csv":                http.StatusBadRequest,
		"/api/v2/inventory":                        http.StatusNotFound,
	} {
		response := get(companyHandler(t, withoutPolicy), path)
		wantStatus(t, response, want)
		var problem struct {
			Status int
			Error  string
		}
		if err := json.Unmarshal(response.Body.Bytes(), &problem); err != nil || problem.Status != want || problem.Error == "" {
			t.Errorf("%s: %s; %v", path, response.Body, err)
		}
	}
}

func TestDisablePage_LeavesWhatExportersHave(t *testing.T) {
	handler := companyHandler(t, func(o *web.Options) {
		o.DisablePage, o.Probe = true, func(string) (web.Target, bool) { return web.Target{}, false }
	})
	for path, want := range map[string]int{
		"/": 404, "/history": 404, "/orgs/" + uuid(0): 404, "/api/v1/inventory": 404, "/api/v1/status": 404,
		"/metrics": 200, "/sd": 200, "/-/healthy": 200, "/-/ready": 200, "/probe": 400,
	} {
		wantStatus(t, get(handler, path), want)
	}
}
