package inventory

import (
	"slices"
	"strings"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"datadog_org_connections_exporter/datadog"
)

// changes are what differs between two snapshots, in the order of the ids.
type changes struct {
	Added, Removed []*datadog.Connection
	TypesChanged   []typesChange
	Renamed        []rename

	before, after *Snapshot
}

// typesChange is a connection that shares other types of telemetry than before.
type typesChange struct {
	Connection datadog.Connection // as it is now
	Before     []string
}

// rename is an org that has another name than before.
type rename struct {
	ID, Before, After string
}

// changesBetween compares two snapshots. Connections and orgs are told apart by
// their ids, so that a rename is no more than a rename.
func changesBetween(before, after *Snapshot) changes {
	found := changes{before: before, after: after}
	old := before.Connections
	for n := range after.Connections {
		c := &after.Connections[n]
		for len(old) > 0 && old[0].ID < c.ID {
			found.Removed, old = append(found.Removed, &old[0]), old[1:]
		}
		switch {
		case len(old) == 0 || old[0].ID != c.ID:
			found.Added = append(found.Added, c)
			continue
		case !slices.Equal(old[0].Types, c.Types):
			found.TypesChanged = append(found.TypesChanged, typesChange{Connection: *c, Before: old[0].Types})
		}
		old = old[1:]
	}
	for n := range old {
		found.Removed = append(found.Removed, &old[n])
	}
	for _, o := range after.Orgs {
		if name, known := before.names[o.ID]; known && name != o.Name {
			found.Renamed = append(found.Renamed, rename{ID: o.ID, Before: name, After: o.Name})
		}
	}
	return found
}

// changeLog tells of changes when all listings of a round are in: a connection
// has two ends, and what one of them tells the other may tell a moment later.
type changeLog struct {
	logger log.Logger
	known  *Snapshot
	seen   map[string]bool // connections that an org listed at its first time: new to us, not to Datadog
}

// begin starts over with what is known of the orgs: nothing is told of how it
// came about.
func (l *changeLog) begin(known *Snapshot) {
	l.known = known
	l.seen = map[string]bool{}
}

// found takes an org's first listing, in which everything is new to us.
func (l *changeLog) found(listing *datadog.Listing) {
	for _, c := range listing.Connections {
		l.seen[c.ID] = true
	}
}

// tell logs what has changed since it was told last.
func (l *changeLog) tell(known *Snapshot) {
	found := changesBetween(l.known, known)
	found.Added = slices.DeleteFunc(found.Added, func(c *datadog.Connection) bool { return l.seen[c.ID] })
	found.log(level.Info(l.logger))
	l.known = known
	clear(l.seen)
}

// log writes a line for each change.
func (c changes) log(logger log.Logger) {
	for _, added := range c.Added {
		logger.Log(c.after.describe("Connection added", *added)...)
	}
	for _, removed := range c.Removed {
		logger.Log(c.before.describe("Connection removed", *removed)...)
	}
	for _, changed := range c.TypesChanged {
		logger.Log(append(c.after.describe("Connection types changed", changed.Connection), "types_before", strings.Join(changed.Before, ","))...)
	}
	for _, renamed := range c.Renamed {
		logger.Log("msg", "Org renamed", "org_id", renamed.ID, "org_name", renamed.After, "org_name_before", renamed.Before)
	}
}

// describe names a connection for the log: ids and names of orgs, nothing of its
// creator.
func (s *Snapshot) describe(msg string, c datadog.Connection) []any {
	return []any{
		"msg", msg, "connection_id", c.ID,
		"source_org_id", c.SourceID, "source_org_name", s.OrgName(c.SourceID),
		"sink_org_id", c.SinkID, "sink_org_name", s.OrgName(c.SinkID),
		"types", strings.Join(c.Types, ","),
	}
}
