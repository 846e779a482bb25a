package storage

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
)

// storedUpdate is the JSON of an [inventory.Update]. It is a contract with later versions:
// names keep their meaning. Orgs and names are those that differ from what is stored.
type storedUpdate struct {
	Memory      *storedMemory             `json:"memory,omitzero"`
	Connections []storedRemembered        `json:"connections,omitempty"`
	Forgotten   []string                  `json:"forgotten,omitempty"`
	Listings    map[string]*storedListing `json:"listings,omitempty"` // null where the org is gone
	Changes     []storedChange            `json:"changes,omitempty"`
	Expired     time.Time                 `json:"expired,omitzero"`
}

type storedMemory struct {
	Start  time.Time                       `json:"start,omitzero"`
	Looks  []storedLook                    `json:"looks,omitempty"`
	Totals map[inventory.ChangeKind]uint64 `json:"totals,omitempty"`
	Names  map[string]string               `json:"names,omitempty"`
	Gone   []string                        `json:"gone,omitempty"` // names
}

type storedLook struct {
	OrgID       string       `json:"org_id,omitzero"`
	Credentials string       `json:"credentials,omitzero"`
	Filter      storedFilter `json:"filter,omitzero"`
	Ended       time.Time    `json:"ended,omitzero"`
}

type storedFilter struct {
	SourceOrgID string `json:"source_org_id,omitzero"`
	SinkOrgID   string `json:"sink_org_id,omitzero"`
}

type storedConnection struct {
	ID        string              `json:"id"`
	SourceID  string              `json:"source,omitzero"`
	SinkID    string              `json:"sink,omitzero"`
	Types     []string            `json:"types,omitempty"`
	CreatedAt time.Time           `json:"created,omitzero"`
	CreatorID string              `json:"creator,omitzero"`
	Kind      datadog.CreatorKind `json:"kind,omitzero"`
	Disabled  datadog.Ternary     `json:"disabled,omitzero"`
}

type storedRemembered struct {
	storedConnection
	Seen        time.Time `json:"seen,omitzero"`
	Credentials string    `json:"credentials,omitzero"`
	Missing     time.Time `json:"missing,omitzero"`
}

type storedListing struct {
	First       bool         `json:"first,omitzero"`
	OrgID       string       `json:"org_id,omitzero"`
	Complete    bool         `json:"complete,omitzero"`
	Filter      storedFilter `json:"filter,omitzero"`
	Credentials string       `json:"credentials,omitzero"`
	Warnings    []string     `json:"warnings,omitempty"`
	Began       time.Time    `json:"began,omitzero"`
	Nanoseconds int64        `json:"nanoseconds,omitzero"`
	Pages       int          `json:"pages,omitzero"`
	Orgs        []storedOrg  `json:"orgs,omitempty"`
	GoneOrgs    []string     `json:"gone_orgs,omitempty"`
	Listed      []string     `json:"listed,omitempty"`   // ids of connections
	Unlisted    []string     `json:"unlisted,omitempty"` // those that the listing before had
}

type storedOrg struct {
	ID       string          `json:"id"`
	Name     string          `json:"name,omitzero"`
	PublicID string          `json:"public_id,omitzero"`
	Sharing  string          `json:"sharing,omitzero"`
	Disabled datadog.Ternary `json:"disabled,omitzero"`
}

type storedChange struct {
	Kind       inventory.ChangeKind `json:"change"`
	At         time.Time            `json:"at,omitzero"`
	Found      time.Time            `json:"found,omitzero"`
	Org        string               `json:"org,omitzero"`
	Connection storedConnection     `json:"connection"`
	Types      []string             `json:"types,omitempty"`
	SourceName string               `json:"source_name,omitzero"`
	SinkName   string               `json:"sink_name,omitzero"`
}

// written is what is known to be in the file, of what is written only where it differs.
type written struct {
	names map[string]string
	orgs  map[string][]datadog.Org // by the configured name of the listing's org
}

func newWritten(s *inventory.State) written {
	w := written{names: s.Names, orgs: map[string][]datadog.Org{}}
	for name, l := range s.Listings {
		w.orgs[name] = l.Listing.Orgs
	}
	return w
}

// add notes an update that was written.
func (w *written) add(u inventory.Update) {
	if u.Memory != nil {
		w.names = u.Memory.Names
	}
	for name, l := range u.Listings {
		if l == nil {
			delete(w.orgs, name)
		} else {
			w.orgs[name] = l.Listing.Orgs
		}
	}
}

// stored returns the JSON of an update. Lists are sorted, so that they compress well.
func (w *written) stored(u inventory.Update) *storedUpdate {
	s := &storedUpdate{Expired: u.Expired}
	if u.Memory != nil {
		s.Memory = w.storedMemory(u.Memory)
	}
	for _, id := range slices.Sorted(maps.Keys(u.Connections)) {
		if r := u.Connections[id]; r != nil {
			s.Connections = append(s.Connections, newStoredRemembered(r))
		} else {
			s.Forgotten = append(s.Forgotten, id)
		}
	}
	for name, l := range u.Listings {
		if s.Listings == nil {
			s.Listings = map[string]*storedListing{}
		}
		if s.Listings[name] = nil; l != nil {
			s.Listings[name] = newStoredListing(l, w.orgs[name])
		}
	}
	for i := range u.Changes {
		s.Changes = append(s.Changes, newStoredChange(&u.Changes[i]))
	}
	return s
}

func (w *written) storedMemory(m *inventory.Memory) *storedMemory {
	s := &storedMemory{Start: m.Start, Totals: m.Totals, Names: map[string]string{}}
	for _, l := range m.Looks {
		s.Looks = append(s.Looks, storedLook{l.OrgID, l.Credentials, storedFilter(l.Filter), l.Ended})
	}
	for id, name := range m.Names {
		if before, ok := w.names[id]; !ok || before != name {
			s.Names[id] = name
		}
	}
	for id := range w.names {
		if _, ok := m.Names[id]; !ok {
			s.Gone = append(s.Gone, id)
		}
	}
	return s
}

func newStoredConnection(c *datadog.Connection) storedConnection {
	return storedConnection{c.ID, c.SourceID, c.SinkID, c.Types, c.CreatedAt, c.Creator.ID, c.Creator.Kind, c.Creator.Disabled}
}

func newStoredRemembered(r *inventory.Remembered) storedRemembered {
	return storedRemembered{newStoredConnection(&r.Connection), r.Seen, r.Credentials, r.Missing}
}

func newStoredListing(l *inventory.StoredListing, orgs []datadog.Org) *storedListing {
	of := &l.Listing
	s := &storedListing{
		First: l.First, OrgID: l.OrgID, Complete: of.Complete, Filter: storedFilter(of.Filter), Credentials: of.Credentials, Warnings: of.Warnings,
		Began: of.Began, Nanoseconds: int64(of.Duration), Pages: of.Pages,
	}
	for _, id := range slices.Sorted(maps.Keys(l.Connections)) {
		if l.Connections[id] {
			s.Listed = append(s.Listed, id)
		} else {
			s.Unlisted = append(s.Unlisted, id)
		}
	}
	if l.First {
		orgs = nil
	}
	for i := range of.Orgs {
		o := &of.Orgs[i]
		for len(orgs) > 0 && orgs[0].ID < o.ID {
			s.GoneOrgs, orgs = append(s.GoneOrgs, orgs[0].ID), orgs[1:]
		}
		if len(orgs) > 0 && orgs[0].ID == o.ID {
			before := orgs[0]
			if orgs = orgs[1:]; before == *o {
				continue
			}
		}
		s.Orgs = append(s.Orgs, storedOrg(*o))
	}
	for _, o := range orgs {
		s.GoneOrgs = append(s.GoneOrgs, o.ID)
	}
	return s
}

func newStoredChange(c *inventory.Change) storedChange {
	return storedChange{c.Kind, c.At, c.Found, c.Org, newStoredConnection(&c.Connection), c.Types, c.SourceName, c.SinkName}
}

// loader adds updates up to a state. Equal strings share their memory.
type loader struct {
	state   inventory.State
	strings map[string]string
	orgs    map[string]map[string]datadog.Org // of each listing, by id
}

func newLoader() *loader {
	return &loader{
		state: inventory.State{
			Memory:      inventory.Memory{Names: map[string]string{}},
			Connections: map[string]*inventory.Remembered{},
			Listings:    map[string]*inventory.StoredListing{},
		},
		strings: map[string]string{},
		orgs:    map[string]map[string]datadog.Org{},
	}
}

func (l *loader) share(text string) string {
	if shared, ok := l.strings[text]; ok {
		return shared
	}
	l.strings[text] = text
	return text
}

// add adds an update to the state.
func (l *loader) add(u *storedUpdate) {
	if u.Memory != nil {
		l.addMemory(u.Memory)
	}
	if len(l.state.Connections) == 0 {
		l.state.Connections = make(map[string]*inventory.Remembered, len(u.Connections))
	}
	all := make([]inventory.Remembered, len(u.Connections))
	for i := range u.Connections {
		r, remembered := &u.Connections[i], &all[i]
		*remembered = inventory.Remembered{Connection: l.connection(&r.storedConnection), Seen: r.Seen.UTC(), Credentials: l.share(r.Credentials), Missing: r.Missing.UTC()}
		l.state.Connections[remembered.Connection.ID] = remembered
	}
	for _, id := range u.Forgotten {
		delete(l.state.Connections, id)
	}
	for name, listing := range u.Listings {
		if listing == nil {
			delete(l.state.Listings, name)
			delete(l.orgs, name)
		} else {
			l.addListing(name, listing)
		}
	}
	for i := range u.Changes {
		c := &u.Changes[i]
		l.state.Changes = append(l.state.Changes, inventory.Change{
			Kind: c.Kind, At: c.At.UTC(), Found: c.Found.UTC(), Org: l.share(c.Org), Connection: l.connection(&c.Connection), Types: l.shareAll(c.Types),
			SourceName: l.share(c.SourceName), SinkName: l.share(c.SinkName),
		})
	}
	n := 0
	for n < len(l.state.Changes) && l.state.Changes[n].Found.Before(u.Expired) {
		n++
	}
	if l.state.Changes = l.state.Changes[n:]; len(l.state.Changes) == 0 {
		l.state.Changes = nil
	}
}

func (l *loader) addMemory(m *storedMemory) {
	to := &l.state.Memory
	to.Start, to.Totals, to.Looks = m.Start.UTC(), m.Totals, nil
	for _, look := range m.Looks {
		to.Looks = append(to.Looks, inventory.Look{OrgID: look.OrgID, Credentials: look.Credentials, Filter: datadog.Filter(look.Filter), Ended: look.Ended.UTC()})
	}
	for _, id := range m.Gone {
		delete(to.Names, id)
	}
	if len(to.Names) == 0 {
		to.Names = make(map[string]string, len(m.Names))
	}
	for id, name := range m.Names {
		to.Names[l.share(id)] = l.share(name)
	}
}

func (l *loader) addListing(name string, s *storedListing) {
	listing := &inventory.StoredListing{OrgID: s.OrgID, Listing: datadog.Listing{
		Complete: s.Complete, Filter: datadog.Filter(s.Filter), Credentials: l.share(s.Credentials), Warnings: s.Warnings,
		Began: s.Began.UTC(), Duration: time.Duration(s.Nanoseconds), Pages: s.Pages,
	}}
	if before := l.state.Listings[name]; before != nil && !s.First {
		listing.Connections = before.Connections
	} else {
		listing.Connections = make(map[string]bool, len(s.Listed))
		l.orgs[name] = make(map[string]datadog.Org, len(s.Orgs))
	}
	for _, id := range s.Listed {
		listing.Connections[id] = true
	}
	for _, id := range s.Unlisted {
		delete(listing.Connections, id)
	}
	for _, id := range s.GoneOrgs {
		delete(l.orgs[name], id)
	}
	for _, o := range s.Orgs {
		o.ID, o.Name = l.share(o.ID), l.share(o.Name)
		l.orgs[name][o.ID] = datadog.Org(o)
	}
	l.state.Listings[name] = listing
}

func (l *loader) connection(c *storedConnection) datadog.Connection {
	return datadog.Connection{
		ID: c.ID, SourceID: l.share(c.SourceID), SinkID: l.share(c.SinkID), Types: l.shareAll(c.Types), CreatedAt: c.CreatedAt.UTC(),
		Creator: datadog.Creator{ID: l.share(c.CreatorID), Kind: datadog.CreatorKind(l.share(string(c.Kind))), Disabled: c.Disabled},
	}
}

func (l *loader) shareAll(texts []string) []string {
	for i := range texts {
		texts[i] = l.share(texts[i])
	}
	return texts
}

// finish returns the state.
func (l *loader) finish() *inventory.State {
	for name, listing := range l.state.Listings {
		listing.Listing.Orgs = slices.SortedFunc(maps.Values(l.orgs[name]), func(a, b datadog.Org) int { return cmp.Compare(a.ID, b.ID) })
	}
	return &l.state
}

// update returns an update that makes the state anew.
func update(s *inventory.State) inventory.Update {
	u := inventory.Update{Memory: &s.Memory, Connections: s.Connections, Listings: map[string]*inventory.StoredListing{}, Changes: s.Changes}
	for name, l := range s.Listings {
		first := *l
		first.First = true
		u.Listings[name] = &first
	}
	return u
}
