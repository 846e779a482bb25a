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

// merged is a snapshot and what it was made of.
type merged struct {
	snapshot *Snapshot
	from     []source
}

// of gives the snapshot of the orgs' last good listings: that of before where it
// would say the same.
func (m *merged) of(orgs []*org) *Snapshot {
	orgs = slices.DeleteFunc(slices.Clone(orgs), func(o *org) bool { return o.listing == nil })
	from := sources(orgs)
	if m.snapshot != nil && slices.Equal(from, m.from) {
		return m.snapshot
	}
	m.from = from
	if snapshot := merge(orgs); m.snapshot == nil || !snapshot.equal(m.snapshot) {
		m.snapshot = snapshot
	}
	return m.snapshot
}

// merge makes one snapshot of the last good listings. Where two of them tell
// different things, the fresher one is right.
func merge(orgs []*org) *Snapshot {
	orgs = slices.Clone(orgs)
	slices.SortStableFunc(orgs, func(a, b *org) int { return a.listing.Began.Compare(b.listing.Began) })

	infos := map[string]datadog.Org{}
	watch := watchers(orgs)
	connections := make([][]datadog.Connection, len(orgs))
	for n, o := range orgs {
		connections[n] = watch.left(o)
		for _, info := range o.listing.Orgs {
			infos[info.ID] = infos[info.ID].Updated(info)
		}
	}
	observed := observers(orgs)
	var all []OrgInfo
	for id, info := range infos {
		all = append(all, OrgInfo{Org: info, Observed: observed.of(id)})
	}
	return newSnapshot(union(connections), all)
}

// union gives the connections of several lists, each of which is in the order of
// the ids. Where a connection is in more than one, the last is right.
func union(lists [][]datadog.Connection) []datadog.Connection {
	switch len(lists) {
	case 0:
		return nil
	case 1:
		return lists[0]
	}
	half := len(lists) / 2
	older, newer := union(lists[:half]), union(lists[half:])
	all := make([]datadog.Connection, 0, max(len(older), len(newer)))
	for len(older) > 0 && len(newer) > 0 {
		switch order := byID(older[0], newer[0]); {
		case order < 0:
			all, older = append(all, older[0]), older[1:]
		case order > 0:
			all, newer = append(all, newer[0]), newer[1:]
		default:
			all, older, newer = append(all, newer[0]), older[1:], newer[1:]
		}
	}
	return append(append(all, older...), newer...)
}

// watch are the freshest listings that hold all connections of an org, by the
// org's id.
type watch map[string]*org

// watchers finds them. The orgs are in the order of their age, oldest first.
func watchers(orgs []*org) watch {
	w := watch{}
	for _, o := range orgs {
		if o.self != "" && o.listing.Complete && !o.listing.Filtered {
			w[o.self] = o
		}
	}
	return w
}

// left are the connections that an org listed and no fresher listing misses: its
// own list where that is all of them.
func (w watch) left(o *org) []datadog.Connection {
	listed := o.listing.Connections
	if !slices.ContainsFunc(listed, func(c datadog.Connection) bool { return w.missed(c, o) }) {
		return listed
	}
	return slices.DeleteFunc(slices.Clone(listed), func(c datadog.Connection) bool { return w.missed(c, o) })
}

// missed tells whether a connection that an org listed is gone: a fresher listing
// of one of its ends, which holds all of that end's connections, is without it.
func (w watch) missed(c datadog.Connection, listed *org) bool {
	for _, end := range []string{c.SourceID, c.SinkID} {
		watcher := w[end]
		if watcher != nil && watcher.listing.Began.After(listed.listing.Began) && !watcher.lists(c.ID) {
			return true
		}
	}
	return false
}

// lists tells whether the connection is in the org's last good listing.
func (o *org) lists(id string) bool {
	_, found := slices.BinarySearchFunc(o.listing.Connections, id, func(c datadog.Connection, id string) int { return cmp.Compare(c.ID, id) })
	return found
}

// equal tells whether two snapshots say the same.
func (s *Snapshot) equal(other *Snapshot) bool {
	return slices.Equal(s.Orgs, other.Orgs) && slices.EqualFunc(s.Connections, other.Connections, sameConnection)
}

func sameConnection(a, b datadog.Connection) bool {
	return a.ID == b.ID && a.SourceID == b.SourceID && a.SinkID == b.SinkID && a.Creator == b.Creator &&
		a.CreatedAt.Equal(b.CreatedAt) && slices.Equal(a.Types, b.Types)
}
