package report

import (
	"slices"
	"time"

	"datadog_org_connections_exporter/datadog"
)

// Difference is what has changed from one document to another. Connections and
// orgs are told apart by their ids.
type Difference struct {
	// From and To are the times of the documents.
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// Complete is true where both documents are: else a connection may be added or
	// removed here that only came into sight or went out of it.
	Complete bool `json:"complete"`

	Added        []Connection  `json:"added"`
	Removed      []Connection  `json:"removed"`
	TypesChanged []TypesChange `json:"types_changed"`
	OrgsRenamed  []Rename      `json:"orgs_renamed"`
	// CreatorsDisabled are connections that were there before, and whose creator
	// was not known to be disabled then.
	CreatorsDisabled []Connection `json:"creators_disabled"`
}

// TypesChange is a connection that shares other types of telemetry than before.
type TypesChange struct {
	Connection Connection `json:"connection"` // as it is now
	Gained     []string   `json:"gained"`
	Lost       []string   `json:"lost"`
}

// Rename is an org that has another name than before.
type Rename struct {
	ID     string `json:"id"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// Compare tells what has changed, in the order of the documents.
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
	was, is := byID(before.Connections), byID(after.Connections)
	for _, c := range after.Connections {
		if old, there := was[c.ID]; there {
			d.compare(old, c)
		} else {
			d.Added = append(d.Added, c)
		}
	}
	for _, c := range before.Connections {
		if _, there := is[c.ID]; !there {
			d.Removed = append(d.Removed, c)
		}
	}
	return d
}

// Empty tells whether nothing has changed.
func (d Difference) Empty() bool {
	return len(d.Added)+len(d.Removed)+len(d.TypesChanged)+len(d.OrgsRenamed)+len(d.CreatorsDisabled) == 0
}

// compare takes in what has changed about one connection.
func (d *Difference) compare(old, now Connection) {
	gained, lost := without(now.Types, old.Types), without(old.Types, now.Types)
	if len(gained)+len(lost) > 0 {
		d.TypesChanged = append(d.TypesChanged, TypesChange{Connection: now, Gained: gained, Lost: lost})
	}
	if now.Creator.Disabled == datadog.Yes && old.Creator.Disabled != datadog.Yes {
		d.CreatorsDisabled = append(d.CreatorsDisabled, now)
	}
}

// renames finds the orgs that have another name. An org whose id stands in for its
// name, before or after, was not renamed: its name has become known, or unknown.
func renames(before, after []Org) []Rename {
	names := map[string]string{}
	for _, o := range before {
		names[o.ID] = o.Name
	}
	found := []Rename{}
	for _, o := range after {
		name, there := names[o.ID]
		if there && name != o.Name && name != o.ID && o.Name != o.ID {
			found = append(found, Rename{ID: o.ID, Before: name, After: o.Name})
		}
	}
	return found
}

func byID(connections []Connection) map[string]Connection {
	found := map[string]Connection{}
	for _, c := range connections {
		found[c.ID] = c
	}
	return found
}

// without gives those of the types that are not among the others.
func without(types, others []string) []string {
	return slices.DeleteFunc(append([]string{}, types...), func(kind string) bool { return slices.Contains(others, kind) })
}
