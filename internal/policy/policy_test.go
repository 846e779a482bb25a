package policy_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"datadog_org_connections_exporter/internal/policy"
	"datadog_org_connections_exporter/internal/yamlcheck"
)

const paymentsID = "5e1f0a6b-3c2d-4b7e-9a10-64d2f8b7c015"

func TestParse_ReadsRules(t *testing.T) {
	p, err := policy.Parse("policy.yml", []byte(`# who may share what
rules:
  - name: payments-to-siem
    source: `+strings.ToUpper(paymentsID)+`
    sink: "Security *"
    types: [logs, audit, logs]
    owner: team-security
    ticket: SEC-123
    expires: !!timestamp 2027-03-31
    required: true
  - {"name": everything to the lake, source: ["*", Payments], sink: Data Lake}
`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range p.Rules {
		got = append(got, fmt.Sprintf("%s: %v to %v %v, owner %s, ticket %s, expires %s, required %v, line %d",
			r.Name, r.Source, r.Sink, r.Types, r.Owner, r.Ticket, r.Expires.Format(time.RFC3339), r.Required, r.Line))
	}
	want := []string{
		"payments-to-siem: [" + paymentsID + "] to [Security *] [audit logs], owner team-security, ticket SEC-123, expires 2027-03-31T00:00:00Z, required true, line 3",
		"everything to the lake: [* Payments] to [Data Lake] [], owner , ticket , expires 0001-01-01T00:00:00Z, required false, line 11",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	wantWarnings := []string{`policy.yml:1: 2 rules go by names, which can change; an org's UUID cannot: ["payments-to-siem" "everything to the lake"]`}
	if !slices.Equal(p.Warnings, wantWarnings) {
		t.Errorf("warnings %q", p.Warnings)
	}
}

func TestParse_WarnsOfGlobsForBothEnds(t *testing.T) {
	p, err := policy.Parse("policy.yml", []byte("rules:\n  - name: wide\n    source: 'A*'\n    sink: ['B', 'C?']\n"))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Warnings) != 2 || !strings.Contains(p.Warnings[0], `policy.yml:2: rule "wide" has globs for both ends`) {
		t.Errorf("warnings %q", p.Warnings)
	}
}

func TestParse_ReportsEveryError(t *testing.T) {
	for _, test := range []struct {
		name, content string
		problems      []string
	}{
		{"nothing", "", []string{"1: the file is empty; write rules:"}},
		{"no rules", "{}", []string{"1: there are no rules; write rules:"}},
		{"everything at once", `rules:
  - name: a
    sources: x
  - {name: b, source: x, sink: "[x", types: []}
  - {name: b, source: x, sink: y, expires: tomorrow, required: maybe}
  - {source: x, sink: y}
  - {name: c, sink: y}
  - {name: d, source: []}
  - {name: e, source: x, sink: [y, ""], types: logs}
  - {name: f, source: x, sink: y, required: true}
`, []string{
			`3: "sources": unknown key; known are expires,`,
			`4: sink is not a valid glob: syntax error in pattern`,
			`4: types is empty; list some, or leave it out`,
			`5: expires is not a day; write one such as 2027-03-31`,
			`5: required is neither true nor false`,
			`5: the name "b" is taken by the rule in line 4`,
			`6: the rule has no name`,
			`7: rule "c" has no source`,
			`8: rule "d" has no source`,
			`9: sink is empty or has white space`,
			`9: types is not a list`,
			`9: types is empty`,
			`10: rule "f" is required but lists no types`,
		}},
	} {
		_, err := policy.Parse("policy.yml", []byte(test.content))
		if err == nil {
			t.Errorf("%s is accepted", test.name)
			continue
		}
		lines := strings.Split(err.Error(), "\n")
		if len(lines) != len(test.problems) {
			t.Errorf("%s: %d problems, want %d:\n%v", test.name, len(lines), len(test.problems), err)
		}
		for n := range min(len(lines), len(test.problems)) {
			if !strings.HasPrefix(lines[n], "policy.yml:"+test.problems[n]) {
				t.Errorf("%s:\n got %s\nwant %s", test.name, lines[n], test.problems[n])
			}
		}
	}
}

func TestParse_AcceptsAnEmptyList(t *testing.T) {
	for _, content := range []string{"rules: []\n", string(policy.Baseline(snapshot()))} {
		if p, err := policy.Parse("policy.yml", []byte(content)); err != nil || len(p.Rules) != 0 {
			t.Errorf("%s: %+v, %v", content, p, err)
		}
	}
}

func TestPattern_Matches(t *testing.T) {
	org := policy.Org{ID: paymentsID, Name: "Acme/Payments [EU] 東京"}
	for pattern, want := range map[string]bool{
		paymentsID:                             true,
		strings.ToUpper(paymentsID):            true,
		"5e1f0a6b-3c2d-4b7e-9a10-64d2f8b7c016": false,
		"Acme/Payments [EU] 東京":                false, // a glob: E or U
		`Acme/Payments \[EU\] 東京`:              true,
		"Acme/*":                               true,
		"*":                                    true,
		"*Payments*":                           true,
		"Acme?Payments*":                       true,
		"*東?":                                  true,
		"acme/*":                               false,
		"Payments":                             false,
		"Acme*[A-Z]":                           false,
	} {
		p, err := policy.NewPattern(pattern)
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
		}
		if got := p.Matches(org); got != want {
			t.Errorf("%s matches: %v", pattern, got)
		}
	}
	plain, _ := policy.NewPattern("Acme")
	if !plain.Matches(policy.Org{Name: "Acme"}) || plain.Exact() || plain.Glob() {
		t.Error("a name is not taken as one")
	}
}

// FuzzParse checks that nothing panics, that errors have lines, and that rules that are
// accepted are written as they were read.
func FuzzParse(f *testing.F) {
	f.Add("rules:\n  - {name: a, source: b, sink: '*', types: [logs], expires: 2027-03-31, required: true}\n")
	f.Add("%YAML 1.2\n---\n\"rules\": &r\n- ? name\n  : !!str a\n  source: &s [b, *s]\n  <<: *r\n")
	f.Add("rules:\n- ? name")
	f.Add(`{"rules": [{"name": "a", "source": ["b", "\u00e9"], "sink": "c"}, {}]}`)
	f.Fuzz(func(t *testing.T, content string) {
		p, err := policy.Parse("fuzz.yml", []byte(content))
		var all yamlcheck.Errors
		if err != nil && !errors.As(err, &all) {
			t.Errorf("no lines: %v", err)
		}
		for _, e := range all {
			if e.Line < 1 || e.Line > 1+strings.Count(content, "\n")+strings.Count(content, "\r") || e.Text == "" {
				t.Errorf("line: %v", e)
			}
		}
		if err != nil {
			return
		}
		type rule struct {
			Name     string   `json:"name"`
			Source   []string `json:"source"`
			Sink     []string `json:"sink"`
			Types    []string `json:"types,omitempty"`
			Owner    string   `json:"owner,omitempty"`
			Ticket   string   `json:"ticket,omitempty"`
			Expires  string   `json:"expires,omitempty"`
			Required bool     `json:"required"`
		}
		var written struct {
			Rules []rule `json:"rules"`
		}
		texts := func(patterns []policy.Pattern) (texts []string) {
			for _, p := range patterns {
				p.Matches(policy.Org{ID: paymentsID, Name: content})
				texts = append(texts, p.String())
			}
			return texts
		}
		for _, r := range p.Rules {
			w := rule{Name: r.Name, Source: texts(r.Source), Sink: texts(r.Sink), Types: r.Types, Owner: r.Owner, Ticket: r.Ticket, Required: r.Required}
			if !r.Expires.IsZero() {
				w.Expires = r.Expires.Format(time.DateOnly)
			}
			written.Rules = append(written.Rules, w)
		}
		text, err := json.Marshal(written)
		if err != nil {
			t.Fatal(err)
		}
		if len(text) > yamlcheck.MaxSize || strings.Contains(string(text), "\ufeff") || slices.ContainsFunc([]rune(string(text)), unicode.IsControl) {
			return // which JSON does not escape
		}
		again, err := policy.Parse("again.yml", text)
		if err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		for n := range again.Rules {
			again.Rules[n].Line = p.Rules[n].Line
		}
		if !reflect.DeepEqual(again.Rules, p.Rules) {
			t.Errorf("got %+v\nof  %+v", again.Rules, p.Rules)
		}
	})
}

// FuzzMerge checks that all that is in a policy stays as it is.
func FuzzMerge(f *testing.F) {
	f.Add(written)
	f.Add("rules: []\n")
	f.Add("\"rules\": # none\n")
	f.Add("rules:\n- name: a\n  source: |\n    b\n  sink: \"c\n\n    d\"\n")
	f.Fuzz(func(t *testing.T, content string) {
		s := snapshot("a>c logs", "d>a audit")
		merged, err := policy.Merge("fuzz.yml", []byte(content), s, today)
		if err != nil || string(merged) == content {
			return
		}
		before, err := policy.Parse("fuzz.yml", []byte(content))
		if err != nil {
			t.Fatal(err)
		}
		if len(before.Rules) > 0 && !strings.HasPrefix(string(merged), content) {
			t.Errorf("%q was changed to %q", content, merged)
		}
		p, err := policy.Parse("fuzz.yml", merged)
		if err != nil {
			t.Fatal(err)
		}
		if j := p.Judge(s, true, today); len(j.Unexpected) > 0 {
			t.Errorf("unexpected after %q: %+v", merged, j)
		}
	})
}
