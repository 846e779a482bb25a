package policy_test

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

// names of orgs by their ids, of which only the first letters are written out.
var names = map[string]string{"a": "Payments EU", "b": "Payments US", "c": "Security", "d": "Data Lake"}

func id(letter string) string { return strings.Repeat(letter, 8) + "-0000-0000-0000-000000000000" }

// snapshot has connections written as "a>c logs metrics".
func snapshot(connections ...string) *inventory.Snapshot {
	var all []datadog.Connection
	for n, text := range connections {
		words := strings.Fields(text)
		source, sink, _ := strings.Cut(words[0], ">")
		all = append(all, datadog.Connection{ID: fmt.Sprint("c", n), SourceID: id(source), SinkID: id(sink), Types: words[1:]})
	}
	var orgs []inventory.OrgInfo
	for letter, name := range names {
		orgs = append(orgs, inventory.OrgInfo{Org: datadog.Org{ID: id(letter), Name: name}})
	}
	return inventory.NewSnapshot(all, orgs)
}

func parse(t *testing.T, rules string) *policy.Policy {
	t.Helper()
	for letter := range names {
		rules = strings.ReplaceAll(rules, "<"+letter+">", id(letter))
	}
	p, err := policy.Parse("policy.yml", []byte("rules: ["+rules+"]"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var today = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestPolicy_Judge(t *testing.T) {
	for _, test := range []struct {
		name, rules string
		connections []string
		incomplete  bool
		unexpected  []string
		missing     []string
		expired     []string
	}{
		{name: "no rules allow nothing", connections: []string{"a>c logs"}, unexpected: []string{"a>c logs"}},
		{name: "nothing is nothing", rules: "{name: r, source: <a>, sink: <c>}"},
		{name: "by UUID", rules: "{name: r, source: <a>, sink: <c>}", connections: []string{"a>c logs metrics", "c>a logs", "a>d logs"}, unexpected: []string{"a>d logs", "c>a logs"}},
		{name: "by name", rules: "{name: r, source: Payments EU, sink: Security}", connections: []string{"a>c logs", "b>c logs"}, unexpected: []string{"b>c logs"}},
		{name: "by glob", rules: "{name: r, source: 'Payments *', sink: Security}", connections: []string{"a>c logs", "b>c logs", "d>c logs"}, unexpected: []string{"d>c logs"}},
		{name: "by list", rules: "{name: r, source: [<a>, Data Lake], sink: [<c>, <b>]}", connections: []string{"a>c logs", "d>b logs", "c>b logs"}, unexpected: []string{"c>b logs"}},
		{name: "type by type", rules: "{name: r, source: <a>, sink: <c>, types: [logs]}", connections: []string{"a>c audit logs"}, unexpected: []string{"a>c audit"}},
		{name: "types of several rules add up", rules: "{name: r, source: <a>, sink: <c>, types: [logs]}, {name: q, source: '*', sink: <c>, types: [audit]}", connections: []string{"a>c audit logs"}},
		{name: "a type never seen before is not expected by a list", rules: "{name: r, source: <a>, sink: <c>, types: [logs, metrics, audit]}", connections: []string{"a>c traces"}, unexpected: []string{"a>c traces"}},
		{name: "but by a rule that lists none", rules: "{name: r, source: <a>, sink: <c>}", connections: []string{"a>c traces"}},
		{name: "an expired rule allows nothing", rules: "{name: r, source: <a>, sink: <c>, expires: 2026-11-23}", connections: []string{"a>c logs", "b>c logs"}, unexpected: []string{"a>c logs until r expired", "b>c logs"}, expired: []string{"r"}},
		{name: "the day before, it does", rules: "{name: r, source: <a>, sink: <c>, expires: 2026-11-24}", connections: []string{"a>c logs"}},
		{name: "another rule may still allow", rules: "{name: r, source: <a>, sink: <c>, expires: 2020-01-01}, {name: q, source: <a>, sink: <c>}", connections: []string{"a>c logs"}, expired: []string{"r"}},
		{name: "required and there", rules: "{name: r, source: <a>, sink: <c>, types: [logs], required: true}", connections: []string{"a>c logs"}},
		{name: "required and not there, type by type", rules: "{name: r, source: <a>, sink: <c>, types: [audit, logs, metrics], required: true}", connections: []string{"a>c logs", "c>a audit"}, unexpected: []string{"c>a audit"}, missing: []string{"r audit", "r metrics"}},
		{name: "a list requires each", rules: "{name: r, source: [<a>, <b>], sink: <c>, types: [logs], required: true}", connections: []string{"a>c logs"}, missing: []string{"r logs"}},
		{name: "a glob requires one", rules: "{name: r, source: 'Payments *', sink: <c>, types: [logs], required: true}", connections: []string{"a>c logs"}},
		{name: "an expired rule requires nothing", rules: "{name: r, source: <a>, sink: <c>, types: [logs], required: true, expires: 2020-01-01}", expired: []string{"r"}},
		{name: "nothing is missed in what is not complete", rules: "{name: r, source: <a>, sink: <c>, types: [logs], required: true}", incomplete: true},
		{name: "but what is there is judged", rules: "{name: r, source: <a>, sink: <c>}", connections: []string{"b>c logs"}, incomplete: true, unexpected: []string{"b>c logs"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := parse(t, test.rules).Judge(snapshot(test.connections...), !test.incomplete, today)
			var unexpected, missing, expired []string
			for _, s := range j.Unexpected {
				text := fmt.Sprintf("%.1s>%.1s %s", s.Source.ID, s.Sink.ID, s.Type)
				if s.Expired != nil {
					text += " until " + s.Expired.Name + " expired"
				}
				unexpected = append(unexpected, text)
			}
			for _, m := range j.Missing {
				missing = append(missing, m.Rule.Name+" "+m.Type)
			}
			for _, r := range j.Expired {
				expired = append(expired, r.Name)
			}
			if !slices.Equal(unexpected, test.unexpected) || !slices.Equal(missing, test.missing) || !slices.Equal(expired, test.expired) {
				t.Errorf("unexpected %q, missing %q, expired %q", unexpected, missing, expired)
			}
		})
	}
}

func TestPolicy_JudgeGroupsConnectionsByPairAndType(t *testing.T) {
	j := parse(t, "").Judge(snapshot("a>c logs", "a>c logs audit"), true, today)
	if len(j.Unexpected) != 2 || !slices.Equal(j.Unexpected[1].Connections, []string{"c0", "c1"}) || j.Unexpected[1].Source.Name != "Payments EU" {
		t.Errorf("%+v", j.Unexpected)
	}
}
