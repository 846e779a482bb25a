package inventory

import (
	"slices"
	"strings"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"datadog_org_connections_exporter/datadog"
)

// changes are the differences between two snapshots, sorted by id.
type changes struct {
	added, removed []*datadog.Connection
	typesChanged   []typesChange
	renamed        []OrgInfo // with the new name
}

type typesChange struct{ before, after *datadog.Connection }

// diff compares two snapshots. Connections and orgs are matched by id, so that a
// renamed org does not change its connections.
func diff(before, after *Snapshot) changes {
	var d changes
	if before == after {
		return d
	}
	old := before.Connections
	for i := range after.Connections {
		c := &after.Connections[i]
		for len(old) > 0 && old[0].ID < c.ID {
			d.removed, old = append(d.removed, &old[0]), old[1:]
		}
		if len(old) == 0 || old[0].ID != c.ID {
			d.added = append(d.added, c)
			continue
		}
		if !slices.Equal(old[0].Types, c.Types) {
			d.typesChanged = append(d.typesChanged, typesChange{before: &old[0], after: c})
		}
		old = old[1:]
	}
	for i := range old {
		d.removed = append(d.removed, &old[i])
	}
	for _, o := range after.Orgs {
		if name, ok := before.names[o.ID]; ok && name != o.Name {
			d.renamed = append(d.renamed, o)
		}
	}
	return d
}

// changeLog logs what has changed once all running listings have ended: one of them
// may have the old state of a connection, and another the new one.
type changeLog struct {
	last        *Snapshot
	firstListed map[string]bool // ids of connections in the first listings of orgs
}

// reset makes the snapshot the one that the next is compared with.
func (l *changeLog) reset(snapshot *Snapshot) {
	l.last = snapshot
	l.firstListed = map[string]bool{}
}

// ignoreAdded keeps the connections of an org's first listing from being logged as
// added: they are new to the exporter, not to Datadog.
func (l *changeLog) ignoreAdded(first *datadog.Listing) {
	for _, c := range first.Connections {
		l.firstListed[c.ID] = true
	}
}

// log logs a line for each change since the last call.
func (l *changeLog) log(logger log.Logger, snapshot *Snapshot) {
	logger = level.Info(logger)
	before := l.last
	d := diff(before, snapshot)
	for _, c := range d.added {
		if !l.firstListed[c.ID] {
			logger.Log(snapshot.logFields("Connection added", c)...)
		}
	}
	for _, c := range d.removed {
		logger.Log(before.logFields("Connection removed", c)...)
	}
	for _, c := range d.typesChanged {
		logger.Log(append(snapshot.logFields("Connection types changed", c.after), "types_before", strings.Join(c.before.Types, ","))...)
	}
	for _, o := range d.renamed {
		logger.Log("msg", "Org renamed", "org_id", o.ID, "org_name", o.Name, "org_name_before", before.OrgName(o.ID))
	}
	l.reset(snapshot)
}

// logFields returns the message and the fields of a connection. Its creator is left
// out: it is personal data.
func (s *Snapshot) logFields(msg string, c *datadog.Connection) []any {
	return []any{
		"msg", msg, "connection_id", c.ID,
		"source_org_id", c.SourceID, "source_org_name", s.OrgName(c.SourceID),
		"sink_org_id", c.SinkID, "sink_org_name", s.OrgName(c.SinkID),
		"types", strings.Join(c.Types, ","),
	}
}
