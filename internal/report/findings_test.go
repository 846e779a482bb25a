package report_test

import (
	"bytes"
	"encoding/json"
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

func TestWriteFindingsText(t *testing.T) {
	var text bytes.Buffer
	if err := report.WriteFindingsText(&text, findings(t)); err != nil {
		t.Fatal(err)
	}
	const source = `a "quoted"\n::error::100%, \x1b[31m\u202e (aaaaaaaa-0000-4000-8000-000000000000)`
	want := strings.Join([]string{
		`unexpected  a "quoted"\n::error::100%, \x1b[31m\u202e from ` + source + ` to Sink (bbbbbbbb-0000-4000-8000-000000000000) is allowed by no rule`,
		`unexpected  logs from ` + source + ` to Sink (bbbbbbbb-0000-4000-8000-000000000000) is allowed by no rule since "old" expired; owner team-b`,
		`missing     audit from "aaaaaaaa-0000-4000-8000-000000000000" to "bbbbbbbb-0000-4000-8000-000000000000" is required by rule "required" and does not exist; owner team-a; ticket T-1`,
		`expired     rule "old" expired on 2020-01-01 and allows nothing any more; owner team-b`,
		`risk        logs, a "quoted"\n::error::100%, \x1b[31m\u202e from ` + source + ` to Sink (bbbbbbbb-0000-4000-8000-000000000000): The account that created the connection is disabled: Datadog is about to delete the connection.`,
	}, "\n") + "\n"
	if text.String() != want {
		t.Errorf("got\n%s\nwant\n%s", text.String(), want)
	}
}

func TestWriteFindingsGitHub_OneLinePerFinding(t *testing.T) {
	var out bytes.Buffer
	if err := report.WriteFindingsGitHub(&out, "rules, 100%/policy.yml", findings(t)); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	starts := []string{
		"::error file=rules%2C 100%25/policy.yml,line=1,title=Org connections%3A unexpected::a \"quoted\"\\n::error::100%25, ",
		"::error file=rules%2C 100%25/policy.yml,line=3,title=Org connections%3A unexpected::logs from ",
		"::error file=rules%2C 100%25/policy.yml,line=2,title=Org connections%3A missing::audit from ",
		"::warning file=rules%2C 100%25/policy.yml,line=3,title=Org connections%3A expired::rule \"old\" expired",
		"::warning file=rules%2C 100%25/policy.yml,line=1,title=Org connections%3A risk::logs, ",
	}
	if len(lines) != len(starts) {
		t.Fatalf("%d lines for %d findings:\n%s", len(lines), len(starts), out.String())
	}
	for n, line := range lines {
		if !strings.HasPrefix(line, starts[n]) {
			t.Errorf("got  %s\nwant %s…", line, starts[n])
		}
	}
	out.Reset()
	if err := report.WriteFindingsGitHub(&out, "", findings(t)[:1]); err != nil || !strings.HasPrefix(out.String(), "::error title=") {
		t.Errorf("without a file: %s, %v", out.String(), err)
	}
}

func TestWriteFindingsSARIF(t *testing.T) {
	var out bytes.Buffer
	if err := report.WriteFindingsSARIF(&out, "exporter", "1.2.3", "policy.yml", findings(t)); err != nil {
		t.Fatal(err)
	}
	var log struct {
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct {
					Name, Version string
					Rules         []struct{ ID string }
				}
			}
			Results []struct {
				RuleID, Level       string
				PartialFingerprints map[string]string
				Locations           []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine int }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(out.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	if log.Version != "2.1.0" || run.Tool.Driver.Name != "exporter" || run.Tool.Driver.Version != "1.2.3" || len(run.Results) != 5 {
		t.Fatalf("%+v", log)
	}
	fingerprints := map[string]bool{}
	for n, want := range []struct {
		kind, level string
		line        int
	}{{report.KindUnexpected, "error", 1}, {report.KindUnexpected, "error", 3}, {report.KindMissing, "error", 2}, {report.KindExpired, "warning", 3}, {report.KindRisk, "warning", 1}} {
		got := run.Results[n]
		place := got.Locations[0].PhysicalLocation
		if got.RuleID != want.kind || got.Level != want.level || place.ArtifactLocation.URI != "policy.yml" || place.Region.StartLine != want.line {
			t.Errorf("result %d is %+v, want %+v", n, got, want)
		}
		fingerprints[got.PartialFingerprints["finding/v1"]] = true
	}
	if len(fingerprints) != 5 {
		t.Errorf("fingerprints %v are not of five findings", fingerprints)
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
