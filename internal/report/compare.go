package report

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
)

// Difference is what changed between two documents. Connections and orgs are
// identified by their ids. Connections are in the order of the documents.
type Difference struct {
	// From and To are the times of the documents.
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// Filter is that of the earlier document: nothing else is compared.
	Filter *Filter `json:"filter,omitempty"`

	Added   []Connection `json:"added"`
	Removed []Connection `json:"removed"`
	// Widened are connections that gained types, Narrowed those that lost some.
	Widened  []TypesChange `json:"widened"`
	Narrowed []TypesChange `json:"narrowed"`
	// Discovered are in the later document only, but were there before: the earlier
	// one's listings did not see them.
	Discovered []Connection `json:"discovered"`
	// OutOfSight are in the earlier document only, but may still be there: the later
	// one's listings do not see them. They are no change.
	OutOfSight []Connection `json:"out_of_sight"`

	OrgsRenamed []Rename `json:"orgs_renamed"`
	// CreatorsDisabled are connections of both documents whose creator is disabled in
	// the later one only.
	CreatorsDisabled []Connection `json:"creators_disabled"`
}

// TypesChange is a connection that gained or lost types.
type TypesChange struct {
	Connection Connection `json:"connection"` // as it is in the later document
	Types      []string   `json:"types"`
}

// Rename is an org whose name changed.
type Rename struct {
	ID     string `json:"id"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// Compare returns what changed. Both documents must have no gaps, and the later one no
// filter: it has to tell a connection that is gone from one that a new name or other
// types put out of the earlier one's filter.
func Compare(before, after Document) Difference {
	d := Difference{
		From:   before.Time,
		To:     after.Time,
		Filter: before.Filter,

		Added:            []Connection{},
		Removed:          []Connection{},
		Widened:          []TypesChange{},
		Narrowed:         []TypesChange{},
		Discovered:       []Connection{},
		OutOfSight:       []Connection{},
		OrgsRenamed:      renames(before.Orgs, after.Orgs),
		CreatorsDisabled: []Connection{},
	}
	old := map[string]Connection{}
	for _, c := range before.Connections {
		old[c.ID] = c
	}
	if before.Filter != nil {
		after = after.selectAsBefore(before, old)
	}
	last := maps.Clone(old) // each connection as it was last seen
	for _, c := range after.Connections {
		last[c.ID] = c
		if b, found := old[c.ID]; found && c.Creator.Disabled == datadog.Yes && b.Creator.Disabled != datadog.Yes {
			d.CreatorsDisabled = append(d.CreatorsDisabled, c)
		}
	}
	changes := inventory.Compare(before.snapshot(), after.snapshot())
	slices.SortStableFunc(changes, func(a, b inventory.Change) int {
		return compareConnections(last[a.Connection.ID], last[b.Connection.ID])
	})
	earlier, later := identified(before.Listings, after.Listings), identified(after.Listings, before.Listings)
	for _, change := range changes {
		d.add(change, last[change.Connection.ID], earlier, later)
	}
	return d
}

// identified returns the listings of one document. Where it is not certain whose they
// are, they are those of the org that the other document has by the same configured
// name: a listing with few connections does not tell it, but the configuration is
// seldom another.
func identified(listings, others []Listing) []Listing {
	ids := map[string]string{}
	for _, l := range others {
		ids[l.Org] = l.OrgID
	}
	listings = slices.Clone(listings)
	for n := range listings {
		l := &listings[n]
		l.OrgID = cmp.Or(l.OrgID, ids[l.Org])
	}
	return listings
}

// selectAsBefore returns the document with what the filter of an earlier one selects. An
// org that it matched then, it matches by that name still.
func (d Document) selectAsBefore(before Document, connections map[string]Connection) Document {
	names := map[string]string{}
	for _, o := range before.Orgs {
		names[o.ID] = o.Name
	}
	d.Connections = slices.DeleteFunc(slices.Clone(d.Connections), func(c Connection) bool {
		_, found := connections[c.ID]
		selected := found || before.Filter.matches(c)
		c.Source.Name, c.Sink.Name = cmp.Or(names[c.Source.ID], c.Source.Name), cmp.Or(names[c.Sink.ID], c.Sink.Name)
		return !selected && !before.Filter.matches(c)
	})
	return d
}

// snapshot returns what [inventory.Compare] needs of the document.
func (d Document) snapshot() *inventory.Snapshot {
	connections := make([]datadog.Connection, len(d.Connections))
	for n, c := range d.Connections {
		connections[n] = datadog.Connection{ID: c.ID, SourceID: c.Source.ID, SinkID: c.Sink.ID, Types: c.Types}
		if c.CreatedAt != nil {
			connections[n].CreatedAt = *c.CreatedAt
		}
	}
	return inventory.NewSnapshot(connections, nil)
}

// add adds a change of a connection, as far as the listings of the two documents prove it.
func (d *Difference) add(change inventory.Change, c Connection, earlier, later []Listing) {
	switch change.Kind {
	case inventory.Added:
		if slices.ContainsFunc(earlier, func(l Listing) bool {
			return l.sees(&change.Connection) && inventory.CreatedSince(&change.Connection, l.Time)
		}) {
			d.Added = append(d.Added, c)
		} else {
			d.Discovered = append(d.Discovered, c)
		}
	case inventory.Removed:
		if slices.ContainsFunc(later, func(l Listing) bool { return l.sees(&change.Connection) }) {
			d.Removed = append(d.Removed, c)
		} else {
			d.OutOfSight = append(d.OutOfSight, c)
		}
	case inventory.Widened:
		d.Widened = append(d.Widened, TypesChange{c, change.Types})
	case inventory.Narrowed:
		d.Narrowed = append(d.Narrowed, TypesChange{c, change.Types})
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

// Changed reports whether anything changed.
func (d Difference) Changed() bool {
	return len(d.Added)+len(d.Removed)+len(d.Widened)+len(d.Narrowed)+len(d.Discovered)+len(d.OrgsRenamed)+len(d.CreatorsDisabled) > 0
}

// WriteText writes one line per change: + for added, - for removed, ~ for changed, ? for
// out of sight.
func (d Difference) WriteText(w io.Writer) error {
	var out strings.Builder
	for _, c := range d.Added {
		fmt.Fprintf(&out, "+ %s: %s\n", c.label(), c.typesLabel())
	}
	for _, c := range d.Discovered {
		fmt.Fprintf(&out, "+ %s: %s (discovered: it was out of sight before)\n", c.label(), c.typesLabel())
	}
	for _, c := range d.Removed {
		fmt.Fprintf(&out, "- %s: %s\n", c.label(), c.typesLabel())
	}
	for _, change := range d.Widened {
		fmt.Fprintf(&out, "~ %s: +%s\n", change.Connection.label(), Escape(strings.Join(change.Types, ", +")))
	}
	for _, change := range d.Narrowed {
		fmt.Fprintf(&out, "~ %s: -%s\n", change.Connection.label(), Escape(strings.Join(change.Types, ", -")))
	}
	for _, c := range d.CreatorsDisabled {
		fmt.Fprintf(&out, "~ %s: its creator is disabled now, Datadog is about to delete it\n", c.label())
	}
	for _, r := range d.OrgsRenamed {
		before, after := OrgRef{ID: r.ID, Name: r.Before}, OrgRef{ID: r.ID, Name: r.After}
		fmt.Fprintf(&out, "~ org %s is now %s (%s)\n", before.Label(), after.Label(), Escape(r.ID))
	}
	for _, c := range d.OutOfSight {
		fmt.Fprintf(&out, "? %s: %s (out of sight: neither of its orgs is listed any more)\n", c.label(), c.typesLabel())
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// WriteJSON writes the difference as JSON.
func (d Difference) WriteJSON(w io.Writer) error { return writeJSON(w, d) }

// label returns the ends and the id of the connection, escaped.
func (c Connection) label() string {
	return fmt.Sprintf("%s -> %s (%s)", c.Source.Label(), c.Sink.Label(), Escape(c.ID))
}

func (c Connection) typesLabel() string { return cmp.Or(Escape(joined(c.Types)), "no types") }
