package report_test

import (
	"encoding/csv"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/report"
)

// Lines that the formats have, with every text in quotes. They are all there is:
// a name that closes its quotes early leaves something that fits none of them.
var (
	dotLine     = regexp.MustCompile(`^(digraph connections \{|  rankdir=LR;|  node \[shape=box\];|\}|  Q \[label=Q\];|  Q -> Q \[label=Q\];)$`)
	dotText     = regexp.MustCompile(`"([^"\\]|\\.)*"`)
	mermaidLine = regexp.MustCompile(`^(flowchart LR|  n\d+\[Q\]|  n\d+ -->(\|Q\|)? n\d+)$`)
	mermaidText = regexp.MustCompile(`"([^"#;<>\[\]{}()|` + "`" + `%&*\\]|#\d+;)+"`)
)

func FuzzNames(f *testing.F) {
	for _, o := range nasty() {
		f.Add(o.Name, "Security", o.Name)
		f.Add("", o.Name, "")
	}
	f.Fuzz(func(t *testing.T, source, sink, kind string) {
		d := report.NewDocument(viewOf(
			[]datadog.Connection{
				{ID: "1", SourceID: "a", SinkID: "b", Types: []string{kind}},
				{ID: "2" + kind, SourceID: "b", SinkID: sink, Types: []string{"logs", kind}},
			},
			[]inventory.OrgInfo{{Org: datadog.Org{ID: "a", Name: source}}, {Org: datadog.Org{ID: "b", Name: sink}}},
		), now)
		nodes := 3
		if sink == "a" || sink == "b" {
			nodes = 2
		}
		wantNothingHidden(t, d)
		wantLines(t, written(t, report.Dot, d), 4+nodes+2, dotText, dotLine)
		wantLines(t, written(t, report.Mermaid, d), 1+nodes+2, mermaidText, mermaidLine)
		wantFields(t, written(t, report.CSV, d))
		if utf8.ValidString(source) && utf8.ValidString(sink) && utf8.ValidString(kind) {
			wantReadAgain(t, d)
		}
	})
}

func wantNothingHidden(t *testing.T, d report.Document) {
	t.Helper()
	for _, shown := range []string{
		written(t, formats["list.txt"], d),
		written(t, report.JSON, d),
		written(t, report.Dot, d),
		written(t, report.Mermaid, d),
		strings.ReplaceAll(written(t, report.CSV, d), "\r\n", "\n"),
		textOf(t, report.Compare(report.Document{}, d)),
	} {
		if at := strings.IndexFunc(shown, func(r rune) bool { return r != '\n' && !unicode.IsGraphic(r) }); at >= 0 {
			t.Errorf("there is something that is not to be seen: %q", shown[at:])
		}
	}
	if lines := strings.Count(written(t, formats["list.txt"], d), "\n"); lines != 5 {
		t.Errorf("the table has %d lines", lines)
	}
}

func wantLines(t *testing.T, shown string, count int, text, line *regexp.Regexp) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(shown, "\n"), "\n")
	if len(lines) != count {
		t.Errorf("%d lines, want %d:\n%s", len(lines), count, shown)
	}
	for _, l := range lines {
		if !line.MatchString(text.ReplaceAllString(l, "Q")) {
			t.Errorf("this is not as a line should be: %s", l)
		}
	}
}

func wantFields(t *testing.T, shown string) {
	t.Helper()
	records, err := csv.NewReader(strings.NewReader(shown)).ReadAll()
	if err != nil || len(records) != 3 {
		t.Fatalf("%d records, %v:\n%s", len(records), err, shown)
	}
	for _, record := range records {
		if len(record) != 11 {
			t.Errorf("%d fields: %q", len(record), record)
		}
		for _, field := range record {
			if field != "" && strings.ContainsRune("=+-@", rune(field[0])) {
				t.Errorf("a spreadsheet runs %q", field)
			}
		}
	}
}

func wantReadAgain(t *testing.T, d report.Document) {
	t.Helper()
	again, err := report.Read(strings.NewReader(written(t, report.JSON, d)))
	if err != nil || !reflect.DeepEqual(again, d) {
		t.Errorf("%v\n got %+v\nwant %+v", err, again, d)
	}
}

func TestEveryFormulaIsDefused(t *testing.T) {
	for _, first := range "=+-@" {
		d := report.NewDocument(viewOf([]datadog.Connection{{ID: "c", SourceID: "a", SinkID: "b"}},
			[]inventory.OrgInfo{{Org: datadog.Org{ID: "a", Name: string(first) + "cmd()"}}}), now)
		if got := written(t, report.CSV, d); !strings.Contains(got, ",'"+string(first)+"cmd(),") {
			t.Error(got)
		}
	}
}

func TestDotAndMermaidGoldensAreWellFormed(t *testing.T) {
	d := report.NewDocument(account(), now)
	const orgs, others, connections = 15, 2, 10 // the others are named by connections only
	wantLines(t, written(t, report.Dot, d), 4+orgs+others+connections, dotText, dotLine)
	wantLines(t, written(t, report.Mermaid, d), 1+orgs+others+connections, mermaidText, mermaidLine)
}
