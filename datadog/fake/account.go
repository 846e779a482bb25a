package fake

import (
	"fmt"
	"slices"
	"time"
)

// Org is one org of the account. The server generates values for empty fields that the API always sends.
type Org struct {
	ID         string // UUID
	Name       string
	PublicID   string
	Sharing    string // default "all_private"
	Disabled   bool
	CreatedAt  time.Time
	ModifiedAt time.Time // zero: never modified, null in the answer

	// NotIncluded leaves the org out of "included", so that only relationships name it. Default false.
	NotIncluded bool
}

// User is a person or a service account. The server generates values for empty fields that the API always sends.
type User struct {
	ID             string // UUID
	Name           string
	Handle         string // default Email
	Email          string
	ServiceAccount bool
	Disabled       bool
	CreatedAt      time.Time
	ModifiedAt     time.Time // default CreatedAt

	// NotIncluded leaves the user out of "included", so that only relationships name it. Default false.
	NotIncluded bool
}

// Connection shares telemetry of the source org with the sink org.
type Connection struct {
	ID        string    // UUID; generated when empty
	SourceID  string    // an org added before
	SinkID    string    // an org added before
	Types     []string  // nil: logs; empty: a connection without types
	CreatorID string    // a user added before; default a service account, the same for all
	CreatedAt time.Time // generated when zero
	Quirks    Quirks    // default none
}

// AddOrg adds an org and returns its id.
func (s *Server) AddOrg(o Org) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.generator.completeOrg(&o)
	s.orgs.add(o.ID, o)
	keys := keysOf(o.ID)
	s.owners[Keys{API: keys.API, App: keys.App}] = o.ID
	s.owners[Keys{Token: keys.Token}] = o.ID
	return o.ID
}

// AddUser adds a user and returns its id.
func (s *Server) AddUser(u User) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addUser(u)
}

func (s *Server) addUser(u User) string {
	s.generator.completeUser(&u)
	s.users.add(u.ID, u)
	return u.ID
}

// AddConnection adds a connection at the end of the listing and returns its id. Unlike the API it accepts a second
// connection of the same source and sink.
func (s *Server) AddConnection(c Connection) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.orgs.get(c.SourceID)
	s.orgs.get(c.SinkID)
	if c.CreatorID == "" {
		c.CreatorID = s.defaultCreator()
	}
	s.users.get(c.CreatorID)
	c.Types = slices.Clone(c.Types)
	s.generator.completeConnection(&c)
	s.connections.add(c.ID, c)
	return c.ID
}

// defaultCreator returns the service account of connections without a CreatorID, and adds it when it is first used.
func (s *Server) defaultCreator() string {
	const id = "00000000-0000-4000-8000-000000000001"
	if s.users.byID[id] == nil {
		s.addUser(User{ID: id, Name: "terraform", ServiceAccount: true})
	}
	return id
}

// Orgs returns the account's orgs, oldest first.
func (s *Server) Orgs() []Org {
	s.mu.Lock()
	defer s.mu.Unlock()
	return values(s.orgs.order)
}

// Connections returns all connections of the account, in the API's order. No org's keys list all of them.
func (s *Server) Connections() []Connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	return copyConnections(s.connections.order)
}

// Visible returns the connections whose source or sink is the org, in the API's order: those that its keys list.
func (s *Server) Visible(orgID string) []Connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.orgs.get(orgID)
	return copyConnections(s.visible(orgID))
}

func (s *Server) visible(orgID string) []*Connection {
	var visible []*Connection
	for _, c := range s.connections.order {
		if c.SourceID == orgID || c.SinkID == orgID {
			visible = append(visible, c)
		}
	}
	return visible
}

func copyConnections(connections []*Connection) []Connection {
	copied := values(connections)
	for i := range copied {
		copied[i].Types = slices.Clone(copied[i].Types)
	}
	return copied
}

// SetTypes replaces a connection's types. As in the API, nothing else in the connection's JSON shows the change.
func (s *Server) SetTypes(connectionID string, types ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connections.get(connectionID).Types = append([]string{}, types...) // not nil, which would be null in JSON
}

// RemoveConnection removes a connection.
func (s *Server) RemoveConnection(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connections.remove(id)
}

// MoveConnection moves a connection to a position among all of the account's, from 0: the API promises no order.
func (s *Server) MoveConnection(id string, position int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connections.move(id, position)
}

// RenameOrg changes an org's name.
func (s *Server) RenameOrg(id, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.orgs.get(id)
	o.Name, o.ModifiedAt = name, time.Now()
}

// DisableUser disables a user's account. Datadog then deletes the connections that the user created; here the caller
// does, with [Server.RemoveConnection].
func (s *Server) DisableUser(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users.get(id)
	u.Disabled, u.ModifiedAt = true, time.Now()
}

// table holds orgs, users or connections by id and in the order in which they are listed.
type table[T any] struct {
	kind  string // for panics
	byID  map[string]*T
	order []*T
}

func newTable[T any](kind string) table[T] {
	return table[T]{kind: kind, byID: map[string]*T{}}
}

func (t *table[T]) add(id string, v T) {
	if t.byID[id] != nil {
		panic(fmt.Sprintf("fake: duplicate %s %q", t.kind, id))
	}
	t.byID[id] = &v
	t.order = append(t.order, &v)
}

func (t *table[T]) get(id string) *T {
	v := t.byID[id]
	if v == nil {
		panic(fmt.Sprintf("fake: no %s %q", t.kind, id))
	}
	return v
}

func (t *table[T]) remove(id string) {
	i := slices.Index(t.order, t.get(id))
	t.order = slices.Delete(t.order, i, i+1)
	delete(t.byID, id)
}

func (t *table[T]) move(id string, position int) {
	v := t.get(id)
	i := slices.Index(t.order, v)
	t.order = slices.Insert(slices.Delete(t.order, i, i+1), position, v)
}

// values returns copies of what the pointers point to.
func values[T any](pointers []*T) []T {
	copied := make([]T, 0, len(pointers))
	for _, p := range pointers {
		copied = append(copied, *p)
	}
	return copied
}
