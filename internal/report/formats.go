package report

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"

	"datadog_org_connections_exporter/datadog"
)

// WriteJSON writes the document in the form that [Read] reads.
func WriteJSON(w io.Writer, d Document) error { return writeJSON(w, d) }

func writeJSON(w io.Writer, value any) error {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false) // keeps names readable; no page embeds the output
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return err
	}
	_, err := io.WriteString(w, escapeJSON(out.String()))
	return err
}

// escapeJSON escapes the characters of encoded that are not visible and that
// encoding/json leaves alone, such as U+009B, which starts a command in some
// terminals. The value stays the same: outside strings JSON has no such characters.
func escapeJSON(encoded string) string {
	var out strings.Builder
	for _, r := range encoded {
		high, low := utf16.EncodeRune(r)
		switch {
		case unicode.IsGraphic(r) || r == '\n':
			out.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String()
}

// csvHeader names the columns. Their order is a contract: add new ones at the end.
var csvHeader = []string{
	"connection_id", "source_org_id", "source_org_name", "sink_org_id", "sink_org_name", "types",
	"created_at", "creator_id", "creator_kind", "creator_disabled", "risks",
}

// WriteCSV writes a header and one record per connection, as in RFC 4180.
func WriteCSV(w io.Writer, d Document) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	records := [][]string{csvHeader}
	for _, c := range d.Connections {
		records = append(records, c.csvRecord())
	}
	return out.WriteAll(records)
}

func (c Connection) csvRecord() []string {
	created, disabled := "", ""
	if c.CreatedAt != nil {
		created = c.CreatedAt.Format(time.RFC3339)
	}
	if c.Creator.Disabled.IsKnown() {
		disabled = strconv.FormatBool(c.Creator.Disabled == datadog.Yes)
	}
	record := []string{
		c.ID, c.Source.ID, c.Source.Name, c.Sink.ID, c.Sink.Name, joined(c.Types),
		created, c.Creator.ID, c.Creator.Kind, disabled, joined(c.Risks),
	}
	for n, field := range record {
		record[n] = escapeFormula(Escape(field))
	}
	return record
}

// escapeFormula prevents CSV injection: a spreadsheet evaluates a cell that begins
// with one of =+-@ as a formula, unless an apostrophe precedes it.
func escapeFormula(field string) string {
	if strings.IndexAny(field, "=+-@") == 0 {
		return "'" + field
	}
	return field
}

// Escape returns text with every character that is not visible as a Go escape
// sequence, so that a name cannot move the cursor, begin a line, or change the
// direction of the text around it. Backslashes are kept: the result is for people
// and not decoded.
func Escape(text string) string {
	var out strings.Builder
	for _, r := range text { // yields U+FFFD, which is visible, for invalid UTF-8
		if unicode.IsGraphic(r) {
			out.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRuneToASCII(r)
		out.WriteString(quoted[1 : len(quoted)-1])
	}
	return out.String()
}

// Label returns what people call the org, escaped as by [Escape].
func (o OrgRef) Label() string {
	return Escape(cmp.Or(strings.TrimSpace(o.Name), strings.TrimSpace(o.ID), "unknown"))
}

func joined(texts []string) string { return strings.Join(texts, ", ") }
