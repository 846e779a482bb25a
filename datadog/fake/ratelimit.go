package fake

import (
	"net/http"
	"strconv"
	"time"
)

// RateLimit allows each org a number of requests in each period; those above get 429.
type RateLimit struct {
	Limit  int           // requests per period; 0: no limit, and no X-RateLimit headers
	Period time.Duration // whole seconds; aligned to the calendar: a period of a minute begins at :00
	Name   string        // what X-RateLimit-Name says
}

// window is one org's current period.
type window struct {
	start time.Time
	used  int
}

// admit counts a request and reports whether the limit allows it; header gets the X-RateLimit headers.
func (s *Server) admit(orgID string, header http.Header) bool {
	limit := s.opts.RateLimit
	if limit.Limit == 0 {
		return true
	}
	now := time.Now()
	s.mu.Lock()
	used := s.use(orgID, now.Truncate(limit.Period))
	s.mu.Unlock()

	setInt := func(name string, value int) { header.Set(name, strconv.Itoa(value)) }
	setInt("X-RateLimit-Limit", limit.Limit)
	setInt("X-RateLimit-Period", int(limit.Period/time.Second))
	setInt("X-RateLimit-Remaining", max(0, limit.Limit-used))
	setInt("X-RateLimit-Reset", limit.reset(now))
	header.Set("X-RateLimit-Name", limit.Name)
	return used <= limit.Limit
}

// use counts one request in the window that starts at start and returns how many it has had.
func (s *Server) use(orgID string, start time.Time) int {
	w := s.windows[orgID]
	if w == nil || !w.start.Equal(start) {
		w = &window{start: start}
		s.windows[orgID] = w
	}
	w.used++
	return w.used
}

// reset is the seconds from now to the next period, rounded up.
func (l RateLimit) reset(now time.Time) int {
	left := now.Truncate(l.Period).Add(l.Period).Sub(now)
	return int((left + time.Second - 1) / time.Second)
}
