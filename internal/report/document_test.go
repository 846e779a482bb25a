package report_test

import (
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/policy"
	"datadog_org_connections_exporter/internal/report"
)

func TestNewDocument_SaysWhatItLacks(t *testing.T) {
	began := now.Add(-time.Minute)
	listing := &datadog.Listing{Began: began}
	view := inventory.View{
		Snapshot: inventory.NewSnapshot(nil, nil),
		Orgs: []inventory.OrgState{
			{Name: "new"}, {Name: "old", OrgID: "o", Stale: true, Listing: listing},
			{Name: "fine", OrgID: "f", Listing: listing}, {Name: "part", Listing: listing},
		},
		Gaps: []inventory.Gap{{Org: "new", Reason: inventory.NotListed, Err: errors.New("an outage")}, {Org: "old", Reason: inventory.Stale}, {Org: "part", Reason: inventory.Filtered}},
	}
	d := report.NewDocument(view, now)
	if want := []report.Gap{{"new", "not_listed", "an outage"}, {"old", "stale", ""}, {"part", "filtered", ""}}; d.Complete || !slices.Equal(d.Gaps, want) {
		t.Errorf("complete: %v, gaps %v, want %v", d.Complete, d.Gaps, want)
	}
	// Of the others nothing is shown.
	if want := []report.Listing{{"fine", "f", began}, {"part", "", began}}; !slices.Equal(d.Listings, want) {
		t.Errorf("listings %v, want %v", d.Listings, want)
	}
	wantRoundTrip(t, d)
	view.Gaps = nil
	if d := report.NewDocument(view, now); !d.Complete || d.Gaps == nil {
		t.Errorf("without gaps: complete: %v, gaps %v", d.Complete, d.Gaps)
	}
}

func wantRoundTrip(t *testing.T, d report.Document) {
	t.Helper()
	again, err := report.Read(strings.NewReader(written(t, report.WriteJSON, d)))
	if err != nil || !reflect.DeepEqual(again, d) {
		t.Errorf("%v\n got %+v\nwant %+v", err, again, d)
	}
}

func TestRead_RoundTrip(t *testing.T) {
	view := hostileView()
	for n := range view.Snapshot.Orgs { // JSON is UTF-8, and so is what the API's client reads
		o := &view.Snapshot.Orgs[n]
		o.Name = strings.ToValidUTF8(o.Name, "?")
	}
	wantRoundTrip(t, report.NewDocument(view, now))
	wantRoundTrip(t, report.NewDocument(viewOf(nil, nil), now))
	f, err := report.NewFilter([]string{"Acme*", strings.ToUpper(hubID)}, nil, []string{"logs"})
	if err != nil {
		t.Fatal(err)
	}
	wantRoundTrip(t, report.NewDocument(view, now).Select(f))
}

// smallest is the shortest valid document, without its closing brace.
const smallest = `{"version": 1, "time": "2026-09-30T12:00:00Z", "complete": true, "gaps": [], "listings": [{"org": "a"}], "orgs": [], "connections": []`

func TestRead_IgnoresUnknownFields(t *testing.T) {
	if _, err := report.Read(strings.NewReader(smallest + `, "tomorrow": {"a": [1]}}` + "\n\n")); err != nil {
		t.Error(err)
	}
}

func TestRead_RejectsOtherInput(t *testing.T) {
	const hint = "list -o json"
	for name, test := range map[string]struct{ text, says string }{
		"empty":            {"", "empty input"},
		"a table":          {"SOURCE  SINK\n", "not a document of connections"},
		"a list":           {"[]", "not a document of connections"},
		"truncated":        {smallest, "not a document of connections"},
		"another document": {`{"data": []}`, `no "version": 1`},
		"no time":          {`{"version": 1, "orgs": [], "connections": []}`, "has no time"},
		"no orgs":          {`{"version": 1, "time": "2026-09-30T12:00:00Z", "connections": []}`, "has no list of orgs"},
		"no connections":   {`{"version": 1, "time": "2026-09-30T12:00:00Z", "orgs": []}`, "has no list of connections"},
		"no gaps":          {strings.Replace(smallest, `"gaps"`, `"holes"`, 1) + "}", "has no list of gaps"},
		"no listings":      {strings.Replace(smallest, `"listings"`, `"lists"`, 1) + "}", "has no listings"},
		"listed by nobody": {strings.Replace(smallest, `{"org": "a"}`, "", 1) + "}", "has no listings"},
		"a hidden gap":     {strings.Replace(smallest, `"gaps": [`, `"gaps": [{"org": "a"}`, 1) + "}", "complete: true"},
		"a hidden filter":  {smallest + `, "filter": {"types": ["logs"]}}`, "complete: true"},
		"an unknown gap":   {strings.Replace(smallest, "true", "false", 1) + "}", "complete: false"},
		"an invalid glob":  {smallest + `, "filter": {"source": ["[x"]}}`, `"[x" is not a valid glob`},
		"a query":          {strings.Replace(smallest, "true", "false", 1) + `, "filter": {"query": "org=a"}}`, "what the parameters org=a select"},
		"no id":            {strings.Replace(smallest, `"connections": [`, `"connections": [{}`, 1) + "}", "without an id"},
		"two with one id":  {strings.Replace(smallest, `"connections": [`, `"connections": [{"id":"a"},{"id":"a"}`, 1) + "}", `two connections with the id "a"`},
		"two documents":    {smallest + "}" + smallest + "}", "not a document of connections"},
		"trailing data":    {smallest + "} }", "not a document of connections"},
	} {
		d, err := report.Read(strings.NewReader(test.text))
		if err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), hint) {
			t.Errorf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(d, report.Document{}) {
			t.Errorf("%s gives %+v", name, d)
		}
	}
}

func TestRead_RejectsTooLargeDocument(t *testing.T) {
	_, err := report.Read(io.MultiReader(strings.NewReader(smallest), spaces{}))
	if err == nil || !strings.Contains(err.Error(), "larger than 128 MiB") {
		t.Error(err)
	}
}

// spaces is a document without an end.
type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for n := range p {
		p[n] = ' '
	}
	return len(p), nil
}

func TestRead_RejectsNewerVersion(t *testing.T) {
	_, err := report.Read(strings.NewReader(strings.Replace(smallest, "1", "2", 1) + "}"))
	if err == nil || !strings.Contains(err.Error(), "version 2") || !strings.Contains(err.Error(), "a newer one") {
		t.Error(err)
	}
}

const hubID = "5e1f0a6b-3c2d-4b7e-9a10-64d2f8b7c015"

func TestDocument_Select(t *testing.T) {
	orgs := []inventory.OrgInfo{
		{Org: datadog.Org{ID: hubID, Name: "Security"}},
		{Org: datadog.Org{ID: "a", Name: "Acme A"}},
		{Org: datadog.Org{ID: "b", Name: "Acme B"}},
		{Org: datadog.Org{ID: "c", Name: "Alone"}},
	}
	d := report.NewDocument(viewOf([]datadog.Connection{
		{ID: "1", SourceID: "a", SinkID: hubID, Types: []string{"logs"}},
		{ID: "2", SourceID: "b", SinkID: hubID, Types: []string{"logs", "metrics"}},
		{ID: "3", SourceID: hubID, SinkID: "b", Types: []string{"audit"}},
	}, orgs), now)
	type texts []string
	for _, test := range []struct {
		source, sink, types texts
		connections, orgs   string
	}{
		{nil, nil, nil, "1 2 3", "a b c hub"},
		{texts{"Acme A"}, nil, nil, "1", "a hub"},
		{texts{"Acme*"}, nil, nil, "1 2", "a b hub"},
		{nil, texts{strings.ToUpper(hubID)}, nil, "1 2", "a b hub"},
		{texts{"Acme A", "Security"}, nil, nil, "1 3", "a b hub"},
		{texts{"Acme*"}, texts{"Security"}, texts{"metrics", "audit"}, "2", "b hub"},
		{nil, nil, texts{"audit"}, "3", "b hub"},
		{texts{"Alone"}, nil, nil, "", ""},
		{nil, nil, texts{"log"}, "", ""},
	} {
		f, err := report.NewFilter(test.source, test.sink, test.types)
		if err != nil {
			t.Fatal(err)
		}
		shown := d.Select(f)
		var connections, named []string
		for _, c := range shown.Connections {
			connections = append(connections, c.ID)
		}
		for _, o := range shown.Orgs {
			named = append(named, strings.Replace(o.ID, hubID, "hub", 1))
		}
		slices.Sort(connections)
		slices.Sort(named)
		if strings.Join(connections, " ") != test.connections || strings.Join(named, " ") != test.orgs {
			t.Errorf("%+v: connections %v, orgs %v", test, connections, named)
		}
		if shown.Connections == nil || shown.Orgs == nil || shown.Version != d.Version {
			t.Errorf("%+v: %+v cannot be read back", test, shown)
		}
		if all := len(test.source)+len(test.sink)+len(test.types) == 0; shown.Complete != all || (shown.Filter == nil) != all {
			t.Errorf("%+v: complete: %v, filter %v", test, shown.Complete, shown.Filter)
		}
	}
	if d.Filter != nil || len(d.Connections) != 3 || len(d.Orgs) != 4 {
		t.Error("filtering changed the document")
	}
}

func TestNewFilter_RejectsInvalidGlob(t *testing.T) {
	for end, lists := range map[string][2][]string{"source": {{"a", "[x"}, nil}, "sink": {nil, {"[x"}}} {
		if _, err := report.NewFilter(lists[0], lists[1], nil); err == nil || !strings.Contains(err.Error(), end+` "[x" is not a valid glob`) {
			t.Errorf("%s: %v", end, err)
		}
	}
}

func TestDocument_JudgedSaysWhatIsUnexpected(t *testing.T) {
	d := report.NewDocument(hostileView(), now)
	if judged := d.Judged(nil); judged.Connections[0].Unexpected != nil {
		t.Errorf("without a judgement, %+v", judged.Connections[0])
	}
	judged := d.Judged(&policy.Judgement{Unexpected: []policy.Share{
		{Type: "audit", Connections: []string{"00-hub>01-quotes"}}, {Type: "logs", Connections: []string{"00-hub>01-quotes", "00-hub>06-cjk"}},
	}})
	for n, c := range judged.Connections {
		want := map[string][]string{"00-hub>01-quotes": {"audit", "logs"}, "00-hub>06-cjk": {"logs"}}[c.ID]
		if c.Unexpected == nil || !slices.Equal(c.Unexpected, want) {
			t.Errorf("%s: unexpected %q, want %q", c.ID, c.Unexpected, want)
		}
		if d.Connections[n].Unexpected != nil {
			t.Error("the document itself was changed")
		}
	}
}
