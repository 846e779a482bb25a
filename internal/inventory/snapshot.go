package inventory

import (
	"cmp"
	"slices"

	"datadog_org_connections_exporter/datadog"
)

// Snapshot is the merged listings of all orgs. It is immutable.
type Snapshot struct {
	// Connections are sorted by id, each once.
	Connections []datadog.Connection
	// Orgs are sorted by id, each once: all that a connection names or the API
	// described.
	Orgs []OrgInfo

	names map[string]string // of Orgs, by id
}

// OrgInfo is an org of a snapshot.
type OrgInfo struct {
	datadog.Org // the name is never empty: it falls back to the id
	// Observed is Yes where working credentials of the org are configured, No where
	// only other orgs list its connections, and Unknown where the listings do not
	// tell which org's credentials they were made with.
	Observed datadog.Ternary
}

// NewSnapshot returns a snapshot of connections and orgs, each of them once. It sorts
// both slices and keeps them.
func NewSnapshot(connections []datadog.Connection, orgs []OrgInfo) *Snapshot {
	slices.SortFunc(connections, compareIDs)
	return newSnapshot(connections, orgs)
}

func compareIDs(a, b datadog.Connection) int { return cmp.Compare(a.ID, b.ID) }

// newSnapshot expects sorted connections, and does not write to them: they may be a
// listing's.
func newSnapshot(connections []datadog.Connection, orgs []OrgInfo) *Snapshot {
	s := &Snapshot{Connections: connections, Orgs: orgs, names: make(map[string]string, len(orgs))}
	slices.SortFunc(s.Orgs, func(a, b OrgInfo) int { return cmp.Compare(a.ID, b.ID) })
	for i := range s.Orgs {
		o := &s.Orgs[i]
		o.Name = cmp.Or(o.Name, o.ID)
		s.names[o.ID] = o.Name
	}
	return s
}

// OrgName returns the org's name, or its id where the name is unknown.
func (s *Snapshot) OrgName(id string) string {
	return cmp.Or(s.names[id], id)
}

// equal reports whether two snapshots have the same content.
func (s *Snapshot) equal(other *Snapshot) bool {
	return slices.Equal(s.Orgs, other.Orgs) && slices.EqualFunc(s.Connections, other.Connections, sameConnection)
}

// sameConnection compares with a == b, but for slices and times, which have no ==.
func sameConnection(a, b datadog.Connection) bool {
	return a.ID == b.ID && a.SourceID == b.SourceID && a.SinkID == b.SinkID && a.Creator == b.Creator &&
		a.CreatedAt.Equal(b.CreatedAt) && slices.Equal(a.Types, b.Types)
}
