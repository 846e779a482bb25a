package report

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"

	"datadog_org_connections_exporter/datadog"
)

// csvHeader names the columns. They are a contract: later ones come at the end.
var csvHeader = []string{
	"connection_id", "source_org_id", "source_org_name", "sink_org_id", "sink_org_name", "types",
	"created_at", "creator_id", "creator_kind", "creator_disabled", "risks",
}

// CSV writes a header and a line for each connection, as RFC 4180 has it.
func CSV(w io.Writer, d Document) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	records := [][]string{csvHeader}
	for _, c := range d.Connections {
		records = append(records, c.record())
	}
	return out.WriteAll(records)
}

func (c Connection) record() []string {
	created, disabled := "", ""
	if c.CreatedAt != nil {
		created = c.CreatedAt.Format(time.RFC3339)
	}
	if c.Creator.Disabled.IsKnown() {
		disabled = strconv.FormatBool(c.Creator.Disabled == datadog.Yes)
	}
	record := []string{
		c.ID, c.Source.ID, c.Source.Name, c.Sink.ID, c.Sink.Name, enumerated(c.Types),
		created, c.Creator.ID, c.Creator.Kind, disabled, enumerated(c.Risks),
	}
	for n, cell := range record {
		record[n] = defused(harmless(cell))
	}
	return record
}

// defused keeps a spreadsheet from running a cell as a formula: an apostrophe at
// the beginning says that it is a text.
func defused(cell string) string {
	if strings.IndexAny(cell, "=+-@") == 0 {
		return "'" + cell
	}
	return cell
}
