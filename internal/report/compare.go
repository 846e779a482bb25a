package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"datadog_org_connections_exporter/datadog"
)

// Difference is what changed between two documents. Connections and orgs are
// identified by their ids.
type Difference struct {
	// From and To are the times of the documents.
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// Complete is true if both documents are complete. If not, connections may look
	// added or removed only because one of the documents lacks them.
	Complete bool `json:"complete"`

	Added        []Connection  `json:"added"`
	Removed      []Connection  `json:"removed"`
	TypesChanged []TypesChange `json:"types_changed"`
	OrgsRenamed  []Rename      `json:"orgs_renamed"`
	// CreatorsDisabled are connections of both documents whose creator is disabled in
	// the later one only.
	CreatorsDisabled []Connection `json:"creators_disabled"`
}

// TypesChange is a connection whose types changed.
type TypesChange struct {
	Connection Connection `json:"connection"` // as it is in the later document
	Gained     []string   `json:"gained"`
	Lost       []string   `json:"lost"`
}

// Rename is an org whose name changed.
type Rename struct {
	ID     string `json:"id"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// Compare returns what changed, in the order of the documents.
func Compare(before, after Document) Difference {
	d := Difference{
		From:     before.Time,
		To:       after.Time,
		Complete: before.Complete && after.Complete,

		Added:            []Connection{},
		Removed:          []Connection{},
		TypesChanged:     []TypesChange{},
		OrgsRenamed:      renames(before.Orgs, after.Orgs),
		CreatorsDisabled: []Connection{},
	}
	old, current := byID(before.Connections), byID(after.Connections)
	for _, c := range after.Connections {
		if b, found := old[c.ID]; found {
			d.compare(b, c)
		} else {
			d.Added = append(d.Added, c)
		}
	}
	for _, c := range before.Connections {
		if _, found := current[c.ID]; !found {
			d.Removed = append(d.Removed, c)
		}
	}
	return d
}

// compare adds what changed about one connection.
func (d *Difference) compare(before, after Connection) {
	gained, lost := subtract(after.Types, before.Types), subtract(before.Types, after.Types)
	if len(gained)+len(lost) > 0 {
		d.TypesChanged = append(d.TypesChanged, TypesChange{Connection: after, Gained: gained, Lost: lost})
	}
	if after.Creator.Disabled == datadog.Yes && before.Creator.Disabled != datadog.Yes {
		d.CreatorsDisabled = append(d.CreatorsDisabled, after)
	}
}

// renames returns the orgs whose name changed. A name that equals the id is unknown:
// a change from or to it is not a rename.
func renames(before, after []Org) []Rename {
	names := map[string]string{}
	for _, o := range before {
		names[o.ID] = o.Name
	}
	renamed := []Rename{}
	for _, o := range after {
		name, found := names[o.ID]
		if found && name != o.Name && name != o.ID && o.Name != o.ID {
			renamed = append(renamed, Rename{ID: o.ID, Before: name, After: o.Name})
		}
	}
	return renamed
}

func byID(connections []Connection) map[string]Connection {
	index := map[string]Connection{}
	for _, c := range connections {
		index[c.ID] = c
	}
	return index
}

// subtract returns the elements of a that b lacks.
func subtract(a, b []string) []string {
	return slices.DeleteFunc(append([]string{}, a...), func(s string) bool { return slices.Contains(b, s) })
}

// Empty reports whether nothing changed.
func (d Difference) Empty() bool {
	return len(d.Added)+len(d.Removed)+len(d.TypesChanged)+len(d.OrgsRenamed)+len(d.CreatorsDisabled) == 0
}

// WriteText writes one line per change: + for added, - for removed, ~ for changed.
// The last line says so if a document is incomplete.
func (d Difference) WriteText(w io.Writer) error {
	var out strings.Builder
	for _, c := range d.Added {
		fmt.Fprintf(&out, "+ %s: %s\n", c.label(), c.typesLabel())
	}
	for _, c := range d.Removed {
		fmt.Fprintf(&out, "- %s: %s\n", c.label(), c.typesLabel())
	}
	for _, change := range d.TypesChanged {
		fmt.Fprintf(&out, "~ %s: %s\n", change.Connection.label(), change.label())
	}
	for _, c := range d.CreatorsDisabled {
		fmt.Fprintf(&out, "~ %s: its creator is disabled now, Datadog is about to delete it\n", c.label())
	}
	for _, r := range d.OrgsRenamed {
		before, after := OrgRef{ID: r.ID, Name: r.Before}, OrgRef{ID: r.ID, Name: r.After}
		fmt.Fprintf(&out, "~ org %s is now %s (%s)\n", before.label(), after.label(), escape(r.ID))
	}
	if !d.Complete {
		out.WriteString("INCOMPLETE: an org has no current, complete listing in one of the documents; connections may look added or removed only because that document lacks them.\n")
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// WriteJSON writes the difference as JSON.
func (d Difference) WriteJSON(w io.Writer) error { return writeJSON(w, d) }

// label returns the ends and the id of the connection, escaped.
func (c Connection) label() string {
	return fmt.Sprintf("%s -> %s (%s)", c.Source.label(), c.Sink.label(), escape(c.ID))
}

func (c Connection) typesLabel() string { return cmp.Or(escape(joined(c.Types)), "no types") }

// label returns the types that changed, such as "+metrics, -logs", escaped.
func (t TypesChange) label() string {
	var signed []string
	for _, gained := range t.Gained {
		signed = append(signed, "+"+gained)
	}
	for _, lost := range t.Lost {
		signed = append(signed, "-"+lost)
	}
	return escape(joined(signed))
}
