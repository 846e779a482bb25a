package report_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/policy"
	"datadog_org_connections_exporter/internal/report"
)

// hostileName tries to break out of every format.
const hostileName = "a \"quoted\"\n::error::100%, \x1b[31m\u202e"

func findings(t *testing.T) []report.Finding {
	t.Helper()
	const here, there = "aaaaaaaa-0000-4000-8000-000000000000", "bbbbbbbb-0000-4000-8000-000000000000"
	rules, err := policy.Parse("policy.yml", []byte(`rules:
  - {name: required, source: `+here+`, sink: `+there+`, types: [audit], required: true, owner: team-a, ticket: T-1}
  - {name: old, source: `+here+`, sink: `+there+`, types: [logs], expires: 2020-01-01, owner: team-b}
`))
	if err != nil {
		t.Fatal(err)
	}
	snapshot := inventory.NewSnapshot(
		[]datadog.Connection{{ID: "c1", SourceID: here, SinkID: there, Types: []string{"logs", hostileName}, Creator: datadog.Creator{Kind: datadog.CreatorUser, Disabled: datadog.Yes}}},
		[]inventory.OrgInfo{{Org: datadog.Org{ID: here, Name: hostileName}}, {Org: datadog.Org{ID: there, Name: "Sink"}}})
	return append(report.PolicyFindings(rules.Judge(snapshot, true, now)), report.RiskFindings(snapshot)...)
}

func TestWriteFindings_Golden(t *testing.T) {
	all := findings(t)
	for file, write := range map[string]func(io.Writer) error{
		"findings.txt":         func(w io.Writer) error { return report.WriteFindingsText(w, all) },
		"findings.json":        func(w io.Writer) error { return report.WriteFindingsJSON(w, all) },
		"findings.github":      func(w io.Writer) error { return report.WriteFindingsGitHub(w, "rules, 100%/policy.yml", all) },
		"findings.bare.github": func(w io.Writer) error { return report.WriteFindingsGitHub(w, "", all) },
		"findings.sarif":       func(w io.Writer) error { return report.WriteFindingsSARIF(w, "exporter", "1.2.3", "policy.yml", all) },
	} {
		var out bytes.Buffer
		if err := write(&out); err != nil {
			t.Fatal(err)
		}
		wantFile(t, out.String(), file)
	}
}

func TestWriteFindings_EmptyList(t *testing.T) {
	var out bytes.Buffer
	if err := report.WriteFindingsJSON(&out, report.PolicyFindings(policy.Judgement{})); err != nil || out.String() != "[]\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
	out.Reset()
	if err := report.WriteFindingsSARIF(&out, "exporter", "1.2.3", "", nil); err != nil || !strings.Contains(out.String(), `"results": []`) {
		t.Errorf("%s, %v", out.String(), err)
	}
}
