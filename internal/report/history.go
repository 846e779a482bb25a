package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/policy"
)

// History is what has changed. Its JSON form is a contract as that of [Document].
type History struct {
	Version int `json:"version"`
	// Time is when the document was made, in UTC and whole seconds.
	Time time.Time `json:"time"`
	// Start is since when changes are remembered without a gap, nil if that is not yet so.
	Start *time.Time `json:"start"`
	// Changes, the latest first.
	Changes []Change `json:"changes"`
}

// Change is one change of one connection.
type Change struct {
	// Time is when it happened: when the API says that an added connection was
	// created, otherwise when the change was found.
	Time time.Time `json:"time"`
	// Found is when a listing showed it.
	Found  time.Time            `json:"found"`
	Change inventory.ChangeKind `json:"change"`
	// ID is that of the connection.
	ID     string `json:"id"`
	Source OrgRef `json:"source"`
	Sink   OrgRef `json:"sink"`
	// Types are those that were gained or lost: of connections that were added,
	// removed or discovered all that they have.
	Types []string `json:"types"`
	// TypesNow are the types that the connection has after the change.
	TypesNow []string `json:"types_now"`
	Creator  Creator  `json:"creator"`
}

// HistoryFilter selects changes. The zero value selects all.
type HistoryFilter struct {
	// Since is the time before which changes that happened are left out.
	Since time.Time
	// Kinds of changes. Default: all.
	Kinds []string
	// Orgs at either end, by UUID, by name, or by a glob over names. Default: all.
	Orgs []policy.Pattern
}

// NewHistoryFilter returns a filter. The error names an invalid glob.
func NewHistoryFilter(since time.Time, kinds, orgs []string) (HistoryFilter, error) {
	f := HistoryFilter{Since: since, Kinds: kinds}
	var err error
	f.Orgs, err = patterns("org", orgs)
	return f, err
}

// NewHistory returns the changes that the filter selects.
func NewHistory(h *inventory.History, f HistoryFilter, now time.Time) History {
	made := History{Version: documentVersion, Time: now.UTC().Truncate(time.Second), Changes: []Change{}}
	if !h.Start.IsZero() {
		start := h.Start.UTC()
		made.Start = &start
	}
	for i := range h.Changes {
		if c := newChange(&h.Changes[i]); f.matches(c) {
			made.Changes = append(made.Changes, c)
		}
	}
	slices.SortStableFunc(made.Changes, func(a, b Change) int { return b.Time.Compare(a.Time) })
	return made
}

func newChange(c *inventory.Change) Change {
	made := Change{
		Time: c.At.UTC(), Found: c.Found.UTC(), Change: c.Kind,
		ID:     c.Connection.ID,
		Source: OrgRef{c.Connection.SourceID, c.SourceName}, Sink: OrgRef{c.Connection.SinkID, c.SinkName},
		Types: append([]string{}, c.Types...), TypesNow: append([]string{}, c.Connection.Types...),
		Creator: newCreator(c.Connection.Creator),
	}
	if c.Kind == inventory.Removed {
		made.TypesNow = []string{}
	}
	return made
}

func (f HistoryFilter) matches(c Change) bool {
	return !c.Time.Before(f.Since) &&
		(len(f.Kinds) == 0 || slices.Contains(f.Kinds, string(c.Change))) &&
		(matchesOrg(f.Orgs, c.Source) || matchesOrg(f.Orgs, c.Sink))
}

// WriteJSON writes the history as JSON.
func (h History) WriteJSON(w io.Writer) error { return writeJSON(w, h) }

// WriteTable writes the changes as a table, and a summary below. Times are UTC.
func (h History) WriteTable(w io.Writer, o TableOptions) error {
	var out strings.Builder
	if len(h.Changes) > 0 {
		rows := [][]string{{"TIME", "CHANGE", "SOURCE", "SINK", "TYPES", "CREATOR"}}
		for _, c := range h.Changes {
			row := []string{
				c.Time.Format("2006-01-02 15:04:05Z"), string(c.Change), c.Source.Label(), c.Sink.Label(), c.typesLabel(), c.Creator.label(),
			}
			for n, cell := range row {
				if cell == "" {
					row[n] = emptyCell
				}
			}
			rows = append(rows, row)
		}
		o.writeRows(&out, rows, "")
		out.WriteByte('\n')
	}
	out.WriteString(h.summary() + "\n")
	_, err := io.WriteString(w, out.String())
	return err
}

// typesLabel returns the types that were gained or lost, such as "+audit", escaped.
func (c Change) typesLabel() string {
	sign := ""
	switch c.Change {
	case inventory.Widened:
		sign = "+"
	case inventory.Narrowed:
		sign = "-"
	}
	var signed []string
	for _, t := range c.Types {
		signed = append(signed, sign+t)
	}
	return Escape(joined(signed))
}

// summary returns counts such as "3 changes: added 2, removed 1; remembered since …".
func (h History) summary() string {
	counts := map[inventory.ChangeKind]int{}
	for _, c := range h.Changes {
		counts[c.Change]++
	}
	var byKind []string
	for _, kind := range inventory.ChangeKinds() {
		if n := counts[kind]; n > 0 {
			byKind = append(byKind, fmt.Sprintf("%s %d", kind, n))
		}
	}
	summary := plural(len(h.Changes), "change")
	if byKind != nil {
		summary += ": " + joined(byKind)
	}
	if h.Start == nil {
		return summary + "; not every org was listed completely yet"
	}
	return summary + "; remembered since " + h.Start.Format("2006-01-02 15:04:05Z")
}

// historyHeader names the columns. Their order is a contract: add new ones at the end.
var historyHeader = []string{
	"time", "found", "change", "connection_id", "source_org_id", "source_org_name", "sink_org_id", "sink_org_name", "types", "types_now",
	"creator_id", "creator_kind",
}

// WriteCSV writes a header and one record per change, as in RFC 4180.
func (h History) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	records := [][]string{historyHeader}
	for _, c := range h.Changes {
		record := []string{
			c.Time.Format(time.RFC3339), c.Found.Format(time.RFC3339), string(c.Change), c.ID, c.Source.ID, c.Source.Name, c.Sink.ID, c.Sink.Name,
			joined(c.Types), joined(c.TypesNow), c.Creator.ID, c.Creator.Kind,
		}
		for n, field := range record {
			record[n] = escapeFormula(Escape(field))
		}
		records = append(records, record)
	}
	return out.WriteAll(records)
}
