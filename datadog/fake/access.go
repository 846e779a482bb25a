package fake

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Keys are one org's credentials: API and App together, or Token alone.
type Keys struct {
	API   string // 32 hex digits, sent as DD-API-KEY
	App   string // 40 hex digits, sent as DD-APPLICATION-KEY
	Token string // ddpat_…, sent as Authorization: Bearer
}

// Keys returns an org's credentials. They depend on its id alone.
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
func (s *Server) RevokeKeys(orgID string) { s.refuse(orgID, http.StatusUnauthorized, Path, OrgsPath) }

// DenyPermission takes org_connections_read from an org's credentials: the API answers 403 at [Path].
func (s *Server) DenyPermission(orgID string) { s.refuse(orgID, http.StatusForbidden, Path) }

// DenyOrgManagement takes org_management from an org's credentials: the API answers 403 at [OrgsPath].
func (s *Server) DenyOrgManagement(orgID string) { s.refuse(orgID, http.StatusForbidden, OrgsPath) }

// RestoreKeys undoes [Server.RevokeKeys], [Server.DenyPermission] and [Server.DenyOrgManagement].
func (s *Server) RestoreKeys(orgID string) { s.refuse(orgID, 0, Path, OrgsPath) }

func (s *Server) refuse(orgID string, status int, paths ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.orgs.get(orgID)
	for _, path := range paths {
		s.refused[endpoint{orgID, path}] = status
	}
}

// authorize returns the path of a request with the org whose credentials it carries, and the status to refuse it with
// or 0. The API answers 401 to missing credentials and 403 to wrong ones.
func (s *Server) authorize(r *http.Request) (from endpoint, refused int) {
	from.path = r.URL.Path
	h := r.Header
	keys := Keys{API: h.Get("DD-API-KEY"), App: h.Get("DD-APPLICATION-KEY")}
	if token, ok := strings.CutPrefix(h.Get("Authorization"), "Bearer "); ok {
		keys = Keys{Token: token}
	} else if keys.API == "" || keys.App == "" {
		return from, http.StatusUnauthorized
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	orgID, ok := s.owners[keys]
	if !ok {
		return from, http.StatusForbidden
	}
	from.orgID = orgID
	return from, s.refused[from]
}

// RateLimit allows each org a number of requests to each path in each period; those above it get 429.
type RateLimit struct {
	Limit  int           // requests per period; 0: no limit, and no X-RateLimit headers
	Period time.Duration // whole seconds; aligned to the clock: a period of a minute begins at :00
	Name   string        // sent as X-RateLimit-Name
}

// window counts one org's requests to one path in the period that begins at start.
type window struct {
	start time.Time
	used  int
}

// admit counts a request, sets the X-RateLimit headers, and reports whether the limit allows the request.
func (s *Server) admit(from endpoint, header http.Header) bool {
	limit := s.opts.RateLimit
	if limit.Limit == 0 {
		return true
	}
	now := time.Now()
	start := now.Truncate(limit.Period)
	used := s.countRequest(from, start)
	reset := start.Add(limit.Period).Sub(now)

	setInt := func(name string, value int) { header.Set(name, strconv.Itoa(value)) }
	setInt("X-RateLimit-Limit", limit.Limit)
	setInt("X-RateLimit-Period", int(limit.Period/time.Second))
	setInt("X-RateLimit-Remaining", max(0, limit.Limit-used))
	setInt("X-RateLimit-Reset", int((reset+time.Second-1)/time.Second)) // rounded up
	header.Set("X-RateLimit-Name", limit.Name)
	return used <= limit.Limit
}

// countRequest returns the number of requests in the window that begins at start, this one included.
func (s *Server) countRequest(from endpoint, start time.Time) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.windows[from]
	if w == nil || !w.start.Equal(start) {
		w = &window{start: start}
		s.windows[from] = w
	}
	w.used++
	return w.used
}
