package inventory

import (
	"cmp"
	"slices"

	"datadog_org_connections_exporter/datadog"
)

// Snapshot is the merged inventory of all orgs. It never changes.
type Snapshot struct {
	// Connections in the order of their ids, each once.
	Connections []datadog.Connection
	// Orgs in the order of their ids, each once: all that a connection names or
	// the API described.
	Orgs []OrgInfo

	names map[string]string
}

// OrgInfo is what is known about an org.
type OrgInfo struct {
	datadog.Org // the name is never empty: it falls back to the id
	// Observed is Yes where we hold working credentials of the org, No where it
	// is only seen from the other end of connections, and Unknown where the
	// listings do not tell whose credentials they were made with.
	Observed datadog.Ternary
}

// NewSnapshot makes a snapshot of connections and orgs, each of them once, and puts
// them in order.
func NewSnapshot(connections []datadog.Connection, orgs []OrgInfo) *Snapshot {
	slices.SortFunc(connections, byID)
	return newSnapshot(connections, orgs)
}

func byID(a, b datadog.Connection) int { return cmp.Compare(a.ID, b.ID) }

// newSnapshot takes connections that are in order, and only reads them.
func newSnapshot(connections []datadog.Connection, orgs []OrgInfo) *Snapshot {
	s := &Snapshot{Connections: connections, Orgs: orgs, names: map[string]string{}}
	slices.SortFunc(s.Orgs, func(a, b OrgInfo) int { return cmp.Compare(a.ID, b.ID) })
	for n := range s.Orgs {
		o := &s.Orgs[n]
		o.Name = cmp.Or(o.Name, o.ID)
		s.names[o.ID] = o.Name
	}
	return s
}

// OrgName gives the org's name, or its id where the name is not known.
func (s *Snapshot) OrgName(id string) string {
	return cmp.Or(s.names[id], id)
}

// equal tells whether two snapshots say the same.
func (s *Snapshot) equal(other *Snapshot) bool {
	return slices.Equal(s.Orgs, other.Orgs) && slices.EqualFunc(s.Connections, other.Connections, sameConnection)
}

func sameConnection(a, b datadog.Connection) bool {
	return a.ID == b.ID && a.SourceID == b.SourceID && a.SinkID == b.SinkID && a.Creator == b.Creator &&
		a.CreatedAt.Equal(b.CreatedAt) && slices.Equal(a.Types, b.Types)
}
