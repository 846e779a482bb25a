package fake

import (
	"net/http"
	"slices"
	"time"
)

// Fault answers in place of the API, or bends what it answers. It applies to every request until it is cleared,
// unless narrowed:
//
//	s.Inject(fake.HTMLError(502).From(1000).Once())
//
// The API has no say, nor its credentials and rate limit, where a fault answers in its place.
type Fault struct {
	name  string
	times int    // requests that it still applies to; 0: all
	from  int    // the least offset that it applies to
	orgID string // the org that it applies to; "": all

	// What it does. Most faults do one of these.
	delay    time.Duration
	instead  func(w http.ResponseWriter, r *http.Request) // answers in place of the API
	bend     func(*listing)                               // changes what is listed, before it is cut into pages
	redraw   func(*document)                              // changes the page
	answered func(Request)                                // is told once a page is drawn
	send     sender                                       // sends the page in another way
}

// sender sends a page to the client.
type sender func(w http.ResponseWriter, r *http.Request, body []byte)

// Times limits the fault to the next n requests that it applies to.
func (f Fault) Times(n int) Fault { f.times = n; return f }

// Once limits the fault to the next request that it applies to.
func (f Fault) Once() Fault { return f.Times(1) }

// From limits the fault to requests whose offset is at least this.
func (f Fault) From(offset int) Fault { f.from = offset; return f }

// ForOrg limits the fault to requests with an org's credentials.
func (f Fault) ForOrg(id string) Fault { f.orgID = id; return f }

func (f Fault) applies(r Request) bool {
	return r.Offset >= f.from && (f.orgID == "" || f.orgID == r.OrgID)
}

// Inject switches a fault on for the requests that follow. Faults add up, and of two that contradict each other the
// last injected wins. One that answers in the API's place hides those injected before it, and does not use them up.
func (s *Server) Inject(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, f)
}

// ClearFaults switches all faults off; requests under way keep theirs.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// faults are those that apply to one request, the last injected first.
type faults []Fault

// take picks the faults of a request and uses them up by it.
func (s *Server) take(r Request) faults {
	var taken faults
	for i, f := range slices.Backward(s.faults) {
		if !f.applies(r) {
			continue
		}
		taken = append(taken, f)
		switch f.times {
		case 0: // until cleared
		case 1:
			s.faults = slices.Delete(s.faults, i, i+1)
		default:
			s.faults[i].times--
		}
		if f.instead != nil {
			break
		}
	}
	return taken
}

func (fs faults) delay() (sum time.Duration) {
	for _, f := range fs {
		sum += f.delay
	}
	return sum
}

func (fs faults) instead() func(http.ResponseWriter, *http.Request) {
	for _, f := range fs {
		if f.instead != nil {
			return f.instead
		}
	}
	return nil
}

// bend and redraw run the last injected last: it has the last word.
func (fs faults) bend(l *listing) {
	for _, f := range slices.Backward(fs) {
		if f.bend != nil {
			f.bend(l)
		}
	}
}

func (fs faults) redraw(d *document) {
	for _, f := range slices.Backward(fs) {
		if f.redraw != nil {
			f.redraw(d)
		}
	}
}

func (fs faults) answered(r Request) {
	for _, f := range fs {
		if f.answered != nil {
			f.answered(r)
		}
	}
}

// send is the way in which the page is sent: of several, the last injected.
func (fs faults) send() sender {
	for _, f := range fs {
		if f.send != nil {
			return f.send
		}
	}
	return sendPage
}

func sendPage(w http.ResponseWriter, _ *http.Request, body []byte) {
	send(w, http.StatusOK, contentJSON, body)
}
