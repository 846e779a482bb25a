package inventory

import (
	"cmp"
	"slices"
	"time"

	"datadog_org_connections_exporter/datadog"
)

// input is what a snapshot depends on of one org or discovery. Inputs are in the order of the
// configuration. It is immutable.
type input struct {
	listing  *datadog.Listing // the last good one, or nil
	orgID    string           // of the org whose credentials made the listing, empty where not certain
	statedID string           // of the org of the credentials, as the configuration or a discovery states
	rejected bool             // the API rejects the credentials
	account  *datadog.Account // of a discovery, which has nothing else
}

// snapshotCache holds a snapshot and what it was merged from.
type snapshotCache struct {
	snapshot *Snapshot
	inputs   []input
	observed *observedOrgs
}

// get returns the merged inputs. The snapshot is the cached one where the inputs or
// the result are equal.
func (c *snapshotCache) get(inputs []input, observed *observedOrgs) *Snapshot {
	if c.snapshot != nil && c.observed == observed && slices.Equal(inputs, c.inputs) {
		return c.snapshot
	}
	c.inputs, c.observed = inputs, observed
	if snapshot := merge(inputs, observed); c.snapshot == nil || !snapshot.equal(c.snapshot) {
		c.snapshot = snapshot
	}
	return c.snapshot
}

// orgName returns the name of an org in the cached snapshot, or the id.
func (c *snapshotCache) orgName(id string) string {
	if c.snapshot == nil {
		return id
	}
	return c.snapshot.OrgName(id)
}

// merge returns one snapshot of all inputs. It depends on nothing but them: neither on
// the order in which listings ended, nor on which of two that overlap began first.
func merge(inputs []input, observed *observedOrgs) *Snapshot {
	var listings []*datadog.Listing
	for _, in := range inputs {
		if in.listing != nil {
			listings = append(listings, in.listing)
		}
	}
	complete := completeListingsOf(inputs)
	sightings := make([][]datadog.Connection, len(listings))
	for i, l := range listings {
		sightings[i] = complete.withoutDisproved(l)
	}
	return newSnapshot(union(sightings, listings), mergeOrgs(inputs, observed))
}

// union merges the connections that were seen in each of the listings, both in the
// same order.
func union(seen [][]datadog.Connection, listings []*datadog.Listing) []datadog.Connection {
	merged, conflicts := unionOf(seen)
	if len(conflicts) == 0 {
		return merged
	}
	merged = slices.Clone(merged) // it may be a listing's
	for _, id := range conflicts {
		var sightings []sighting[datadog.Connection]
		for i, list := range seen {
			if n, found := search(list, id); found {
				sightings = append(sightings, sighting[datadog.Connection]{&list[n], intervalOf(listings[i])})
			}
		}
		n, _ := search(merged, id)
		merged[n] = mergeConnection(sightings)
	}
	return merged
}

// unionOf merges lists that are sorted by id. It returns the ids of connections that
// differ between two lists, and any of their versions.
func unionOf(lists [][]datadog.Connection) (all []datadog.Connection, conflicts []string) {
	switch len(lists) {
	case 0:
		return nil, nil
	case 1:
		return lists[0], nil
	}
	half := len(lists) / 2
	a, conflicts := unionOf(lists[:half])
	b, more := unionOf(lists[half:])
	conflicts = append(conflicts, more...)
	all = make([]datadog.Connection, 0, max(len(a), len(b)))
	for len(a) > 0 && len(b) > 0 {
		switch order := compareIDs(a[0], b[0]); {
		case order < 0:
			all, a = append(all, a[0]), a[1:]
		case order > 0:
			all, b = append(all, b[0]), b[1:]
		default:
			if !sameConnection(a[0], b[0]) {
				conflicts = append(conflicts, a[0].ID)
			}
			all, a, b = append(all, a[0]), a[1:], b[1:]
		}
	}
	return append(append(all, a...), b...), conflicts
}

// search returns the position of the connection with the id in a list sorted by id.
func search(sorted []datadog.Connection, id string) (n int, found bool) {
	return slices.BinarySearchFunc(sorted, id, func(c datadog.Connection, id string) int { return cmp.Compare(c.ID, id) })
}

// mergeConnection merges what listings say about one connection.
func mergeConnection(sightings []sighting[datadog.Connection]) datadog.Connection {
	merged := *latest(sightings, func(c *datadog.Connection) *datadog.Connection { return c })
	merged.SourceID = latest(sightings, func(c *datadog.Connection) string { return c.SourceID })
	merged.SinkID = latest(sightings, func(c *datadog.Connection) string { return c.SinkID })
	merged.CreatedAt = latest(sightings, func(c *datadog.Connection) time.Time { return c.CreatedAt })
	merged.Creator.ID = latest(sightings, func(c *datadog.Connection) string { return c.Creator.ID })
	merged.Creator.Disabled = latest(sightings, func(c *datadog.Connection) datadog.Ternary { return c.Creator.Disabled })
	merged.Creator.Kind = cmp.Or(latest(sightings, knownKind), datadog.CreatorUnknown)
	return merged
}

// knownKind returns the kind of the creator, empty if unknown.
func knownKind(c *datadog.Connection) datadog.CreatorKind {
	if c.Creator.Kind == datadog.CreatorUnknown {
		return ""
	}
	return c.Creator.Kind
}

// mergeOrgs merges what listings and accounts say about orgs. An org whose credentials
// are configured is there even if it has no connection.
func mergeOrgs(inputs []input, observed *observedOrgs) []OrgInfo {
	byID := map[string][]sighting[datadog.Org]{}
	add := func(orgs []datadog.Org, at interval) {
		for i := range orgs {
			byID[orgs[i].ID] = append(byID[orgs[i].ID], sighting[datadog.Org]{&orgs[i], at})
		}
	}
	for _, in := range inputs {
		if in.listing != nil {
			add(in.listing.Orgs, intervalOf(in.listing))
		}
		if in.account != nil {
			add(in.account.Orgs, interval{in.account.Began, in.account.Began.Add(in.account.Duration)})
		}
		if in.statedID != "" {
			add([]datadog.Org{{ID: in.statedID}}, interval{})
		}
	}
	infos := make([]OrgInfo, 0, len(byID))
	for id, sightings := range byID {
		infos = append(infos, OrgInfo{Observed: observed.status(id), Org: datadog.Org{
			ID:       id,
			Name:     latest(sightings, func(o *datadog.Org) string { return o.Name }),
			PublicID: latest(sightings, func(o *datadog.Org) string { return o.PublicID }),
			Sharing:  latest(sightings, func(o *datadog.Org) string { return o.Sharing }),
			Disabled: latest(sightings, func(o *datadog.Org) datadog.Ternary { return o.Disabled }),
		}})
	}
	return infos
}
