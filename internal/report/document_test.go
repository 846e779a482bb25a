package report_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/report"
)

func TestNewDocument_CompleteAsTheView(t *testing.T) {
	for _, complete := range []bool{true, false} {
		view := viewOf(nil, nil)
		view.Gaps = nil
		if !complete {
			view.Gaps = []inventory.Gap{{Org: "a", Reason: inventory.Stale}}
		}
		if got := report.NewDocument(view, now).Complete; got != complete {
			t.Errorf("document complete: %v, view complete: %v", got, complete)
		}
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
}

// smallest is the shortest valid document, without its closing brace.
const smallest = `{"version": 1, "time": "2026-09-30T12:00:00Z", "orgs": [], "connections": []`

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
		"no id":            {strings.Replace(smallest, `"connections": [`, `"connections": [{}`, 1) + "}", "without an id"},
		"two with one id":  {strings.Replace(smallest, `"connections": [`, `"connections": [{"id":"a"},{"id":"a"}`, 1) + "}", `two connections with the id "a"`},
		"two documents":    {smallest + "}" + smallest + "}", "unexpected data"},
		"trailing data":    {smallest + "} }", "unexpected data"},
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

func TestRead_RejectsNewerVersion(t *testing.T) {
	_, err := report.Read(strings.NewReader(strings.Replace(smallest, "1", "2", 1) + "}"))
	if err == nil || !strings.Contains(err.Error(), "version 2") || !strings.Contains(err.Error(), "a newer one") {
		t.Error(err)
	}
}

const hubID = "5e1f0a6b-3c2d-4b7e-9a10-64d2f8b7c015"

func TestDocument_Filter(t *testing.T) {
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
		shown := d.Filter(f)
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
		if shown.Connections == nil || shown.Orgs == nil || shown.Complete != d.Complete || shown.Version != d.Version {
			t.Errorf("%+v: %+v cannot be read back", test, shown)
		}
	}
	if len(d.Connections) != 3 || len(d.Orgs) != 4 {
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
