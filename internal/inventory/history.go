package inventory

import (
	"cmp"
	"maps"
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
	view        *History
	connections []remembered        // sorted by id
	looked      map[scope]time.Time // when each was first listed completely
	names       map[string]string   // of all orgs that ever had one, by id
	// start is when every configured org had been listed completely for the first time,
	// zero before. Until then nothing is discovered.
	start   time.Time
	changes []Change // in the order in which they were found, none too old
	totals  map[ChangeKind]uint64
}

func newHistory() history {
	h := history{looked: map[scope]time.Time{}, names: map[string]string{}, totals: map[ChangeKind]uint64{}, view: &History{Totals: map[ChangeKind]uint64{}}}
	for _, kind := range ChangeKinds() {
		h.totals[kind], h.view.Totals[kind] = 0, 0
	}
	return h
}

// History is what has changed since the memory began. It is immutable.
type History struct {
	// Start is since when changes are remembered without a gap, zero before: the first
	// complete inventory.
	Start time.Time
	// Changes in the order in which they were found. Those older than
	// [Options.Retention] are forgotten.
	Changes []Change
	// Totals counts all changes, forgotten ones too. It has all of [ChangeKinds].
	Totals map[ChangeKind]uint64
}

// forOrg returns the history as far as the org of that configured name and id, which may
// be empty, takes part in it.
func (h *History) forOrg(name, id string) *History {
	of := History{Start: h.Start, Totals: map[ChangeKind]uint64{}}
	for kind := range h.Totals {
		of.Totals[kind] = 0
	}
	for _, c := range h.Changes {
		if c.Org == name || id != "" && (c.Connection.SourceID == id || c.Connection.SinkID == id) {
			of.Changes = append(of.Changes, c)
			of.Totals[c.Kind]++
		}
	}
	return &of
}

// remembered is a connection that was seen and is not known to be removed.
type remembered struct {
	*datadog.Connection           // as of the last change
	shown               bool      // it was in the last snapshot
	seen                time.Time // when the last listing with it ended
	// credentials of the last listing with it that was not known to be of one of its
	// ends, empty without one.
	credentials string
	missing     *Missing // since a listing lacked it, nil as long as none did
}

func (r *remembered) stored() *Remembered {
	return &Remembered{Connection: *r.Connection, Seen: r.seen, Credentials: r.credentials, Missing: r.missing}
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

// observation is a new listing, and what is known with it.
type observation struct {
	org      string // the configured name
	listing  input
	previous *datadog.Listing // of the same org, or nil
	all      []input          // the listing's and those of the other orgs
	snapshot *Snapshot        // merged from them
	complete bool             // every org has been listed completely
}

func (o *observation) found() time.Time { return intervalOf(o.listing.listing).ended }

// observe remembers what a new listing shows. It returns what has changed in the
// account, and what to write down.
func (h *history) observe(o observation) ([]Change, []Rename, Update) {
	u := newUpdate()
	renames := h.rename(o.snapshot)
	before := h.memorySize()
	changes := h.compare(&o, u)
	h.markSeen(o.listing, u)
	changes = append(changes, h.removed(&o, u)...)
	if o.listing.listing.Complete {
		for _, s := range scopesOf(o.listing) {
			if _, ok := h.looked[s]; !ok {
				h.looked[s] = o.listing.listing.Began
			}
		}
	}
	if o.complete && h.start.IsZero() {
		h.start = o.found()
	}
	for i := range changes {
		c := &changes[i]
		c.Org, c.Found = o.org, o.found()
		c.SourceName = cmp.Or(h.names[c.Connection.SourceID], c.Connection.SourceID)
		c.SinkName = cmp.Or(h.names[c.Connection.SinkID], c.Connection.SinkID)
		h.totals[c.Kind]++
	}
	h.changes = append(h.changes, changes...)
	if len(changes)+len(renames) > 0 || before != h.memorySize() {
		u.Memory = h.memory()
		h.view = &History{Start: h.start, Changes: h.changes, Totals: u.Memory.Totals}
	}
	u.Changes = changes
	u.Listings[o.org] = storedListing(o.listing, o.previous)
	return changes, renames, u
}

// memorySize is different after something was added to what [history.memory] returns.
// Renames and changes do not count.
func (h *history) memorySize() [3]int {
	start := 0
	if !h.start.IsZero() {
		start = 1
	}
	return [3]int{len(h.looked), len(h.names), start}
}

func (h *history) memory() *Memory {
	m := Memory{Start: h.start, Names: maps.Clone(h.names), Totals: maps.Clone(h.totals)}
	for s, began := range h.looked {
		m.Looks = append(m.Looks, Look{s.orgID, s.credentials, s.filter, began})
	}
	return &m
}

// maxChanges bounds the changes that are remembered, whatever the API does.
const maxChanges = 100_000

// forget forgets the changes that were found before a time, and the oldest ones of more
// than maxChanges. It returns the time before which changes are forgotten.
func (h *history) forget(expired time.Time) time.Time {
	n := max(0, len(h.changes)-maxChanges)
	for n < len(h.changes) && h.changes[n].Found.Before(expired) {
		n++
	}
	if n > 0 {
		expired = latestOf(expired, h.changes[n-1].Found.Add(1))
		h.changes = h.changes[n:]
		h.view = &History{Start: h.start, Changes: h.changes, Totals: h.view.Totals}
	}
	return expired
}

func latestOf(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// storedListing returns the listing for the storage, with the connections that it
// gained and lost since the one before.
func storedListing(in input, previous *datadog.Listing) *StoredListing {
	stored := &StoredListing{Listing: *in.listing, OrgID: in.orgID, Connections: map[string]bool{}, First: previous == nil}
	stored.Listing.Connections = nil
	var old []datadog.Connection
	if previous != nil {
		old = previous.Connections
	}
	current := in.listing.Connections
	if len(old) > 0 && len(old) == len(current) && &old[0] == &current[0] {
		return stored // the very same
	}
	for len(old) > 0 || len(current) > 0 {
		switch {
		case len(current) == 0 || len(old) > 0 && old[0].ID < current[0].ID:
			stored.Connections[old[0].ID] = false
			old = old[1:]
		case len(old) == 0 || current[0].ID < old[0].ID:
			stored.Connections[current[0].ID] = true
			current = current[1:]
		default:
			old, current = old[1:], current[1:]
		}
	}
	return stored
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
func (h *history) compare(o *observation, u Update) []Change {
	var changes []Change
	all := make([]remembered, 0, max(len(h.connections), len(o.snapshot.Connections)))
	old := h.connections
	for i := range o.snapshot.Connections {
		c := &o.snapshot.Connections[i]
		for len(old) > 0 && old[0].ID < c.ID {
			all, old = append(all, old[0]), old[1:]
		}
		r := remembered{Connection: c, shown: true}
		if len(old) == 0 || old[0].ID != c.ID {
			if change, ok := h.firstSeen(c, o); ok {
				changes = append(changes, change)
			}
			u.Connections[c.ID] = r.stored()
		} else {
			r, old = old[0], old[1:]
			differs := r.Connection != c && !sameConnection(*r.Connection, *c)
			if !differs || slices.Equal(r.Types, c.Types) || !stillSeen(r.Connection, o.all) {
				changes = append(changes, typeChanges(r.Connection, c, o.found())...)
				r.Connection = c
			} else {
				differs = false
			}
			if differs || r.missing != nil {
				r.missing = nil
				u.Connections[c.ID] = r.stored()
			}
			r.shown = true
		}
		all = append(all, r)
	}
	h.connections = append(all, old...)
	return changes
}

// firstSeen returns the change that a connection is which was never seen before; ok is
// false where that is none.
func (h *history) firstSeen(c *datadog.Connection, o *observation) (change Change, ok bool) {
	looked, began := h.lookedBefore(c, o.listing)
	found := o.found()
	switch {
	case looked && c.CreatedAt.IsZero():
		return newChange(Added, c, found), true
	case looked && CreatedSince(c, began):
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
func (h *history) markSeen(listing input, u Update) {
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
			if listing.orgID == "" && r.credentials != listing.listing.Credentials {
				r.credentials = listing.listing.Credentials
				u.Connections[r.ID] = r.stored()
			}
		}
	}
}

// removed forgets the connections that are gone from the snapshot, and returns them, as
// soon as two listings prove each. The first one is noted.
func (h *history) removed(o *observation, u Update) []Change {
	var changes []Change
	shown := o.snapshot.Connections
	kept := h.connections[:0]
	for i := range h.connections {
		r := h.connections[i]
		for len(shown) > 0 && shown[0].ID < r.ID {
			shown = shown[1:]
		}
		if len(shown) == 0 || shown[0].ID != r.ID {
			noted := r.missing
			if r.prove(o.all) {
				changes = append(changes, newChange(Removed, r.Connection, r.missing.Ended))
				u.Connections[r.ID] = nil
				continue
			}
			if r.shown || r.missing != noted {
				u.Connections[r.ID] = r.stored()
			}
			r.shown = false
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
		proof := Missing{in.listing.Credentials, in.listing.Began, intervalOf(in.listing).ended}
		switch {
		case r.missing == nil:
			r.missing = &proof
		case r.missing.Credentials != proof.Credentials || !r.missing.Began.Equal(proof.Began):
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
