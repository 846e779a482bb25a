package report_test

import (
	"bytes"
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
	if d.Empty() {
		t.Error("Empty is true")
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
	if len(back.TypesChanged) != 1 || !reflect.DeepEqual(back.TypesChanged[0].Gained, there.TypesChanged[0].Lost) {
		t.Errorf("types changed %v", back.TypesChanged)
	}
	if len(back.CreatorsDisabled) != 0 {
		t.Errorf("creators that were enabled again are reported as disabled: %v", back.CreatorsDisabled)
	}
}

func TestDifference_EmptyIfNothingChanged(t *testing.T) {
	later := report.NewDocument(hostileView(), now.Add(time.Hour))
	d := report.Compare(report.NewDocument(hostileView(), now), later)
	if !d.Empty() || textOf(t, d) != "" {
		t.Errorf("%+v", d)
	}
}

func TestCompare_CompleteIfBothDocumentsAre(t *testing.T) {
	for _, complete := range [][2]bool{{true, true}, {true, false}, {false, true}, {false, false}} {
		d := report.Compare(report.Document{Complete: complete[0]}, report.Document{Complete: complete[1]})
		want := complete[0] && complete[1]
		if d.Complete != want || strings.HasPrefix(textOf(t, d), "INCOMPLETE: ") == want {
			t.Errorf("%v: %v, %q", complete, d.Complete, textOf(t, d))
		}
	}
}

func TestCompare_Types(t *testing.T) {
	for _, test := range []struct{ before, after, want string }{
		{"logs", "logs metrics", "+metrics"},
		{"audit logs", "logs", "-audit"},
		{"audit logs", "logs metrics", "+metrics, -audit"},
		{"logs metrics", "metrics logs", ""},
	} {
		document := func(types string) report.Document {
			return report.Document{Complete: true, Connections: []report.Connection{{ID: "c", Types: strings.Fields(types)}}}
		}
		text := textOf(t, report.Compare(document(test.before), document(test.after)))
		if want := "~ unknown -> unknown (c): " + test.want + "\n"; test.want != "" && text != want || test.want == "" && text != "" {
			t.Errorf("%s to %s: %q", test.before, test.after, text)
		}
	}
}

func TestDifference_EachKindOfChange(t *testing.T) {
	for name, d := range map[string]report.Difference{
		"added":    {Added: make([]report.Connection, 1)},
		"removed":  {Removed: make([]report.Connection, 1)},
		"types":    {TypesChanged: []report.TypesChange{{Gained: []string{"logs"}}}},
		"renamed":  {OrgsRenamed: make([]report.Rename, 1)},
		"disabled": {CreatorsDisabled: make([]report.Connection, 1)},
	} {
		d.Complete = true
		if d.Empty() || strings.Count(textOf(t, d), "\n") != 1 || strings.Contains(textOf(t, d), " \n") {
			t.Errorf("%s: empty %v, %q", name, d.Empty(), textOf(t, d))
		}
	}
}
