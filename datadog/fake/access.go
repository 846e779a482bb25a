package fake

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
)

// Keys are one org's credentials: API and App together, or Token alone.
type Keys struct {
	API   string // 32 hex digits, sent as DD-API-KEY
	App   string // 40 hex digits, sent as DD-APPLICATION-KEY
	Token string // ddpat_…, sent as Authorization: Bearer
}

// Keys returns the credentials of an org, always the same for the same id.
func (s *Server) Keys(orgID string) Keys {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.orgs.get(orgID)
	return keysOf(orgID)
}

func keysOf(orgID string) Keys {
	digits := func(purpose string) string {
		sum := sha256.Sum256([]byte(purpose + orgID))
		return hex.EncodeToString(sum[:])
	}
	return Keys{
		API:   digits("api")[:32],
		App:   digits("app")[:40],
		Token: "ddpat_" + digits("token")[:32],
	}
}

// RevokeKeys makes the API answer 401 to an org's credentials.
func (s *Server) RevokeKeys(orgID string) { s.refuse(orgID, http.StatusUnauthorized) }

// RestoreKeys makes an org's credentials work again after [Server.RevokeKeys] or [Server.DenyPermission].
func (s *Server) RestoreKeys(orgID string) { s.refuse(orgID, 0) }

// DenyPermission takes org_connections_read from an org's credentials: the API answers 403.
func (s *Server) DenyPermission(orgID string) { s.refuse(orgID, http.StatusForbidden) }

func (s *Server) refuse(orgID string, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.orgs.get(orgID)
	s.access.refused[orgID] = status
}

// access knows whose credentials are whose and which of them are refused.
type access struct {
	owners  map[Keys]string // an org's pair of keys alone and its token alone: its id
	refused map[string]int  // org id: the status that it gets
}

func newAccess() access {
	return access{owners: map[Keys]string{}, refused: map[string]int{}}
}

func (a *access) add(orgID string) {
	keys := keysOf(orgID)
	a.owners[Keys{API: keys.API, App: keys.App}] = orgID
	a.owners[Keys{Token: keys.Token}] = orgID
}

// authorize finds the org whose credentials a request carries, and the status to refuse it with, 0 for none: 401
// without credentials, 403 with wrong ones, as the API does.
func (s *Server) authorize(h http.Header) (orgID string, refusal int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	keys, ok := keysIn(h)
	if !ok {
		return "", http.StatusUnauthorized
	}
	orgID, ok = s.access.owners[keys]
	if !ok {
		return "", http.StatusForbidden
	}
	return orgID, s.access.refused[orgID]
}

// keysIn reads a request's credentials.
func keysIn(h http.Header) (keys Keys, ok bool) {
	if token, ok := strings.CutPrefix(h.Get("Authorization"), "Bearer "); ok {
		return Keys{Token: token}, true
	}
	keys = Keys{API: h.Get("DD-API-KEY"), App: h.Get("DD-APPLICATION-KEY")}
	return keys, keys.API != "" && keys.App != ""
}
