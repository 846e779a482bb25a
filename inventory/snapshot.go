package inventory

import (
	"cmp"
	"maps"
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

// source is what a snapshot depends on of one org.
type source struct {
	listing *datadog.Listing
	self    string
	refused bool
}

func sources(orgs []*org) []source {
	from := make([]source, len(orgs))
	for n, o := range orgs {
		from[n] = source{listing: o.listing, self: o.self, refused: o.refused()}
	}
	return from
}

// OrgName gives the org's name, or its id where the name is not known.
func (s *Snapshot) OrgName(id string) string {
	return cmp.Or(s.names[id], id)
}

// merge makes one snapshot of the last good listings. Where two listings tell
// different things, the fresher one is right.
func merge(orgs []*org) *Snapshot {
	orgs = slices.DeleteFunc(slices.Clone(orgs), func(o *org) bool { return o.listing == nil })
	s := &Snapshot{names: map[string]string{}}
	slices.SortStableFunc(orgs, func(a, b *org) int { return a.listing.Began.Compare(b.listing.Began) })

	connections := map[string]datadog.Connection{}
	infos := map[string]datadog.Org{}
	for _, o := range orgs {
		for _, c := range o.listing.Connections {
			connections[c.ID] = c
		}
		for _, info := range o.listing.Orgs {
			infos[info.ID] = infos[info.ID].Updated(info)
		}
	}
	s.Connections = slices.SortedFunc(maps.Values(connections), func(a, b datadog.Connection) int { return cmp.Compare(a.ID, b.ID) })
	observed := observers(orgs)
	for _, id := range slices.Sorted(maps.Keys(infos)) {
		info := infos[id]
		info.Name = cmp.Or(info.Name, id)
		s.names[id] = info.Name
		s.Orgs = append(s.Orgs, OrgInfo{Org: info, Observed: observed.of(id)})
	}
	return s
}

// equal tells whether two snapshots say the same.
func (s *Snapshot) equal(other *Snapshot) bool {
	return slices.Equal(s.Orgs, other.Orgs) && slices.EqualFunc(s.Connections, other.Connections, sameConnection)
}

func sameConnection(a, b datadog.Connection) bool {
	return a.ID == b.ID && a.SourceID == b.SourceID && a.SinkID == b.SinkID && a.Creator == b.Creator &&
		a.CreatedAt.Equal(b.CreatedAt) && slices.Equal(a.Types, b.Types)
}
