package fake

import "time"

// SetTypes replaces a connection's types. As in the API, nothing else of the row tells of it.
func (s *Server) SetTypes(connectionID string, types ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connections.get(connectionID).Types = append([]string{}, types...)
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

// RenameOrg gives an org another name.
func (s *Server) RenameOrg(id, name string) {
	s.changeOrg(id, func(o *Org) { o.Name = name })
}

// DisableOrg disables an org. Its keys go on working: what the API does then is not known.
func (s *Server) DisableOrg(id string) {
	s.changeOrg(id, func(o *Org) { o.Disabled = true })
}

// DisableUser disables a user's account. Datadog then deletes the connections that the user created; here that
// stays to be done, with [Server.RemoveConnection].
func (s *Server) DisableUser(id string) {
	s.changeUser(id, func(u *User) { u.Disabled = true })
}

// EnableUser undoes [Server.DisableUser].
func (s *Server) EnableUser(id string) {
	s.changeUser(id, func(u *User) { u.Disabled = false })
}

func (s *Server) changeOrg(id string, change func(*Org)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.orgs.get(id)
	change(o)
	o.ModifiedAt = time.Now()
}

func (s *Server) changeUser(id string, change func(*User)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users.get(id)
	change(u)
	u.ModifiedAt = time.Now()
}
