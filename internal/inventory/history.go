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
//   - Removed: a complete listing that would have it lacks it, begun after it was last
//     seen, and a second such listing confirms that.
//   - Widened, narrowed: it has other types in a listing that began after it was last seen
//     with the types that it is known with.
//
// Each listing counts once, when it ends. What a snapshot shows is no evidence: an old
// listing may be believed again because the one that disproved it is gone, as when an org
// is no longer configured or has other keys.
type history struct {
	view        *History
	connections []remembered         // sorted by id
	looked      map[scope]time.Time  // when each was first listed completely
	names       map[string]string    // of all orgs that ever had one, by id
	named       map[string]time.Time // when the last listing with each of the names ended
	// start is when every configured org had been listed completely for the first time,
	// zero before. Until then nothing is discovered.
	start   time.Time
	changes []Change // in the order in which they were found, none too old
	totals  map[ChangeKind]uint64
}

func newHistory() history {
	h := history{looked: map[scope]time.Time{}, names: map[string]string{}, named: map[string]time.Time{}, totals: map[ChangeKind]uint64{}, view: &History{Totals: map[ChangeKind]uint64{}}}
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
	seen                time.Time // when the last listing with it, and with its types, ended
	// credentials of the last listing with it that was not known to be of one of its
	// ends, empty without one.
	credentials string
	missing     time.Time // when the first complete listing without it ended, zero without one
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
	previous *datadog.Listing       // of the same org, or nil
	orgName  func(id string) string // the name that a snapshot has, or the id
	isStored bool                   // what is remembered is to be written down
	complete bool                   // every org has been listed completely
}

func (o *observation) found() time.Time { return intervalOf(o.listing.listing).ended }

// observe remembers what a new listing shows. It returns what has changed in the
// account, and what to write down.
func (h *history) observe(o observation) ([]Change, []Rename, Update) {
	var u Update
	if o.isStored {
		u = newUpdate()
		u.Listings[o.org] = storedListing(o.listing, o.previous)
	}
	renames := h.rename(o.listing.listing)
	before := h.memorySize()
	changes := h.compare(&o, &u)
	changes = append(changes, h.removed(&o, &u)...)
	if o.listing.listing.Complete {
		for _, s := range scopesOf(o.listing) {
			if _, ok := h.looked[s]; !ok {
				h.looked[s] = o.found()
			}
		}
	}
	if o.complete && h.start.IsZero() {
		h.start = o.found()
	}
	for i := range changes {
		c := &changes[i]
		c.Org, c.Found = o.org, o.found()
		c.SourceName = cmp.Or(h.names[c.Connection.SourceID], o.orgName(c.Connection.SourceID))
		c.SinkName = cmp.Or(h.names[c.Connection.SinkID], o.orgName(c.Connection.SinkID))
		h.totals[c.Kind]++
	}
	h.changes = append(h.changes, changes...)
	if len(changes)+len(renames) > 0 || before != h.memorySize() {
		u.Memory = h.memory()
		h.view = &History{Start: h.start, Changes: h.changes, Totals: u.Memory.Totals}
	}
	u.Changes = changes
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
	for s, ended := range h.looked {
		m.Looks = append(m.Looks, Look{s.orgID, s.credentials, s.filter, ended})
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

// rename remembers the names of the listing, and returns those that are other than
// before.
func (h *history) rename(l *datadog.Listing) []Rename {
	var renames []Rename
	at := intervalOf(l)
	for i := range l.Orgs {
		o := &l.Orgs[i]
		before := h.names[o.ID]
		switch {
		case o.Name == "", o.Name != before && !at.began.After(h.named[o.ID]):
			continue // unknown, or it cannot be told which of the names is newer
		case before != "" && o.Name != before:
			renames = append(renames, Rename{o.ID, before, o.Name})
		}
		h.names[o.ID], h.named[o.ID] = o.Name, latestOf(h.named[o.ID], at.ended)
	}
	return renames
}

// compare remembers the connections of the listing, and returns those that are new or
// have other types.
func (h *history) compare(o *observation, u *Update) []Change {
	var changes []Change
	var added []remembered
	at, old := intervalOf(o.listing.listing), h.connections
	for i := range o.listing.listing.Connections {
		c := &o.listing.listing.Connections[i]
		for len(old) > 0 && old[0].ID < c.ID {
			old = old[1:]
		}
		var r *remembered
		isNew := len(old) == 0 || old[0].ID != c.ID
		if isNew {
			if h.removedSince(c.ID, at.began) {
				continue // the listing has what was there before that
			}
			if change, ok := h.firstSeen(c, o); ok {
				changes = append(changes, change)
			}
			added = append(added, remembered{Connection: c})
			r = &added[len(added)-1]
		} else {
			r = &old[0]
		}
		before := *r
		changes = append(changes, r.see(c, o.listing)...)
		if isNew || r.differs(&before) {
			u.remember(r)
		}
	}
	if len(added) > 0 {
		h.connections = append(slices.Clone(h.connections), added...)
		slices.SortFunc(h.connections, func(a, b remembered) int { return cmp.Compare(a.ID, b.ID) })
	}
	return changes
}

// see remembers what a listing has of the connection, and returns how its types changed.
func (r *remembered) see(c *datadog.Connection, in input) (changes []Change) {
	at := intervalOf(in.listing)
	if slices.Equal(r.Types, c.Types) || at.began.After(r.seen) {
		changes = typeChanges(r.Connection, c, at.ended)
		r.Connection, r.seen = withKnown(c, r.Connection), latestOf(r.seen, at.ended)
	}
	r.missing = time.Time{}
	if in.orgID == "" {
		r.credentials = in.listing.Credentials
	}
	return changes
}

// withKnown returns c with what it does not tell, but was known before: one end of a
// connection may tell more of it than the other.
func withKnown(c, before *datadog.Connection) *datadog.Connection {
	if c.SourceID != "" && c.SinkID != "" && !c.CreatedAt.IsZero() && c.Creator.ID != "" && knownKind(c) != "" && c.Creator.Disabled.IsKnown() {
		return c
	}
	merged := *c
	merged.SourceID = cmp.Or(c.SourceID, before.SourceID)
	merged.SinkID = cmp.Or(c.SinkID, before.SinkID)
	if c.CreatedAt.IsZero() {
		merged.CreatedAt = before.CreatedAt
	}
	merged.Creator.ID = cmp.Or(c.Creator.ID, before.Creator.ID)
	merged.Creator.Kind = cmp.Or(knownKind(c), before.Creator.Kind)
	merged.Creator.Disabled = cmp.Or(c.Creator.Disabled, before.Creator.Disabled)
	switch {
	case sameConnection(merged, *c):
		return c
	case sameConnection(merged, *before):
		return before
	}
	return &merged
}

// differs reports whether another state is to be stored than before, apart from when the
// connection was seen: that is stored with the listings that have it.
func (r *remembered) differs(before *remembered) bool {
	return r.Connection != before.Connection && !sameConnection(*r.Connection, *before.Connection) ||
		r.credentials != before.credentials || !r.missing.Equal(before.missing)
}

// removedSince reports whether the connection was found to be removed at that time or
// later.
func (h *history) removedSince(id string, t time.Time) bool {
	for i := len(h.changes) - 1; i >= 0 && !h.changes[i].Found.Before(t); i-- {
		if h.changes[i].Kind == Removed && h.changes[i].Connection.ID == id {
			return true
		}
	}
	return false
}

// firstSeen returns the change that a connection is which was never seen before; ok is
// false where that is none.
func (h *history) firstSeen(c *datadog.Connection, o *observation) (change Change, ok bool) {
	if !h.isNew(c, o.listing) {
		return newChange(Discovered, c, o.found()), !h.start.IsZero()
	}
	at := c.CreatedAt
	if at.IsZero() || at.After(o.found()) {
		at = o.found()
	}
	return newChange(Added, c, at), true
}

// isNew reports whether a connection that was never seen before this listing was created
// after a complete listing that would have had it. The creation time tells. Where the
// listing before ended before this one began, it may be unknown, or earlier by what the
// clocks differ.
func (h *history) isNew(c *datadog.Connection, listing input) bool {
	for s, looked := range h.looked {
		sees := s.orgID != "" && (s.orgID == c.SourceID || s.orgID == c.SinkID) || s.orgID == "" && s.credentials == listing.listing.Credentials
		if !sees || !s.filter.Matches(c) {
			continue
		}
		before := !looked.After(listing.listing.Began)
		if c.CreatedAt.After(looked) || before && CreatedSince(c, looked) {
			return true
		}
	}
	return false
}

// removed forgets the connections that are gone, and returns them, as soon as two listings
// prove each. The first one is noted.
func (h *history) removed(o *observation, u *Update) []Change {
	var changes []Change
	listed, previous := o.listing.listing.Connections, []datadog.Connection(nil)
	if o.previous != nil {
		previous = o.previous.Connections
	}
	kept := h.connections[:0]
	for _, r := range h.connections {
		listed, previous = from(listed, r.ID), from(previous, r.ID)
		if !startsWith(listed, r.ID) {
			switch proved := r.missedBy(o.listing); {
			case proved && !r.missing.IsZero():
				changes = append(changes, newChange(Removed, r.Connection, r.missing))
				u.forget(r.ID)
				continue
			case proved:
				r.missing = o.found()
				u.remember(&r)
			case startsWith(previous, r.ID):
				u.remember(&r) // when it was seen is no longer stored with the listing
			}
		}
		kept = append(kept, r)
	}
	clear(h.connections[len(kept):])
	h.connections = kept
	return changes
}

func startsWith(connections []datadog.Connection, id string) bool {
	return len(connections) > 0 && connections[0].ID == id
}

// from returns the connections, which are sorted by id, from an id on.
func from(sorted []datadog.Connection, id string) []datadog.Connection {
	for len(sorted) > 0 && sorted[0].ID < id {
		sorted = sorted[1:]
	}
	return sorted
}

// missedBy reports whether a listing that lacks the connection proves it removed: it is
// complete, began after the connection was last seen, and would have it.
func (r *remembered) missedBy(in input) bool {
	return in.listing.Complete && in.listing.Began.After(r.seen) && r.visibleTo(in)
}

// visibleTo reports whether a complete listing with these credentials and this filter
// would have the connection.
func (r *remembered) visibleTo(in input) bool {
	lists := in.orgID != "" && (in.orgID == r.SourceID || in.orgID == r.SinkID) || r.credentials == in.listing.Credentials && r.credentials != ""
	return lists && in.listing.Filter.Matches(r.Connection)
}
