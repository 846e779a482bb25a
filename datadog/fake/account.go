package fake

import (
	"slices"
	"time"
)

// Org is one org of the account. Empty fields get made-up values where the API always has one.
type Org struct {
	ID         string // UUID
	Name       string
	PublicID   string
	Sharing    string // default "all_private"
	Disabled   bool
	CreatedAt  time.Time
	ModifiedAt time.Time // zero: never, null in the answer

	// NotIncluded keeps the org out of "included": it is known from relationships only. Default false.
	NotIncluded bool
}

// User is a person or a service account. Empty fields get made-up values where the API always has one.
type User struct {
	ID             string // UUID
	Name           string
	Handle         string // default Email
	Email          string
	ServiceAccount bool
	Disabled       bool
	CreatedAt      time.Time
	ModifiedAt     time.Time // default CreatedAt

	// NotIncluded keeps the user out of "included": it is known from relationships only. Default false.
	NotIncluded bool
}

// Connection shares telemetry of the source org with the sink org.
type Connection struct {
	ID        string    // UUID; made up where empty
	SourceID  string    // an org added before
	SinkID    string    // an org added before
	Types     []string  // nil: logs; empty: a connection without types
	CreatorID string    // a user added before; default a service account, the same for all
	CreatedAt time.Time // made up where zero

	// Quirks bend this connection's row. Default none.
	Quirks Quirks
}

// joins reports whether the org takes part in the connection, at either end.
func (c *Connection) joins(orgID string) bool {
	return c.SourceID == orgID || c.SinkID == orgID
}

func (c *Connection) clone() Connection {
	copied := *c
	copied.Types = slices.Clone(c.Types)
	return copied
}

// AddOrg adds an org and returns its id.
func (s *Server) AddOrg(o Org) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.makeUp.org(&o)
	s.orgs.add(o.ID, o)
	s.access.add(o.ID)
	return o.ID
}

// AddUser adds a user and returns its id.
func (s *Server) AddUser(u User) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addUser(u)
}

func (s *Server) addUser(u User) string {
	s.makeUp.user(&u)
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
	c = c.clone()
	s.makeUp.connection(&c)
	s.connections.add(c.ID, c)
	return c.ID
}

// defaultCreator is the service account that creates what nobody else is said to have created.
func (s *Server) defaultCreator() string {
	const id = "00000000-0000-4000-8000-000000000001"
	if !s.users.has(id) {
		s.addUser(User{ID: id, Name: "terraform", ServiceAccount: true})
	}
	return id
}

// Orgs returns the account's orgs, oldest first.
func (s *Server) Orgs() []Org {
	s.mu.Lock()
	defer s.mu.Unlock()
	orgs := make([]Org, 0, len(s.orgs.order))
	for _, o := range s.orgs.order {
		orgs = append(orgs, *o)
	}
	return orgs
}

// Connections returns all connections of the account, in the API's order; no org's keys list all of them.
func (s *Server) Connections() []Connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	return clones(s.connections.order)
}

// Visible returns the connections in which the org takes part, in the API's order: the truth that its keys list.
func (s *Server) Visible(orgID string) []Connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.orgs.get(orgID)
	return clones(s.visible(orgID))
}

func (s *Server) visible(orgID string) []*Connection {
	var visible []*Connection
	for _, c := range s.connections.order {
		if c.joins(orgID) {
			visible = append(visible, c)
		}
	}
	return visible
}

func clones(connections []*Connection) []Connection {
	copied := make([]Connection, 0, len(connections))
	for _, c := range connections {
		copied = append(copied, c.clone())
	}
	return copied
}
