package inventory

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/go-kit/log/level"

	"datadog_org_connections_exporter/datadog"
)

// Storage keeps what an inventory remembers over restarts.
type Storage interface {
	// Write makes an update durable: all of it, or nothing and an error.
	Write(Update) error
}

// State is what an inventory remembers. It has no secrets and no personal data.
type State struct {
	Memory
	// Connections are all that were seen and are not known to be removed, by id.
	Connections map[string]*Remembered
	// Listings are the last good ones of the orgs, by their configured name.
	Listings map[string]*StoredListing
	// Changes in the order in which they were found.
	Changes []Change
}

// Memory is the part of the state that does not grow with the connections.
type Memory struct {
	// Start is since when changes are remembered without a gap, zero before: the first
	// complete inventory.
	Start time.Time
	// Looks are what was listed completely before.
	Looks []Look
	// Names are the last known names of orgs, by id.
	Names map[string]string
	// Totals counts all changes since the memory began.
	Totals map[ChangeKind]uint64
}

// Look is a part of the account that was listed completely.
type Look struct {
	OrgID       string // of the org that was listed, empty where not certain
	Credentials string // where the org is not certain: see [datadog.Listing]
	Filter      datadog.Filter
	Ended       time.Time // the first such listing
}

// Remembered is a connection that was seen.
type Remembered struct {
	Connection datadog.Connection
	// Seen is when a listing with it ended: the last one, where none of the
	// [State]'s listings has it.
	Seen time.Time
	// Credentials of the last listing with it whose org was not certain.
	Credentials string
	// Missing is when the first complete listing without it ended, zero without one.
	Missing time.Time
}

// StoredListing is a listing whose connections are in [State.Connections].
type StoredListing struct {
	Listing datadog.Listing // without its connections
	// OrgID is the org whose credentials made it, empty where not certain.
	OrgID string
	// Connections has the ids of its connections. In an [Update] it has those that it
	// gained, and as false those that it lost, since the org's listing before.
	Connections map[string]bool
	// First is true in an [Update] where there was no listing before: one that is
	// stored all the same is of no use.
	First bool
}

// Update is what is new in a state.
type Update struct {
	Memory *Memory // nil where it is as before
	// Connections that are new or different, by id. Those to be forgotten are nil.
	Connections map[string]*Remembered
	// Listings that are new, by org. Those of orgs no longer configured are nil.
	Listings map[string]*StoredListing
	// Changes that were found.
	Changes []Change
	// Expired is the time before which changes that were found are forgotten.
	Expired time.Time
}

func newUpdate() Update {
	return Update{Connections: map[string]*Remembered{}, Listings: map[string]*StoredListing{}}
}

// remember adds a connection that is new or different, unless nothing is stored.
func (u *Update) remember(r *remembered) {
	if u.Connections != nil {
		u.Connections[r.ID] = &Remembered{Connection: *r.Connection, Seen: r.seen, Credentials: r.credentials, Missing: r.missing}
	}
}

// forget adds a connection that is to be forgotten, unless nothing is stored.
func (u *Update) forget(id string) {
	if u.Connections != nil {
		u.Connections[id] = nil
	}
}

func (u *Update) isEmpty() bool {
	return u.Memory == nil && len(u.Connections)+len(u.Listings)+len(u.Changes) == 0
}

// add adds a later update.
func (u *Update) add(later Update) {
	if later.Memory != nil {
		u.Memory = later.Memory
	}
	maps.Copy(u.Connections, later.Connections)
	for org, l := range later.Listings {
		if earlier := u.Listings[org]; earlier != nil && l != nil && !l.First {
			maps.Copy(earlier.Connections, l.Connections)
			l.Connections, l.First = earlier.Connections, earlier.First
		}
		u.Listings[org] = l
	}
	u.Changes = append(u.Changes, later.Changes...)
	if later.Expired.After(u.Expired) {
		u.Expired = later.Expired
	}
}

// writer writes updates to the storage, one at a time. Those that come meanwhile, or
// that could not be written, go with the next one.
type writer struct {
	storage Storage
	wake    chan struct{}

	mu       sync.Mutex
	pending  *Update // nil if all is written
	failures uint64
	failing  bool
}

// add puts an update in the queue. Without a storage it does nothing.
func (w *writer) add(u Update) {
	if w.storage == nil || u.isEmpty() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pending == nil {
		w.pending = &u
	} else {
		w.pending.add(u)
	}
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// failed returns how often an update could not be written.
func (w *writer) failed() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failures
}

// write writes what is pending. first reports whether it is the first failure in a row,
// or the first success after one.
func (w *writer) write() (first bool, err error) {
	w.mu.Lock()
	u := w.pending
	w.pending = nil
	w.mu.Unlock()
	if u == nil {
		return false, nil
	}
	err = w.storage.Write(*u)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		if w.pending != nil {
			u.add(*w.pending)
		}
		w.pending = u
		w.failures++
	}
	first = w.failing != (err != nil)
	w.failing = err != nil
	return first, err
}

// Store writes what is remembered to the storage whenever it has changed, until the
// inventory's context ends. It returns at once without a storage.
func (inv *Inventory) Store() {
	if inv.writer.storage == nil {
		return
	}
	for stopped := false; !stopped; {
		select {
		case <-inv.writer.wake:
		case <-inv.ctx.Done():
			stopped = true
		}
		first, err := inv.writer.write()
		switch {
		case err != nil && first:
			level.Error(inv.logger).Log("msg", "What is remembered cannot be written, and is lost at the next restart; each listing tries again", "err", err)
		case first:
			level.Info(inv.logger).Log("msg", "What is remembered can be written again")
		}
	}
}

// restore sets an org's last good listing and identity from the state, if it is that
// of the org.
func (o *org) restore(s *State) {
	if s == nil {
		return
	}
	stored := s.Listings[o.name]
	delete(s.Listings, o.name) // it is used once
	if stored == nil || o.statedID != "" && stored.OrgID != "" && o.statedID != stored.OrgID {
		return
	}
	listing := stored.Listing
	for id := range stored.Connections {
		if r := s.Connections[id]; r != nil {
			listing.Connections = append(listing.Connections, r.Connection)
		}
	}
	slices.SortFunc(listing.Connections, compareIDs)
	listing.NotBefore = time.Time{}
	o.listing, o.restored, o.inferredID = &listing, true, stored.OrgID
}

// restoreHistory returns the history of a state.
func restoreHistory(s *State, now time.Time) history {
	h := newHistory()
	h.start = s.Start
	for _, l := range s.Looks {
		h.looked[scope{l.OrgID, l.Credentials, l.Filter}] = l.Ended
	}
	maps.Copy(h.names, s.Names)
	maps.Copy(h.totals, s.Totals)
	h.changes = slices.Clone(s.Changes)
	h.view = &History{Start: h.start, Changes: h.changes, Totals: maps.Clone(h.totals)}
	seen := map[string]time.Time{}
	for _, l := range s.Listings {
		ended := intervalOf(&l.Listing).ended
		for id := range l.Connections {
			if ended.After(seen[id]) {
				seen[id] = ended
			}
		}
	}
	for id, stored := range s.Connections {
		r := remembered{Connection: &stored.Connection, seen: stored.Seen, credentials: stored.Credentials, missing: stored.Missing}
		if seen[id].After(r.seen) {
			r.seen = seen[id]
		}
		if r.seen.After(now) {
			r.seen = now // the clock was set back
		}
		h.connections = append(h.connections, r)
	}
	slices.SortFunc(h.connections, func(a, b remembered) int { return compareIDs(*a.Connection, *b.Connection) })
	return h
}
