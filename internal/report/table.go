package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"datadog_org_connections_exporter/datadog"
)

// Style says how a table looks.
type Style struct {
	// Color is for a terminal that shows it. Default: none.
	Color bool
	// Now is what ages are counted to. Default: the document's time.
	Now time.Time
}

// Colors, as terminals are told of them.
const (
	bold   = "1"
	yellow = "33"
	alarm  = "1;31"
)

// nothing stands in cells that would be empty, so that columns can be counted.
const nothing = "-"

// Table writes the connections in columns, and a summary below.
func Table(w io.Writer, d Document, style Style) error {
	if style.Now.IsZero() {
		style.Now = d.Time
	}
	var out strings.Builder
	if len(d.Connections) > 0 {
		rows := [][]string{{"SOURCE", "SINK", "TYPES", "AGE", "CREATOR", "RISKS"}}
		for _, c := range d.Connections {
			rows = append(rows, c.cells(style.Now))
		}
		style.grid(&out, rows)
		out.WriteByte('\n')
	}
	out.WriteString(d.summary() + "\n")
	if !d.Complete {
		out.WriteString(style.paint(alarm, "INCOMPLETE: an org has no current, complete listing; there may be connections that are not shown.") + "\n")
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// cells are the row of a connection.
func (c Connection) cells(now time.Time) []string {
	created := ""
	if c.CreatedAt != nil {
		created = age(*c.CreatedAt, now)
	}
	cells := []string{c.Source.label(), c.Sink.label(), enumerated(c.Types), created, c.Creator.describe(), enumerated(c.Risks)}
	for n, cell := range cells {
		if cells[n] = harmless(cell); cell == "" {
			cells[n] = nothing
		}
	}
	return cells
}

func (c Creator) describe() string {
	kind := strings.ReplaceAll(c.Kind, "_", " ")
	if c.Disabled == datadog.Yes {
		return kind + ", disabled"
	}
	return kind
}

// grid writes rows of harmless cells below each other. The first row is the head,
// the last column is that of the risks.
func (s Style) grid(out *strings.Builder, rows [][]string) {
	last := len(rows[0]) - 1
	widths := make([]int, last)
	for _, row := range rows {
		for n := range widths {
			widths[n] = max(widths[n], columns(row[n]))
		}
	}
	for head, row := range rows {
		color := ""
		if head == 0 {
			color = bold
		}
		for n, width := range widths {
			out.WriteString(s.paint(color, row[n]) + strings.Repeat(" ", width-columns(row[n])+2))
		}
		if head > 0 && row[last] != nothing {
			color = yellow
		}
		out.WriteString(s.paint(color, row[last]) + "\n")
	}
}

// paint gives the text in a color, where one is given and wanted.
func (s Style) paint(color, text string) string {
	if !s.Color || color == "" {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

// summary counts: 3 connections, 2 orgs: audit 1, logs 3.
func (d Document) summary() string {
	counts := map[string]int{}
	for _, c := range d.Connections {
		for _, kind := range c.Types {
			counts[kind]++
		}
	}
	var byType []string
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		byType = append(byType, fmt.Sprintf("%s %d", harmless(kind), counts[kind]))
	}
	summary := counted(len(d.Connections), "connection") + ", " + counted(len(d.Orgs), "org")
	if byType == nil {
		return summary
	}
	return summary + ": " + enumerated(byType)
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
