package report_test

import (
	"encoding/csv"
	"io"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/report"
)

// formats are the writers of documents by their golden file.
var formats = map[string]func(io.Writer, report.Document) error{
	"list.txt": func(w io.Writer, d report.Document) error {
		return report.WriteTable(w, d, report.TableOptions{Now: now})
	},
	"list-color.txt": func(w io.Writer, d report.Document) error {
		d.Gaps = []report.Gap{{Org: "default", Reason: inventory.Stale}}
		return report.WriteTable(w, d, report.TableOptions{Color: true, Now: now})
	},
	"list.json": report.WriteJSON,
	"list.csv":  report.WriteCSV,
	"list.dot":  report.WriteDOT,
	"list.mmd":  report.WriteMermaid,
}

func TestFormats_Golden(t *testing.T) {
	for file, format := range formats {
		t.Run(file, func(t *testing.T) {
			wantFile(t, written(t, format, report.NewDocument(hostileView(), now)), file)
		})
	}
}

func TestFormats_IndependentOfInputOrder(t *testing.T) {
	for file, format := range formats {
		first := written(t, format, report.NewDocument(hostileView(), now))
		for range 20 {
			view := hostileView()
			orgs, connections := view.Snapshot.Orgs, view.Snapshot.Connections
			rand.Shuffle(len(orgs), func(i, j int) { orgs[i], orgs[j] = orgs[j], orgs[i] })
			rand.Shuffle(len(connections), func(i, j int) { connections[i], connections[j] = connections[j], connections[i] })
			if again := written(t, format, report.NewDocument(view, now)); again != first {
				t.Errorf("%s depends on the order of orgs and connections", file)
				break
			}
		}
	}
}

func TestFormats_EmptyInventory(t *testing.T) {
	empty := report.NewDocument(viewOf(nil, nil), now)
	for file, want := range map[string]string{
		"list.txt":       "0 connections, 0 orgs\n",
		"list-color.txt": "0 connections, 0 orgs\n\x1b[1;31mINCOMPLETE: an org has no current, complete listing; there may be connections that are not shown.\x1b[0m\n",
		"list.json":      "{\n  \"version\": 1,\n  \"time\": \"2026-09-30T12:00:00Z\",\n  \"complete\": true,\n  \"gaps\": [],\n  \"listings\": [\n    {\n      \"org\": \"default\",\n      \"org_id\": \"\",\n      \"time\": \"2026-09-30T12:00:00.000000999Z\"\n    }\n  ],\n  \"orgs\": [],\n  \"connections\": []\n}\n",
		"list.dot":       "digraph connections {\n  rankdir=LR;\n  node [shape=box];\n}\n",
		"list.mmd":       "flowchart LR\n",
	} {
		if got := written(t, formats[file], empty); got != want {
			t.Errorf("%s:\n got %q\nwant %q", file, got, want)
		}
	}
}

func TestFormats_ReturnWriteErrors(t *testing.T) {
	d := report.NewDocument(hostileView(), now)
	reader, writer := io.Pipe()
	_ = reader.Close()
	for file, format := range formats {
		if err := format(writer, d); err == nil {
			t.Errorf("%s: no error", file)
		}
	}
	if err := (report.Difference{}).WriteText(writer); err == nil {
		t.Error("difference: no error")
	}
}

// The lines of the formats after each quoted text is replaced by Q. A name that closes
// its quotes early leaves text that matches none of them.
var (
	dotLine     = regexp.MustCompile(`^(digraph connections \{|  rankdir=LR;|  node \[shape=box\];|\}|  Q \[label=Q\];|  Q -> Q \[label=Q\];)$`)
	dotText     = regexp.MustCompile(`"([^"\\]|\\.)*"`)
	mermaidLine = regexp.MustCompile(`^(flowchart LR|  n\d+\[Q\]|  n\d+ -->(\|Q\|)? n\d+)$`)
	mermaidText = regexp.MustCompile(`"([^"#;<>\[\]{}()|` + "`" + `%&*\\]|#\d+;)+"`)
)

func FuzzFormats(f *testing.F) {
	for _, o := range hostileOrgs() {
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
		wantAllVisible(t, d)
		wantLines(t, written(t, report.WriteDOT, d), 4+nodes+2, dotText, dotLine)
		wantLines(t, written(t, report.WriteMermaid, d), 1+nodes+2, mermaidText, mermaidLine)
		wantFields(t, written(t, report.WriteCSV, d))
		if utf8.ValidString(source) && utf8.ValidString(sink) && utf8.ValidString(kind) {
			wantRoundTrip(t, d) // which is UTF-8
		}
	})
}

func wantAllVisible(t *testing.T, d report.Document) {
	t.Helper()
	for _, shown := range []string{
		written(t, formats["list.txt"], d),
		written(t, report.WriteJSON, d),
		written(t, report.WriteDOT, d),
		written(t, report.WriteMermaid, d),
		strings.ReplaceAll(written(t, report.WriteCSV, d), "\r\n", "\n"),
		textOf(t, report.Compare(report.Document{}, d)),
	} {
		if at := strings.IndexFunc(shown, func(r rune) bool { return r != '\n' && !unicode.IsGraphic(r) }); at >= 0 {
			t.Errorf("output has a character that is not visible: %q", shown[at:])
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
			t.Errorf("malformed line: %s", l)
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
				t.Errorf("a spreadsheet evaluates %q as a formula", field)
			}
		}
	}
}

func TestWriteCSV_EscapesFormulas(t *testing.T) {
	for _, first := range "=+-@" {
		d := report.NewDocument(viewOf([]datadog.Connection{{ID: "c", SourceID: "a", SinkID: "b"}},
			[]inventory.OrgInfo{{Org: datadog.Org{ID: "a", Name: string(first) + "cmd()"}}}), now)
		if got := written(t, report.WriteCSV, d); !strings.Contains(got, ",'"+string(first)+"cmd(),") {
			t.Error(got)
		}
	}
}
