package web

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/policy"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// newBuilder returns the builder of a complete view of connections such as "a>b logs audit",
// judged by a policy, empty for none.
func newBuilder(t *testing.T, rules string, connections ...string) builder {
	t.Helper()
	var made []datadog.Connection
	for n, text := range connections {
		words := strings.Fields(text)
		source, sink, _ := strings.Cut(words[0], ">")
		slices.Sort(words[1:])
		made = append(made, datadog.Connection{ID: fmt.Sprint("c", n), SourceID: source, SinkID: sink, Types: words[1:]})
	}
	view := inventory.View{
		Snapshot: inventory.NewSnapshot(made, nil), History: &inventory.History{},
		Orgs: []inventory.OrgState{{Name: "default", Up: true, Listing: &datadog.Listing{Began: now.Add(-40 * time.Second)}}},
	}
	return builderOf(t, rules, view)
}

func builderOf(t *testing.T, rules string, view inventory.View) builder {
	t.Helper()
	var judge Judge
	if rules != "" {
		p, err := policy.Parse("policy.yml", []byte("rules: ["+rules+"]"))
		if err != nil {
			t.Fatal(err)
		}
		var current policy.Current
		current.Set(p)
		judge = policy.NewJudge(&current)
	}
	var c contents
	return builder{c.get(view, judge, now), "./"}
}

const (
	allowLogs   = "{name: logs, source: '*', sink: '*', types: [logs]}"
	requireLogs = "{name: must, source: x, sink: y, types: [audit, logs], required: true}"
)

func TestVerdict(t *testing.T) {
	gap := func(b builder) builder {
		view := b.view
		view.Gaps = []inventory.Gap{{Org: "default", Reason: inventory.Incomplete}}
		return builderOf(t, allowLogs, view)
	}
	failing := newBuilder(t, allowLogs, "a>b logs")
	failing.view.Orgs[0].Err = fmt.Errorf("an outage")
	for name, test := range map[string]struct {
		b           builder
		level, text string
	}{
		"nothing known": {builderOf(t, "", inventory.View{Snapshot: &inventory.Snapshot{}, Orgs: []inventory.OrgState{{Name: "default"}}}), "unsure", "Nothing is known yet: no listing has succeeded. No policy says which are expected."},
		"no policy":     {newBuilder(t, "", "a>b logs"), "unsure", "1 connection among 0 orgs. No policy says which are expected. Oldest listing 40 s."},
		"as expected":   {newBuilder(t, allowLogs, "a>b logs", "b>c logs"), "good", "All is as expected: 2 connections among 0 orgs. Oldest listing 40 s."},
		"unexpected":    {newBuilder(t, allowLogs, "a>b logs audit"), "bad", "1 connection is unexpected. Oldest listing 40 s."},
		"missing":       {newBuilder(t, allowLogs+","+requireLogs, "a>b logs"), "bad", "1 rule misses something. Oldest listing 40 s."},
		"both":          {newBuilder(t, requireLogs, "a>b logs", "a>c logs"), "bad", "2 connections are unexpected, 1 rule misses something. Oldest listing 40 s."},
		"an outage":     {failing, "unsure", "What is known is expected: 1 connection. 1 of 1 org cannot be listed now: the last good listings are shown. Oldest listing 40 s."},
		"a gap": {gap(newBuilder(t, allowLogs, "a>b logs")), "unsure", "What is known is expected: 1 connection." +
			" There may be others that are out of sight: of 1 org not all is known. So what is missing cannot be told. Oldest listing 40 s."},
	} {
		if v := newVerdict(test.b.content); v.Level != test.level || v.Text != test.text {
			t.Errorf("%s: %s: %q, want %s: %q", name, v.Level, v.Text, test.level, test.text)
		}
	}
}

func TestMatrix_HasWhatIsFlaggedFirst(t *testing.T) {
	b := newBuilder(t, allowLogs, "a>b logs", "c>d audit logs", "c>d metrics session", "d>a logs")
	m := b.matrix(newTopology(b.connections))
	var got []string
	for _, row := range m.Rows {
		line := row.Source.Text + ":"
		for n, cell := range row.Cells {
			if cell.Href == "" {
				continue
			}
			line += " " + m.Sinks[n].Text + "="
			for _, mark := range cell.Types {
				line += mark.Short
			}
			if cell.Unexpected {
				line += "!"
			}
		}
		got = append(got, line)
	}
	if want := []string{"c: d=LMAsession!", "d: a=L", "a: b=L"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if title := m.Rows[0].Cells[0].Title; title != "c shares audit, logs, metrics, session with d; unexpected: audit, metrics, session" {
		t.Errorf("the title is %q", title)
	}
}

func TestPicture_IsTheSameForTheSame(t *testing.T) {
	var first string
	for range 20 {
		b := newBuilder(t, allowLogs, "a>b logs", "c>d audit logs", "d>a logs", "c>b logs", "e>b logs")
		p := b.picture(newTopology(b.connections))
		text := fmt.Sprintf("%+v", *p)
		if len(p.Sources) != 4 || len(p.Sinks) != 3 || len(p.Edges) != 5 || !p.Edges[4].Unexpected || first != "" && text != first {
			t.Fatalf("got %s, before %s", text, first)
		}
		first = text
	}
}

func TestRanking_HasThoseWithMostFirst(t *testing.T) {
	b := newBuilder(t, allowLogs, "a>b logs", "a>b logs", "a>c logs", "d>a audit")
	ranks := b.ranking(newTopology(b.connections))
	if len(ranks) != 4 || ranks[0].Org.Text != "a" || ranks[0].Shares != 2 || ranks[0].Sees != 1 || !ranks[0].Unexpected || ranks[1].Org.Text != "d" {
		t.Errorf("got %+v", ranks)
	}
}

func TestAttention_SaysWhy(t *testing.T) {
	b := newBuilder(t, allowLogs+","+requireLogs+",{name: old, source: a, sink: b, types: [audit], expires: 2026-11-01}", "a>b logs audit", "c>d metrics", "e>f logs")
	leaving, changed := b.view, b.view.Snapshot.Connections
	changed[2].Creator.Disabled = datadog.Yes
	for n, kind := range inventory.ChangeKinds() {
		at := now.Add(-time.Duration(n) * 2 * 24 * time.Hour) // the last is of 8 days ago
		leaving.History.Changes = append(leaving.History.Changes, inventory.Change{Kind: kind, At: at, Found: at, Connection: changed[n%3], Types: []string{"logs"}})
	}
	a := builder{(&contents{}).get(leaving, fixedJudge{b.by.policy, b.judgement}, now), "./"}.attention()
	var got []string
	for _, item := range a.Unexpected {
		got = append(got, fmt.Sprintf("%s>%s %s", item.Source.Text, item.Sink.Text, item.Why))
	}
	for _, item := range a.Missing {
		got = append(got, fmt.Sprintf("%s>%s %d types of %s", item.Source.Text, item.Sink.Text, len(item.Types), item.Rule))
	}
	for _, row := range a.Disabled {
		got = append(got, fmt.Sprintf("%s>%s is leaving", row.Source.Text, row.Sink.Text))
	}
	for _, row := range a.Changes {
		got = append(got, row.When.Ago+" "+row.Text)
	}
	want := []string{
		`a>b the rule "old" allowed it until 2026-11-01`, "c>d no rule allows it", "x>y 2 types of must", "e>f is leaving",
		"0 s is new: it shares logs", "2 d is gone: it shared logs", "4 d is wider: it gained logs", "6 d is narrower: it lost logs",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if !strings.Contains(a.Unexpected[1].Rule, "types: [metrics]") {
		t.Errorf("the rule to add is %s", a.Unexpected[1].Rule)
	}
}

type fixedJudge struct {
	policy    *policy.Policy
	judgement *policy.Judgement
}

func (j fixedJudge) Judge(inventory.View, time.Time) (*policy.Policy, *policy.Judgement) {
	return j.policy, j.judgement
}

func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Hour: "0 s", 59 * time.Second: "59 s", time.Minute: "1 min", 90 * time.Minute: "1 h", 47 * time.Hour: "47 h", 48 * time.Hour: "2 d",
		59 * 24 * time.Hour: "59 d", 90 * 24 * time.Hour: "3 mo", 800 * 24 * time.Hour: "2 y",
	} {
		if got := age(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
