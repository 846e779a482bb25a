package inventory

import (
	"cmp"
	"slices"
	"time"

	"datadog_org_connections_exporter/datadog"
)

// history remembers every connection that was ever seen, to tell what changes. It
// outlives snapshots: what is out of sight for a while is neither removed then nor added
// when it is back.
//
// What each kind of change takes:
//
//   - Added: the connection is seen for the first time, and somebody who would have seen
//     it had looked before: see [scope].
//   - Discovered: as added, but nobody had looked, or it was created before they did.
//   - Removed: it is in no listing, a complete listing that would have it lacks it, begun
//     after it was last seen, and a second such listing confirms that.
//   - Widened, narrowed: its types in the snapshot differ, and no listing that may be the
//     newest still has the old ones.
type history struct {
	connections []remembered        // sorted by id
	looked      map[scope]time.Time // when each was first listed completely
	names       map[string]string   // of all orgs that ever had one, by id
	// start is when every configured org had been listed completely for the first time,
	// zero before. Until then nothing is discovered.
	start time.Time
}

func newHistory() history {
	return history{looked: map[scope]time.Time{}, names: map[string]string{}}
}

// remembered is a connection that was seen and is not known to be removed.
type remembered struct {
	*datadog.Connection           // as of the last change
	seen                time.Time // when the last listing with it ended
	// credentials of the last listing with it that was not known to be of one of its
	// ends, empty without one.
	credentials string
	missing     *missing // since a listing lacked it, nil as long as none did
}

// missing is the first complete listing that lacks a connection.
type missing struct {
	listing *datadog.Listing
	at      time.Time // when the listing ended
}

// scope is a part of the account that a listing shows: the connections of one org that
// match a filter. Where it is not certain which org's that are, the credentials stand for it.
type scope struct {
	orgID       string
	credentials string // only where orgID is empty
	filter      datadog.Filter
}

// scopesOf returns the scopes of the listing: that of its credentials, which may be all
// that is known of an earlier listing of theirs, and that of its org if certain.
func scopesOf(in input) []scope {
	scopes := []scope{{credentials: in.listing.Credentials, filter: in.listing.Filter}}
	if in.orgID != "" {
		scopes = append(scopes, scope{orgID: in.orgID, filter: in.listing.Filter})
	}
	return scopes
}

// observe remembers what a new listing shows, which is one of the inputs that the
// snapshot was merged from, and returns what has changed. complete says whether every
// org has been listed completely.
func (h *history) observe(listing input, inputs []input, snapshot *Snapshot, complete bool) ([]Change, []Rename) {
	found := intervalOf(listing.listing).ended
	renames := h.rename(snapshot)
	changes := h.compare(listing, inputs, snapshot, found)
	h.markSeen(listing)
	changes = append(changes, h.removed(inputs, snapshot)...)
	if listing.listing.Complete {
		for _, s := range scopesOf(listing) {
			if _, ok := h.looked[s]; !ok {
				h.looked[s] = listing.listing.Began
			}
		}
	}
	if complete && h.start.IsZero() {
		h.start = found
	}
	for i := range changes {
		c := &changes[i]
		c.SourceName = cmp.Or(h.names[c.Connection.SourceID], c.Connection.SourceID)
		c.SinkName = cmp.Or(h.names[c.Connection.SinkID], c.Connection.SinkID)
	}
	return changes, renames
}

// rename remembers the names of the snapshot, and returns those that are other than
// before.
func (h *history) rename(snapshot *Snapshot) []Rename {
	var renames []Rename
	for i := range snapshot.Orgs {
		o := &snapshot.Orgs[i]
		if o.Name == o.ID {
			continue // unknown
		}
		if before, ok := h.names[o.ID]; ok && before != o.Name {
			renames = append(renames, Rename{o.ID, before, o.Name})
		}
		h.names[o.ID] = o.Name
	}
	return renames
}

// compare remembers the connections of the snapshot, and returns those that are new or
// have other types.
func (h *history) compare(listing input, inputs []input, snapshot *Snapshot, found time.Time) []Change {
	var changes []Change
	all := make([]remembered, 0, max(len(h.connections), len(snapshot.Connections)))
	old := h.connections
	for i := range snapshot.Connections {
		c := &snapshot.Connections[i]
		for len(old) > 0 && old[0].ID < c.ID {
			all, old = append(all, old[0]), old[1:]
		}
		if len(old) == 0 || old[0].ID != c.ID {
			if change, ok := h.firstSeen(c, listing, found); ok {
				changes = append(changes, change)
			}
			all = append(all, remembered{Connection: c})
			continue
		}
		r := old[0]
		old = old[1:]
		r.missing = nil
		if slices.Equal(r.Types, c.Types) || !stillSeen(r.Connection, inputs) {
			changes = append(changes, typeChanges(r.Connection, c, found)...)
			r.Connection = c
		}
		all = append(all, r)
	}
	h.connections = append(all, old...)
	return changes
}

// clockSkew is how far this machine's clock may be ahead of Datadog's.
const clockSkew = 5 * time.Minute

// firstSeen returns the change that a connection is which was never seen before; ok is
// false where that is none.
func (h *history) firstSeen(c *datadog.Connection, listing input, found time.Time) (change Change, ok bool) {
	looked, began := h.lookedBefore(c, listing)
	switch {
	case looked && c.CreatedAt.IsZero():
		return newChange(Added, c, found), true
	case looked && c.CreatedAt.After(began.Add(-clockSkew)):
		at := c.CreatedAt
		if at.After(found) {
			at = found
		}
		return newChange(Added, c, at), true
	}
	return newChange(Discovered, c, found), !h.start.IsZero()
}

// lookedBefore reports whether a complete listing before this one would have had the
// connection, and when the first such listing began.
func (h *history) lookedBefore(c *datadog.Connection, listing input) (looked bool, began time.Time) {
	for s, first := range h.looked {
		sees := s.orgID != "" && (s.orgID == c.SourceID || s.orgID == c.SinkID) || s.orgID == "" && s.credentials == listing.listing.Credentials
		if sees && s.filter.Matches(c) && (!looked || first.Before(began)) {
			looked, began = true, first
		}
	}
	return looked, began
}

// stillSeen reports whether a listing has the connection with the same types, and is
// not outdated by another listing with the connection.
func stillSeen(c *datadog.Connection, inputs []input) bool {
	var sightings []sighting[datadog.Connection]
	for _, in := range inputs {
		if in.listing == nil {
			continue
		}
		if n, found := search(in.listing.Connections, c.ID); found {
			sightings = append(sightings, sighting[datadog.Connection]{&in.listing.Connections[n], intervalOf(in.listing)})
		}
	}
	var began time.Time
	for _, s := range sightings {
		if s.began.After(began) {
			began = s.began
		}
	}
	return slices.ContainsFunc(sightings, func(s sighting[datadog.Connection]) bool {
		return !s.ended.Before(began) && slices.Equal(s.value.Types, c.Types)
	})
}

// markSeen notes when and by whom the listing's connections were seen.
func (h *history) markSeen(listing input) {
	all := h.connections
	ended := intervalOf(listing.listing).ended
	for i := range listing.listing.Connections {
		c := &listing.listing.Connections[i]
		for len(all) > 0 && all[0].ID < c.ID {
			all = all[1:]
		}
		if len(all) == 0 {
			return
		}
		if r := &all[0]; r.ID == c.ID {
			if ended.After(r.seen) {
				r.seen = ended
			}
			if listing.orgID == "" {
				r.credentials = listing.listing.Credentials
			}
		}
	}
}

// removed forgets the connections that are gone from the snapshot, and returns them, as
// soon as two listings prove each. The first one is noted.
func (h *history) removed(inputs []input, snapshot *Snapshot) []Change {
	var changes []Change
	shown := snapshot.Connections
	kept := h.connections[:0]
	for i := range h.connections {
		r := h.connections[i]
		for len(shown) > 0 && shown[0].ID < r.ID {
			shown = shown[1:]
		}
		if len(shown) > 0 && shown[0].ID == r.ID {
			kept = append(kept, r)
			continue
		}
		if r.prove(inputs) {
			changes = append(changes, newChange(Removed, r.Connection, r.missing.at))
			continue
		}
		kept = append(kept, r)
	}
	clear(h.connections[len(kept):])
	h.connections = kept
	return changes
}

// prove notes the first listing that proves the connection removed, and reports whether
// there is a second.
func (r *remembered) prove(inputs []input) (confirmed bool) {
	for _, in := range inputs {
		if in.listing == nil || !in.listing.Complete || !in.listing.Began.After(r.seen) || !r.visibleTo(in) {
			continue
		}
		if _, found := search(in.listing.Connections, r.ID); found {
			continue
		}
		switch {
		case r.missing == nil:
			r.missing = &missing{in.listing, intervalOf(in.listing).ended}
		case r.missing.listing != in.listing:
			return true
		}
	}
	return false
}

// visibleTo reports whether a complete listing with these credentials and this filter
// would have the connection.
func (r *remembered) visibleTo(in input) bool {
	lists := in.orgID != "" && (in.orgID == r.SourceID || in.orgID == r.SinkID) || r.credentials == in.listing.Credentials && r.credentials != ""
	return lists && in.listing.Filter.Matches(r.Connection)
}
