package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/width"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
)

// TableOptions sets how [WriteTable] writes.
type TableOptions struct {
	// Color adds terminal colors. Default: none.
	Color bool
	// Now is the time that ages are relative to. Default: the document's time.
	Now time.Time
}

// Parameters of the terminal's SGR escape sequence.
const (
	bold    = "1"
	yellow  = "33"
	boldRed = "1;31"
)

// emptyCell stands in cells without a value, so that cut and awk can count columns.
const emptyCell = "-"

// WriteTable writes the connections as a table, and a summary below.
func WriteTable(w io.Writer, d Document, o TableOptions) error {
	if o.Now.IsZero() {
		o.Now = d.Time
	}
	var out strings.Builder
	if len(d.Connections) > 0 {
		rows := [][]string{{"SOURCE", "SINK", "TYPES", "AGE", "CREATOR", "RISKS"}}
		for _, c := range d.Connections {
			rows = append(rows, c.tableRow(o.Now))
		}
		o.writeRows(&out, rows, yellow)
		out.WriteByte('\n')
	}
	out.WriteString(d.summary() + "\n")
	switch notFiltered := func(g Gap) bool { return g.Reason != inventory.Filtered }; {
	case slices.ContainsFunc(d.Gaps, notFiltered):
		out.WriteString(o.colorize(boldRed, "INCOMPLETE: an org has no current, complete listing; there may be connections that are not shown.") + "\n")
	case len(d.Gaps) > 0, d.Filter != nil:
		out.WriteString("Filtered: there may be connections that are not shown.\n")
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func (c Connection) tableRow(now time.Time) []string {
	age := ""
	if c.CreatedAt != nil {
		age = formatAge(now.Sub(*c.CreatedAt))
	}
	row := []string{c.Source.Label(), c.Sink.Label(), joined(c.Types), age, c.Creator.label(), joined(c.Risks)}
	for n, cell := range row {
		if row[n] = Escape(cell); cell == "" {
			row[n] = emptyCell
		}
	}
	return row
}

// label returns what kind of account the creator has, and whether it is disabled.
func (c Creator) label() string {
	label := strings.ReplaceAll(c.Kind, "_", " ")
	if c.Disabled == datadog.Yes {
		label += ", disabled"
	}
	return label
}

// formatAge returns an age in the largest unit of which there are at least two, such
// as 3d, 5mo or 2y. A negative age, as clocks differ, is 0m.
func formatAge(age time.Duration) string {
	const (
		day   = 24 * time.Hour
		year  = 365 * day
		month = year / 12
	)
	age = max(0, age)
	for _, unit := range []struct {
		name string
		size time.Duration
	}{{"y", year}, {"mo", month}, {"d", day}, {"h", time.Hour}} {
		if age >= 2*unit.size {
			return fmt.Sprintf("%d%s", age/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%dm", age/time.Minute)
}

// writeRows aligns rows of escaped cells. The first row is the header. The last
// column is not padded, and shown in a color, which may be empty. text/tabwriter would
// align by the number of characters, which is not their width.
func (o TableOptions) writeRows(out *strings.Builder, rows [][]string, lastColor string) {
	last := len(rows[0]) - 1
	widths := make([]int, last)
	for _, row := range rows {
		for n := range widths {
			widths[n] = max(widths[n], displayWidth(row[n]))
		}
	}
	for n, row := range rows {
		color, colorOfLast := "", ""
		if n == 0 {
			color, colorOfLast = bold, bold
		} else if row[last] != emptyCell {
			colorOfLast = lastColor
		}
		for n, width := range widths {
			out.WriteString(o.colorize(color, row[n]) + strings.Repeat(" ", width-displayWidth(row[n])+2))
		}
		out.WriteString(o.colorize(colorOfLast, row[last]) + "\n")
	}
}

// displayWidth returns how many columns of a terminal an escaped text takes: two for
// wide characters (CJK, most emoji), as in Unicode's EastAsianWidth.txt.
func displayWidth(text string) (columns int) {
	for _, r := range text {
		if unicode.In(r, unicode.Mn, unicode.Me) {
			continue // combines with the character before
		}
		switch width.LookupRune(r).Kind() {
		case width.EastAsianWide, width.EastAsianFullwidth:
			columns += 2
		default:
			columns++
		}
	}
	return columns
}

// colorize returns text in a color, unless colors are off or color is empty.
func (o TableOptions) colorize(color, text string) string {
	if !o.Color || color == "" {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

// summary returns counts such as "3 connections, 2 orgs: audit 1, logs 3".
func (d Document) summary() string {
	counts := map[string]int{}
	for _, c := range d.Connections {
		for _, t := range c.Types {
			counts[t]++
		}
	}
	var byType []string
	for _, t := range slices.Sorted(maps.Keys(counts)) {
		byType = append(byType, fmt.Sprintf("%s %d", Escape(t), counts[t]))
	}
	summary := plural(len(d.Connections), "connection") + ", " + plural(len(d.Orgs), "org")
	if byType == nil {
		return summary
	}
	return summary + ": " + joined(byType)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
