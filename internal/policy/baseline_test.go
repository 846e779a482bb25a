package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/policy"
)

func TestBaseline_AllowsExactlyWhatIsThere(t *testing.T) {
	s := snapshot("d>a logs", "a>c logs audit", "b>c metrics tomorrow's-\"type\" true")
	text := string(policy.Baseline(s))
	want := `# Connections that are expected, by UUID; names are comments, for people.
rules:
  - name: payments-eu-to-security
    source: aaaaaaaa-0000-0000-0000-000000000000  # Payments EU
    sink: cccccccc-0000-0000-0000-000000000000  # Security
    types: [audit, logs]
  - name: payments-us-to-security
    source: bbbbbbbb-0000-0000-0000-000000000000  # Payments US
    sink: cccccccc-0000-0000-0000-000000000000  # Security
    types: [metrics, "tomorrow's-\"type\"", "true"]
  - name: data-lake-to-payments-eu
    source: dddddddd-0000-0000-0000-000000000000  # Data Lake
    sink: aaaaaaaa-0000-0000-0000-000000000000  # Payments EU
    types: [logs]
`
	if text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	p, err := policy.Parse("baseline.yml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Warnings) > 0 {
		t.Errorf("warnings %q", p.Warnings)
	}
	if j := p.Judge(s, true, today); len(j.Unexpected) > 0 {
		t.Errorf("unexpected under its own baseline: %+v", j.Unexpected)
	}
	if j := p.Judge(snapshot("d>a logs audit", "c>a logs"), true, today); len(j.Unexpected) != 2 {
		t.Errorf("more is allowed than was there: %+v", j.Unexpected)
	}
}

// The names of four orgs make one name of a rule, and their ids begin alike.
func TestBaseline_OfALargeAccountCanBeRead(t *testing.T) {
	const size = 10_000
	var connections []datadog.Connection
	var orgs []inventory.OrgInfo
	for n := range size {
		org := datadog.Org{ID: fmt.Sprintf("aaaaaaaa-0000-0000-0000-%012d", n), Name: "Twin" + strings.Repeat("!", n%4)}
		connections = append(connections, datadog.Connection{ID: fmt.Sprint(n), SourceID: org.ID, SinkID: id("c"), Types: []string{"audit", "logs", "metrics"}})
		orgs = append(orgs, inventory.OrgInfo{Org: org})
	}
	p, err := policy.Parse("baseline.yml", policy.Baseline(inventory.NewSnapshot(connections, orgs[:4])))
	if err != nil || len(p.Rules) != size {
		t.Error(err)
	}
}

func TestBaseline_AcceptsAnyName(t *testing.T) {
	for _, name := range []string{"", " ", "a # b", "a\nb: c", "\x00\x1b[31m", "東京", "\u2028", "\u0085", "\x7f\ufeff", "- x", "*", `[a] \ ?`, "Acme: \"x\"", "\u202eevil", "null"} {
		for _, ids := range [][2]string{{id("a"), id("b")}, {"no-uuid", id("b")}} {
			s := inventory.NewSnapshot(
				[]datadog.Connection{{ID: "c", SourceID: ids[0], SinkID: ids[1], Types: []string{"logs", "t" + name + "t"}}},
				[]inventory.OrgInfo{{Org: datadog.Org{ID: ids[0], Name: name}}, {Org: datadog.Org{ID: ids[1], Name: name}}})
			text := policy.Baseline(s)
			p, err := policy.Parse("baseline.yml", text)
			if strings.TrimSpace(name) != name && ids[0] == "no-uuid" {
				continue // white space around a name cannot be written in a rule
			}
			if err != nil {
				t.Errorf("%q: %v in\n%s", name, err, text)
				continue
			}
			if j := p.Judge(s, true, today); len(j.Unexpected) > 0 || len(p.Rules) != 1 {
				t.Errorf("%q: unexpected %+v under\n%s", name, j.Unexpected, text)
			}
		}
	}
}

const written = `# Ours.
rules:
    # The SIEM wants it all.
    - name: payments-us-to-security   # do not touch
      source: Payments *
      sink: Security
      types: [logs]
      owner: team-security
      ticket: SEC-123
    -
      name: lake
      source: [Security]
      sink: Data Lake
# The end.`

func TestMerge_KeepsWhatAPersonWroteAndAddsWhatIsNew(t *testing.T) {
	s := snapshot("a>c logs", "b>c logs audit", "c>d logs", "d>a logs")
	got, err := policy.Merge("policy.yml", []byte(written), s, today)
	if err != nil {
		t.Fatal(err)
	}
	want := written + `
    - name: payments-us-to-security-bbbbbbbb-cccccccc
      source: bbbbbbbb-0000-0000-0000-000000000000  # Payments US
      sink: cccccccc-0000-0000-0000-000000000000  # Security
      types: [audit]
    - name: data-lake-to-payments-eu
      source: dddddddd-0000-0000-0000-000000000000  # Data Lake
      sink: aaaaaaaa-0000-0000-0000-000000000000  # Payments EU
      types: [logs]
`
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	again, err := policy.Merge("policy.yml", got, s, today)
	if err != nil || string(again) != string(got) {
		t.Errorf("a second merge changes it: %v\n%s", err, again)
	}
}

func TestMerge_AddsToAnEmptyPolicy(t *testing.T) {
	for content, want := range map[string]string{
		"# mine\nrules: []\n":                "# mine\nrules:\n",
		"# mine\nrules: []":                  "# mine\nrules:\n",
		"# mine\nrules:\n":                   "# mine\nrules:\n",
		"# mine\nrules: # none yet\n# end":   "# mine\nrules: # none yet\n# end\n",
		"'rules': [] # none yet\n":           "'rules': # none yet\n",
		"%YAML 1.2\n---\n\"rules\":\n  []\n": "%YAML 1.2\n---\n\"rules\":\n\n",
	} {
		got, err := policy.Merge("policy.yml", []byte(content), snapshot("a>c logs"), today)
		if err != nil || !strings.HasPrefix(string(got), want+"  - name: payments-eu-to-security\n") {
			t.Errorf("%q: %v\n%s", content, err, got)
		}
	}
}

func TestMerge_RefusesOtherLayouts(t *testing.T) {
	for name, content := range map[string]string{
		"rules on one line": "rules: [{name: a, source: b, sink: c}]\n",
		"JSON":              `{"rules": []}`,
		"mistakes":          "rules: [{name: a}]\n",
		"an end marker":     "rules:\n  - {name: a, source: b, sink: c}\n...\n",
	} {
		if got, err := policy.Merge("policy.yml", []byte(content), snapshot("a>c logs"), today); err == nil {
			t.Errorf("%s: merged to\n%s", name, got)
		} else if !strings.Contains(err.Error(), "policy.yml") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPolicy_SuggestsRulesThatAllowWhatIsUnexpected(t *testing.T) {
	s := snapshot("d>a logs", "a>c logs audit", "b>c metrics")
	p, err := policy.Parse("policy.yml", []byte("rules:\n  - {name: payments-eu-to-security, source: Payments EU, sink: Security, types: [logs], expires: 2001-01-01}\n"))
	if err != nil {
		t.Fatal(err)
	}
	suggestions := p.Suggest(p.Judge(s, true, today).Unexpected)
	if len(suggestions) != 3 || suggestions[0].Source.Name != "Payments EU" || !slices.Equal(suggestions[0].Types, []string{"audit", "logs"}) {
		t.Fatalf("got %+v", suggestions)
	}
	text := "rules:\n"
	for _, suggestion := range suggestions {
		text += suggestion.YAML
		if strings.Contains(suggestion.YAML, "name: payments-eu-to-security\n") {
			t.Errorf("a rule has that name already:\n%s", suggestion.YAML)
		}
	}
	pasted, err := policy.Parse("policy.yml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if j := pasted.Judge(s, true, today); len(j.Unexpected) > 0 || len(pasted.Rules) != 3 {
		t.Errorf("unexpected %+v under\n%s", j.Unexpected, text)
	}
}
