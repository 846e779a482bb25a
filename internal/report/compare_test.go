package report_test

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/report"
)

// nextDay returns the hostile view a day later, with every kind of change.
func nextDay() report.Document {
	view := hostileView()
	s := view.Snapshot
	var connections []datadog.Connection
	for _, c := range s.Connections {
		switch c.ID {
		case "08-dot>09-comment":
			continue
		case "00-hub>01-quotes":
			c.Types = []string{"logs", "traces\x1b[0m"}
			c.Creator.Disabled = datadog.Yes
		case "10-formula>11-accent":
			c.Creator = datadog.Creator{Kind: datadog.CreatorUser, Disabled: datadog.Yes}
		}
		connections = append(connections, c)
	}
	connections = append(connections, datadog.Connection{
		ID: "new\n", SourceID: "02-newline", SinkID: "05-override", Types: []string{"logs"}, Creator: datadog.Creator{Disabled: datadog.Yes},
	})
	for n := range s.Orgs {
		o := &s.Orgs[n]
		switch o.ID {
		case "13-twin":
			o.Name = "Twin\n- forged"
		case "12-nameless":
			o.Name = "has become known"
		case "06-cjk":
			o.Name = o.ID // has become unknown
		}
	}
	view.Snapshot = inventory.NewSnapshot(connections, s.Orgs)
	return report.NewDocument(view, now.Add(24*time.Hour))
}

func textOf(t *testing.T, d report.Difference) string {
	t.Helper()
	var out bytes.Buffer
	if err := d.WriteText(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestCompare(t *testing.T) {
	d := report.Compare(report.NewDocument(hostileView(), now), nextDay())
	if !d.Changed() {
		t.Error("Changed is false")
	}
	wantFile(t, textOf(t, d), "difference.txt")
	var out bytes.Buffer
	if err := d.WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	wantFile(t, out.String(), "difference.json")
}

func TestCompare_Backwards(t *testing.T) {
	before, after := report.NewDocument(hostileView(), now), nextDay()
	there, back := report.Compare(before, after), report.Compare(after, before)
	if !reflect.DeepEqual(back.Added, there.Removed) || !reflect.DeepEqual(back.Removed, there.Added) {
		t.Errorf("added %v, removed %v", back.Added, back.Removed)
	}
	if len(back.Widened) != 1 || !reflect.DeepEqual(back.Widened[0].Types, there.Narrowed[0].Types) {
		t.Errorf("widened %v", back.Widened)
	}
	if len(back.CreatorsDisabled) != 0 {
		t.Errorf("creators that were enabled again are reported as disabled: %v", back.CreatorsDisabled)
	}
}

func TestCompare_NothingChanged(t *testing.T) {
	later := report.NewDocument(hostileView(), now.Add(time.Hour))
	d := report.Compare(report.NewDocument(hostileView(), now), later)
	if d.Changed() || textOf(t, d) != "" {
		t.Errorf("%+v", d)
	}
}

// account is what a test's document shows.
type account struct {
	keys        string // ids of the orgs whose keys listed it; a? where it is not certain that they are a's
	connections string // such as "a-b a-c:logs+metrics": source, sink, types; old-… was there before any listing
	renamed     string // the id of an org that is called New, where the others are called Org and their id
}

func (a account) document() report.Document {
	view := inventory.View{}
	for _, org := range strings.Fields(a.keys) {
		view.Orgs = append(view.Orgs, inventory.OrgState{Name: "keys of " + org[:1], Listing: &datadog.Listing{Began: now}})
		if len(org) == 1 {
			view.Orgs[len(view.Orgs)-1].OrgID = org
		}
	}
	var connections []datadog.Connection
	for _, text := range strings.Fields(a.connections) {
		id, types, found := strings.Cut(text, ":")
		if !found {
			types = "logs"
		}
		ends, old := strings.CutPrefix(id, "old-")
		c := datadog.Connection{ID: id, SourceID: ends[:1], SinkID: ends[2:], Types: strings.Split(types, "+"), CreatedAt: now.Add(time.Hour)}
		if old {
			c.CreatedAt = now.Add(-time.Hour)
		}
		connections = append(connections, c)
	}
	var orgs []inventory.OrgInfo
	for _, id := range []string{"a", "b", "c"} {
		name := "Org " + id
		if id == a.renamed {
			name = "New"
		}
		orgs = append(orgs, inventory.OrgInfo{Org: datadog.Org{ID: id, Name: name}})
	}
	view.Snapshot = inventory.NewSnapshot(connections, orgs)
	return report.NewDocument(view, now)
}

// wantDifference wants the changes, each as its sign, the connection or the org, and the types.
func wantDifference(t *testing.T, name string, d report.Difference, want string) {
	t.Helper()
	var got []string
	add := func(connections []report.Connection, format string) {
		for _, c := range connections {
			got = append(got, fmt.Sprintf(format, c.Source.ID+"-"+c.Sink.ID))
		}
	}
	add(d.Added, "+%s")
	add(d.Discovered, "+%s discovered")
	add(d.Removed, "-%s")
	for _, c := range d.Widened {
		got = append(got, fmt.Sprintf("~%s-%s+%s", c.Connection.Source.ID, c.Connection.Sink.ID, strings.Join(c.Types, "+")))
	}
	for _, c := range d.Narrowed {
		got = append(got, fmt.Sprintf("~%s-%s-%s", c.Connection.Source.ID, c.Connection.Sink.ID, strings.Join(c.Types, "-")))
	}
	for _, r := range d.OrgsRenamed {
		got = append(got, "~"+r.ID)
	}
	add(d.OutOfSight, "?%s")
	if text := strings.Join(got, ", "); text != want {
		t.Errorf("%s: %q, want %q", name, text, want)
	}
	if changed := want != "" && !strings.HasPrefix(want, "?"); d.Changed() != changed {
		t.Errorf("%s: changed: %v, want %v", name, d.Changed(), changed)
	}
}

func TestCompare_AsFarAsTheListingsProve(t *testing.T) {
	for name, test := range map[string]struct {
		before, after account
		want          string
	}{
		"added":                           {account{keys: "a"}, account{keys: "a", connections: "a-b"}, "+a-b"},
		"added, seen by the sink":         {account{keys: "b"}, account{keys: "b", connections: "a-b"}, "+a-b"},
		"added beside other keys":         {account{keys: "a"}, account{keys: "a c", connections: "a-c"}, "+a-c"},
		"removed":                         {account{keys: "a", connections: "a-b"}, account{keys: "a"}, "-a-b"},
		"removed, other end's keys":       {account{keys: "a", connections: "a-b"}, account{keys: "b"}, "-a-b"},
		"keys added":                      {account{keys: "a", connections: "a-b"}, account{keys: "a c", connections: "a-b c-b"}, "+c-b discovered"},
		"keys dropped":                    {account{keys: "a c", connections: "a-b c-b"}, account{keys: "a", connections: "a-b"}, "?c-b"},
		"keys swapped":                    {account{keys: "a", connections: "a-b"}, account{keys: "c", connections: "c-b"}, "+c-b discovered, ?a-b"},
		"created before it was looked at": {account{keys: "a"}, account{keys: "a", connections: "old-a-b"}, "+a-b discovered"},
		"unknown keys":                    {account{keys: "a?", connections: "a-b"}, account{keys: "a?", connections: "a-c"}, "+a-c, -a-b"},
		"other unknown keys":              {account{keys: "a?", connections: "a-b"}, account{keys: "b?", connections: "b-c"}, "+b-c, -a-b"},
		"keys dropped, others unknown":    {account{keys: "a c", connections: "a-b c-b"}, account{keys: "a?", connections: "a-b"}, "?c-b"},
		"keys added, others were unknown": {account{keys: "a?", connections: "a-b"}, account{keys: "a c", connections: "a-b c-b"}, "+c-b discovered"},
	} {
		wantDifference(t, name, report.Compare(test.before.document(), test.after.document()), test.want)
	}
}

func TestCompare_FilteredDocument(t *testing.T) {
	const metrics, orgs, sinkB = "type metrics", "source Org *", "sink b"
	filters := map[string][3][]string{metrics: {nil, nil, {"metrics"}}, orgs: {{"Org *"}, nil, nil}, sinkB: {nil, {"Org b"}, nil}}
	for name, test := range map[string]struct {
		filter, before, after string
		renamed               [2]string
		want                  string
	}{
		"nothing changed":               {sinkB, "a-b a-c b-c", "a-b a-c b-c", [2]string{}, ""},
		"changed elsewhere":             {sinkB, "a-b a-c", "a-b b-c", [2]string{}, ""},
		"added":                         {sinkB, "a-b a-c", "a-b a-c c-b", [2]string{}, "+c-b"},
		"removed":                       {sinkB, "a-b a-c", "a-c", [2]string{}, "-a-b"},
		"renamed out of it":             {orgs, "old-a-b", "old-a-b", [2]string{"", "a"}, "~a"},
		"added to one renamed out":      {orgs, "old-a-b", "old-a-b a-c", [2]string{"", "a"}, "+a-c, ~a"},
		"renamed into it":               {orgs, "old-a-b old-b-c", "old-a-b old-b-c", [2]string{"b", ""}, "+b-c discovered, ~b"},
		"lost the type":                 {metrics, "a-b:logs+metrics", "a-b:logs", [2]string{}, "~a-b-metrics"},
		"gained the type":               {metrics, "old-a-b:logs", "old-a-b:logs+metrics", [2]string{}, "+a-b discovered"},
		"gained and lost another's":     {metrics, "a-b:audit+metrics", "a-b:logs+metrics", [2]string{}, "~a-b+logs, ~a-b-audit"},
		"of others nothing is compared": {metrics, "a-b:logs", "", [2]string{}, ""},
	} {
		f, err := report.NewFilter(filters[test.filter][0], filters[test.filter][1], filters[test.filter][2])
		if err != nil {
			t.Fatal(err)
		}
		before := account{"a b c", test.before, test.renamed[0]}.document().Select(f)
		d := report.Compare(before, account{"a b c", test.after, test.renamed[1]}.document())
		wantDifference(t, name, d, test.want)
		if d.Filter == nil {
			t.Errorf("%s: the difference does not say what was compared", name)
		}
	}
}

func TestCompare_Types(t *testing.T) {
	for _, test := range []struct{ before, after, want string }{
		{"logs", "logs metrics", "+metrics"},
		{"audit logs", "logs", "-audit"},
		{"audit logs", "logs metrics", "+metrics\n~ unknown -> unknown (c): -audit"},
		{"audit logs", "logs metrics traces", "+metrics, +traces\n~ unknown -> unknown (c): -audit"},
		{"logs metrics", "metrics logs", ""},
	} {
		document := func(types string) report.Document {
			return report.Document{Connections: []report.Connection{{ID: "c", Types: strings.Fields(types)}}}
		}
		text := textOf(t, report.Compare(document(test.before), document(test.after)))
		if want := "~ unknown -> unknown (c): " + test.want + "\n"; test.want != "" && text != want || test.want == "" && text != "" {
			t.Errorf("%s to %s: %q", test.before, test.after, text)
		}
	}
}

func TestDifference_EachKindOfChange(t *testing.T) {
	for name, test := range map[string]struct {
		difference report.Difference
		changed    bool
	}{
		"added":        {report.Difference{Added: make([]report.Connection, 1)}, true},
		"removed":      {report.Difference{Removed: make([]report.Connection, 1)}, true},
		"widened":      {report.Difference{Widened: []report.TypesChange{{Types: []string{"logs"}}}}, true},
		"narrowed":     {report.Difference{Narrowed: []report.TypesChange{{Types: []string{"logs"}}}}, true},
		"discovered":   {report.Difference{Discovered: make([]report.Connection, 1)}, true},
		"out of sight": {report.Difference{OutOfSight: make([]report.Connection, 1)}, false},
		"renamed":      {report.Difference{OrgsRenamed: make([]report.Rename, 1)}, true},
		"disabled":     {report.Difference{CreatorsDisabled: make([]report.Connection, 1)}, true},
	} {
		text := textOf(t, test.difference)
		if test.difference.Changed() != test.changed || strings.Count(text, "\n") != 1 || strings.Contains(text, " \n") {
			t.Errorf("%s: changed %v, %q", name, test.difference.Changed(), text)
		}
	}
}
