package inventory

import (
	"cmp"
	"slices"

	"datadog_org_connections_exporter/datadog"
)

// source is what a snapshot depends on of one org.
type source struct {
	listing *datadog.Listing
	self    string
	refused bool
}

// sources tells where a snapshot comes from; equal ones give equal snapshots.
func sources(orgs []*org) []source {
	from := make([]source, len(orgs))
	for n, o := range orgs {
		from[n] = source{listing: o.listing, self: o.self, refused: o.refused()}
	}
	return from
}

// listed are those orgs that were listed once.
func listed(orgs []*org) []*org {
	return slices.DeleteFunc(slices.Clone(orgs), func(o *org) bool { return o.listing == nil })
}

// merged is a snapshot and what it was made of.
type merged struct {
	snapshot *Snapshot
	from     []source
	seen     *observation
}

// of gives the snapshot of the orgs' last good listings: that of before where it
// would say the same.
func (m *merged) of(orgs []*org, seen *observation) *Snapshot {
	orgs = listed(orgs)
	from := sources(orgs)
	if m.snapshot != nil && m.seen == seen && slices.Equal(from, m.from) {
		return m.snapshot
	}
	m.from, m.seen = from, seen
	if snapshot := merge(orgs, seen); m.snapshot == nil || !snapshot.equal(m.snapshot) {
		m.snapshot = snapshot
	}
	return m.snapshot
}

// merge makes one snapshot of the last good listings. Where two of them tell
// different things, the fresher one is right.
func merge(orgs []*org, seen *observation) *Snapshot {
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
	var all []OrgInfo
	for id, info := range infos {
		all = append(all, OrgInfo{Org: info, Observed: seen.of(id)})
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
