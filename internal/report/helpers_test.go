package report_test

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/report"
)

var update = flag.Bool("update", false, "update the golden files")

var now = time.Date(2026, 9, 30, 12, 0, 0, 999, time.UTC)

// hostileOrgs returns orgs whose names try to break out of every format.
func hostileOrgs() []inventory.OrgInfo {
	var orgs []inventory.OrgInfo
	for id, name := range map[string]string{
		"00-hub":      "Security",
		"01-quotes":   `Acme "Labs", a \ and 'one' | two`,
		"02-newline":  "Payments\n+ forged -> line: logs",
		"03-nul":      "nul \x00, bell \a, delete \x7f, one-byte command \u009b31m",
		"04-escape":   "\x1b[2J\x1b]0;title\aclean",
		"05-override": "\u202egnp.exe\u2066 \u200fright\U000e0041",
		"06-cjk":      "アクメ社　東京",
		"07-emoji":    "🦴 &amp; <b>bones</b>",
		"08-dot":      `"]; } subgraph end`,
		"09-comment":  "-- %% // # a comment",
		"10-formula":  "=cmd()",
		"11-accent":   "Ac\u0301me\u0308 #quot; عكمي",
		"12-nameless": "",
		"13-twin":     "Security",
		"14-invalid":  "half \xc3",
	} {
		orgs = append(orgs, inventory.OrgInfo{Org: datadog.Org{ID: id, Name: name, PublicID: "public-" + id, Sharing: "all_private", Disabled: datadog.No}})
	}
	return orgs
}

// hostileView returns a view of the hostile orgs.
func hostileView() inventory.View {
	var connections []datadog.Connection
	ago := func(hours int) time.Time { return now.Add(-time.Duration(hours) * time.Hour) }
	robot := datadog.Creator{ID: "robot", Kind: datadog.CreatorServiceAccount, Disabled: datadog.No}
	for _, c := range []datadog.Connection{
		{SourceID: "00-hub", SinkID: "01-quotes", Types: []string{"audit", "logs", "metrics"}, CreatedAt: ago(1), Creator: robot},
		{SourceID: "00-hub", SinkID: "06-cjk", Types: []string{"logs"}, CreatedAt: ago(72), Creator: robot},
		{SourceID: "00-hub", SinkID: "07-emoji", Types: []string{"logs"}, CreatedAt: ago(24 * 153), Creator: robot},
		{SourceID: "00-hub", SinkID: "13-twin", Types: []string{}, CreatedAt: ago(24 * 800), Creator: robot},
		{SourceID: "02-newline", SinkID: "03-nul", Types: []string{"tomorrow's \"type\"\n"}, Creator: datadog.Creator{ID: "person", Kind: datadog.CreatorUser, Disabled: datadog.No}},
		{SourceID: "04-escape", SinkID: "05-override", Types: []string{"=logs"}, Creator: datadog.Creator{ID: "leaver", Kind: datadog.CreatorUser, Disabled: datadog.Yes}},
		{SourceID: "08-dot", SinkID: "09-comment", Types: []string{"logs"}, Creator: datadog.Creator{Kind: datadog.CreatorUnknown}},
		{SourceID: "10-formula", SinkID: "11-accent", Types: []string{"logs", "metrics"}},
		{SourceID: "12-nameless", SinkID: "not described", Types: []string{"logs"}, Creator: robot},
		{SourceID: "", SinkID: "00-hub", Types: []string{"logs"}, Creator: robot},
	} {
		c.ID = c.SourceID + ">" + c.SinkID
		connections = append(connections, c)
	}
	return viewOf(connections, hostileOrgs())
}

// viewOf returns a complete view. It is not certain whose credentials listed it.
func viewOf(connections []datadog.Connection, orgs []inventory.OrgInfo) inventory.View {
	return inventory.View{
		Snapshot: inventory.NewSnapshot(connections, orgs),
		Orgs:     []inventory.OrgState{{Name: "default", Up: true, Listing: &datadog.Listing{Began: now, Complete: true}}},
	}
}

func written(t *testing.T, format func(io.Writer, report.Document) error, d report.Document) string {
	t.Helper()
	var out bytes.Buffer
	if err := format(&out, d); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func wantFile(t *testing.T, got, name string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(golden) {
		t.Errorf("%s is not as written (update it with go test ./internal/report -update, and see git diff):\n%s", file, got)
	}
}
