package inventory

import (
	"slices"
	"strings"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"datadog_org_connections_exporter/datadog"
)

// ChangeKind is what happened to a connection.
type ChangeKind string

// The kinds of changes.
const (
	// Added: the connection was created.
	Added ChangeKind = "added"
	// Removed: it was deleted.
	Removed ChangeKind = "removed"
	// Widened: it gained connection types.
	Widened ChangeKind = "widened"
	// Narrowed: it lost connection types.
	Narrowed ChangeKind = "narrowed"
	// Discovered: it is seen for the first time, but was there before: the
	// credentials are new, or the filter is wider.
	Discovered ChangeKind = "discovered"
)

// ChangeKinds returns all kinds.
func ChangeKinds() []ChangeKind { return []ChangeKind{Added, Removed, Widened, Narrowed, Discovered} }

// Change is one change of one connection.
type Change struct {
	Kind ChangeKind
	// At is when the change happened: the creation time of an [Added] connection, if
	// the API returns it, otherwise when the change was found.
	At time.Time
	// Found is when a listing showed it.
	Found time.Time
	// Org is the configured name of the org that was listed then.
	Org string
	// Connection is as it is after the change; a removed one as it was last seen.
	Connection datadog.Connection
	// Types are those that were gained or lost: of added, removed and discovered
	// connections all that they have.
	Types []string
	// SourceName and SinkName are the orgs' last known names, or their ids.
	SourceName, SinkName string
}

// Compare returns what is different in the later of two snapshots, by connection id:
// kinds [Added], [Removed], [Widened] and [Narrowed], without times and names. Whether a
// connection that is not there was removed, or is only out of sight, is for the caller to
// know.
func Compare(before, after *Snapshot) []Change {
	var changes []Change
	old := before.Connections
	for i := range after.Connections {
		c := &after.Connections[i]
		for len(old) > 0 && old[0].ID < c.ID {
			changes, old = append(changes, newChange(Removed, &old[0], time.Time{})), old[1:]
		}
		if len(old) == 0 || old[0].ID != c.ID {
			changes = append(changes, newChange(Added, c, time.Time{}))
			continue
		}
		changes = append(changes, typeChanges(&old[0], c, time.Time{})...)
		old = old[1:]
	}
	for i := range old {
		changes = append(changes, newChange(Removed, &old[i], time.Time{}))
	}
	return changes
}

// clockSkew is how far this machine's clock may be ahead of Datadog's.
const clockSkew = 5 * time.Minute

// CreatedSince reports whether the connection may have been created after a time of this
// machine's clock. Where it was not, a listing that began then and lacks it did not see it.
func CreatedSince(c *datadog.Connection, t time.Time) bool {
	return c.CreatedAt.IsZero() || c.CreatedAt.After(t.Add(-clockSkew))
}

// newChange returns a change of the whole connection.
func newChange(kind ChangeKind, c *datadog.Connection, at time.Time) Change {
	return Change{Kind: kind, At: at, Connection: *c, Types: c.Types}
}

// typeChanges returns the changes of the types between two states of a connection.
func typeChanges(before, after *datadog.Connection, at time.Time) []Change {
	if slices.Equal(before.Types, after.Types) {
		return nil
	}
	var changes []Change
	if gained := subtract(after.Types, before.Types); len(gained) > 0 {
		changes = append(changes, Change{Kind: Widened, At: at, Connection: *after, Types: gained})
	}
	if lost := subtract(before.Types, after.Types); len(lost) > 0 {
		changes = append(changes, Change{Kind: Narrowed, At: at, Connection: *after, Types: lost})
	}
	return changes
}

// subtract returns the elements of a that b lacks.
func subtract(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

// Rename is an org whose name changed.
type Rename struct{ ID, Before, After string }

// logChanges logs a line for each change. The creator is left out: it is personal data.
func logChanges(logger log.Logger, changes []Change, renames []Rename) {
	logger = level.Info(logger)
	for _, change := range changes {
		c := &change.Connection
		fields := []any{
			"msg", "Connection " + string(change.Kind), "connection_id", c.ID,
			"source_org_id", c.SourceID, "source_org_name", change.SourceName,
			"sink_org_id", c.SinkID, "sink_org_name", change.SinkName,
			"types", strings.Join(change.Types, ","),
		}
		if change.Kind == Widened || change.Kind == Narrowed {
			fields = append(fields, "types_now", strings.Join(c.Types, ","))
		}
		logger.Log(append(fields, "at", logTime(change.At))...)
	}
	for _, r := range renames {
		logger.Log("msg", "Org renamed", "org_id", r.ID, "org_name", r.After, "org_name_before", r.Before)
	}
}
