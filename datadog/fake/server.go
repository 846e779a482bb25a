package fake

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// Path is the one path that a [Server] answers.
const Path = "/api/v2/org_connections"

// Options say how a [Server] behaves; the zero value is the API on a good day.
type Options struct {
	// Latency passes before each answer; it ends early when the client goes away. Default 0.
	Latency time.Duration
	// PageCap is the most rows that an answer holds, whatever limit the request names. Default 1000.
	PageCap int
	// RateLimit holds for each org. Default none.
	RateLimit RateLimit
	// OmitIncluded leaves out the undocumented "included" array. Default false.
	OmitIncluded bool
}

// Server is one simulated account, served over HTTP. It is safe for concurrent use.
type Server struct {
	opts Options

	mu          sync.Mutex // guards all below
	makeUp      makeUp
	orgs        register[Org]
	users       register[User]
	connections register[Connection]
	access      access
	windows     map[string]*window // by org id
	faults      []Fault            // oldest first
	log         []*Request
}

// New makes a server of an empty account.
func New(opts Options) *Server {
	return newServer(opts, 1)
}

func newServer(opts Options, seed uint64) *Server {
	if opts.PageCap == 0 {
		opts.PageCap = defaultLimit
	}
	return &Server{
		opts:        opts,
		makeUp:      makeUp{random: rand.New(rand.NewPCG(seed, 0))},
		orgs:        newRegister[Org]("org"),
		users:       newRegister[User]("user"),
		connections: newRegister[Connection]("connection"),
		access:      newAccess(),
		windows:     map[string]*window{},
	}
}

// ServeHTTP answers one request, bent by the faults that apply to it.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	orgID, refusal := s.authorize(r.Header)
	request, faults, invalid := s.receive(r, orgID)
	w = &statusLogger{ResponseWriter: w, server: s, request: request}

	wait(r.Context(), s.opts.Latency+faults.delay())
	if instead := faults.instead(); instead != nil {
		instead(w, r)
		return
	}
	switch {
	case r.URL.Path != Path:
		sendError(w, http.StatusNotFound, "Not found")
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", http.MethodGet)
		sendError(w, http.StatusMethodNotAllowed, "Method not allowed")
	case refusal != 0:
		sendError(w, refusal, http.StatusText(refusal))
	case !s.admit(orgID, w.Header()):
		sendError(w, http.StatusTooManyRequests, "Too many requests")
	case invalid != nil:
		sendError(w, http.StatusBadRequest, invalid.Error())
	default:
		s.answer(w, r, *request, faults)
	}
}

// answer sends one page of the listing.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, request Request, faults faults) {
	body := encode(s.page(request, faults))
	// Before sending: a client may ask for the next page as soon as it has read the last byte of this one.
	faults.answered(request)
	faults.send()(w, r, body)
}

// page reads one page of what the request's org sees.
func (s *Server) page(request Request, faults faults) document {
	s.mu.Lock()
	l := s.list(request)
	faults.bend(&l)
	d := s.document(l)
	s.mu.Unlock()

	// Unlocked: these run functions of the test's.
	faults.redraw(&d)
	return d
}

// wait lets d pass; the request is dropped if its client goes away before that.
func wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		drop()
	}
}
