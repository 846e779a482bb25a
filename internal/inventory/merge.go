package inventory

import (
	"cmp"
	"slices"
	"time"

	"datadog_org_connections_exporter/datadog"
)

// input is what a snapshot depends on of one org. The org's id is not part of it: it
// changes only with the listing.
type input struct {
	listing  *datadog.Listing
	rejected bool
}

func inputsOf(orgs []*org) []input {
	inputs := make([]input, len(orgs))
	for i, o := range orgs {
		inputs[i] = input{listing: o.listing, rejected: o.rejected()}
	}
	return inputs
}

// listed returns the orgs that have a listing.
func listed(orgs []*org) []*org {
	return slices.DeleteFunc(slices.Clone(orgs), func(o *org) bool { return o.listing == nil })
}

// snapshotCache holds a snapshot and what it was merged from.
type snapshotCache struct {
	snapshot *Snapshot
	inputs   []input
	observed *observedOrgs
}

// get returns the merged listings of the orgs. The snapshot is the cached one where
// the inputs or the result are equal.
func (c *snapshotCache) get(orgs []*org, observed *observedOrgs) *Snapshot {
	orgs = listed(orgs)
	inputs := inputsOf(orgs)
	if c.snapshot != nil && c.observed == observed && slices.Equal(inputs, c.inputs) {
		return c.snapshot
	}
	c.inputs, c.observed = inputs, observed
	if snapshot := merge(orgs, observed); c.snapshot == nil || !snapshot.equal(c.snapshot) {
		c.snapshot = snapshot
	}
	return c.snapshot
}

// merge returns one snapshot of the orgs' listings. Where two of them differ, the
// newer one is believed. It sorts the orgs.
func merge(orgs []*org, observed *observedOrgs) *Snapshot {
	slices.SortStableFunc(orgs, func(a, b *org) int { return a.listing.Began.Compare(b.listing.Began) })

	byID := map[string]datadog.Org{}
	authoritative := authoritativeListings(orgs)
	connections := make([][]datadog.Connection, len(orgs))
	for i, o := range orgs {
		connections[i] = authoritative.withoutRemoved(o.listing)
		for _, described := range o.listing.Orgs {
			byID[described.ID] = byID[described.ID].Updated(described)
		}
	}
	var infos []OrgInfo
	for id, described := range byID {
		infos = append(infos, OrgInfo{Org: described, Observed: observed.status(id)})
	}
	return newSnapshot(union(connections), infos)
}

// union merges lists that are sorted by id. Of connections with the same id, that of
// the last list is kept.
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
		switch order := compareIDs(older[0], newer[0]); {
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

// authoritative has the newest authoritative listing of each org by its id: one that
// has all of the org's connections.
type authoritative map[string]*datadog.Listing

// authoritativeListings expects the oldest listing first.
func authoritativeListings(orgs []*org) authoritative {
	a := authoritative{}
	for _, o := range orgs {
		if o.orgID != "" && o.listing.Complete && !o.listing.Filtered {
			a[o.orgID] = o.listing
		}
	}
	return a
}

// withoutRemoved returns the connections of the listing that were not removed since:
// the listing's own slice where none was.
func (a authoritative) withoutRemoved(l *datadog.Listing) []datadog.Connection {
	removed := func(c datadog.Connection) bool { return a.removed(c, l.Began) }
	if !slices.ContainsFunc(l.Connections, removed) {
		return l.Connections
	}
	return slices.DeleteFunc(slices.Clone(l.Connections), removed)
}

// removed reports whether an authoritative listing of one of the connection's ends,
// begun after the connection was listed, lacks it.
func (a authoritative) removed(c datadog.Connection, listed time.Time) bool {
	for _, end := range []string{c.SourceID, c.SinkID} {
		if l := a[end]; l != nil && l.Began.After(listed) && !contains(l.Connections, c.ID) {
			return true
		}
	}
	return false
}

// contains reports whether a connection with the id is among those sorted by id.
func contains(sorted []datadog.Connection, id string) bool {
	_, found := slices.BinarySearchFunc(sorted, id, func(c datadog.Connection, id string) int { return cmp.Compare(c.ID, id) })
	return found
}
