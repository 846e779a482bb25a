package fake

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Path is where a [Server] lists org connections.
const Path = "/api/v2/org_connections"

// defaultLimit is the page size of a request without a limit, and the default of [Options.PageCap], as in Datadog's
// API reference.
const defaultLimit = 1000

// Options are a [Server]'s settings. The zero value is the API without latency and rate limit.
type Options struct {
	// Latency passes before each answer; it ends early when the client goes away. Default 0.
	Latency time.Duration
	// PageCap is the most rows in an answer, whatever limit the request has. Default 1000.
	PageCap int
	// RateLimit applies to each org separately. Default none.
	RateLimit RateLimit
	// OmitIncluded leaves out the undocumented "included" array. Default false.
	OmitIncluded bool
}

// Server is one simulated account, served over HTTP. It is safe for concurrent use.
type Server struct {
	opts Options

	mu          sync.Mutex // guards all below
	generator   generator
	orgs        table[Org]
	users       table[User]
	connections table[Connection]
	owners      map[Keys]string  // org ids by credentials: API and App together, and Token alone
	refused     map[endpoint]int // the status that an org's credentials get
	windows     map[endpoint]*window
	faults      []Fault    // oldest first
	log         []*Request // oldest first
}

// New returns a server with an empty account.
func New(opts Options) *Server {
	return newServer(opts, 1)
}

func newServer(opts Options, seed uint64) *Server {
	if opts.PageCap == 0 {
		opts.PageCap = defaultLimit
	}
	return &Server{
		opts:        opts,
		generator:   generator{random: rand.New(rand.NewPCG(seed, 0))},
		orgs:        newTable[Org]("org"),
		users:       newTable[User]("user"),
		connections: newTable[Connection]("connection"),
		owners:      map[Keys]string{},
		refused:     map[endpoint]int{},
		windows:     map[endpoint]*window{},
	}
}

// endpoint is a path with an org's credentials.
type endpoint struct{ orgID, path string }

// ServeHTTP answers a request, subject to the injected faults.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	from, refused := s.authorize(r)
	request, faults, invalid := s.receive(r, from.orgID)
	w = &statusRecorder{ResponseWriter: w, server: s, request: request}

	delay := s.opts.Latency
	for _, f := range faults {
		delay += f.delay
	}
	wait(r.Context(), delay)
	if len(faults) > 0 && faults[0].handler != nil {
		faults[0].handler(w, r)
		return
	}
	switch {
	case r.URL.Path != Path && r.URL.Path != OrgsPath:
		writeError(w, http.StatusNotFound, "Not found")
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", http.MethodGet)
		writeError(w, http.StatusMethodNotAllowed, "Method not allowed")
	case refused != 0:
		writeError(w, refused, http.StatusText(refused))
	case !s.admit(from, w.Header()):
		writeError(w, http.StatusTooManyRequests, "Too many requests")
	case r.URL.Path == OrgsPath:
		send(w, r, s.account(from.orgID, r.URL.Query()), faults)
	case invalid != nil:
		writeError(w, http.StatusBadRequest, invalid.Error())
	default:
		s.servePage(w, r, *request, faults)
	}
}

// servePage sends one page of what the request's org sees.
func (s *Server) servePage(w http.ResponseWriter, r *http.Request, request Request, faults []Fault) {
	l := s.list(request)
	for _, f := range faults {
		if f.edit != nil {
			f.edit(&l)
		}
	}
	send(w, r, s.document(l), faults)
}

// send sends a document, subject to the faults.
func send(w http.ResponseWriter, r *http.Request, document any, faults []Fault) {
	for _, f := range faults {
		maps.Copy(w.Header(), f.header)
	}
	body := encode(document)

	// afterPage runs before the page is written: a client may ask for the next one as soon as it has read the last byte.
	write := writePage
	for _, f := range faults {
		if f.afterPage != nil {
			f.afterPage()
		}
		if f.write != nil {
			write = f.write
		}
	}
	write(w, r, body)
}

// listing is what a request's org sees, and which page of it the request gets.
type listing struct {
	rows          []*Connection // that match the request's filters
	total         int           // of rows before the filters
	offset, limit int
	meta          *meta
}

// list returns the listing that a request asks for.
func (s *Server) list(r Request) listing {
	s.mu.Lock()
	defer s.mu.Unlock()
	rows := s.visible(r.OrgID)
	l := listing{total: len(rows), offset: r.Offset, limit: min(r.Limit, s.opts.PageCap)}
	source, sink := r.Query.Get("source_org_id"), r.Query.Get("sink_org_id")
	l.rows = slices.DeleteFunc(rows, func(c *Connection) bool {
		return source != "" && source != c.SourceID || sink != "" && sink != c.SinkID
	})
	l.meta = &meta{totals{TotalCount: l.total, TotalFilteredCount: len(l.rows)}}
	return l
}

// page returns the rows of the requested page.
func (l listing) page() []*Connection {
	from := min(l.offset, len(l.rows))
	size := min(l.limit, len(l.rows)-from)
	return l.rows[from : from+size]
}

// wait waits for d. When the client goes away before that, it aborts the request.
func wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	select {
	case <-time.After(d):
	case <-ctx.Done():
		abort()
	}
}

// abort ends a request and closes its connection, without a message in the server's log.
func abort() { panic(http.ErrAbortHandler) }

// Request is a logged request.
type Request struct {
	Path   string
	OrgID  string // whose credentials it carried; "" when they are nobody's
	Offset int    // default 0
	Limit  int    // default 1000
	Query  url.Values
	Header http.Header
	At     time.Time // when it arrived
	Status int       // of the answer; 0 until, and unless, one is sent
}

// Requests returns the number of requests received, answered or not.
func (s *Server) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.log)
}

// RequestLog returns the requests received, oldest first.
func (s *Server) RequestLog() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return values(s.log)
}

// receive logs a request and returns the faults that apply to it. The error is about its query.
func (s *Server) receive(r *http.Request, orgID string) (request *Request, faults []Fault, invalid error) {
	query := r.URL.Query()
	offset, offsetErr := intParam(query, "offset", 0, 0)
	limit, limitErr := intParam(query, "limit", defaultLimit, 1)
	request = &Request{
		Path:   r.URL.Path,
		OrgID:  orgID,
		Offset: offset,
		Limit:  limit,
		Query:  query,
		Header: r.Header.Clone(),
		At:     time.Now(),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, request)
	return request, s.takeFaults(*request), errors.Join(offsetErr, limitErr)
}

// intParam returns an integer of the query that must be at least minimum, or defaultValue when it is missing or
// invalid.
func intParam(query url.Values, name string, defaultValue, minimum int) (int, error) {
	if !query.Has(name) {
		return defaultValue, nil
	}
	n, err := strconv.Atoi(query.Get(name))
	if err != nil || n < minimum {
		return defaultValue, errors.New("invalid query parameter: " + name)
	}
	return n, nil
}

// statusRecorder logs the status of an answer before the client can see it.
type statusRecorder struct {
	http.ResponseWriter
	server  *Server
	request *Request
}

func (w *statusRecorder) WriteHeader(status int) {
	w.server.mu.Lock()
	w.request.Status = status
	w.server.mu.Unlock()
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets [http.ResponseController] flush.
func (w *statusRecorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

const (
	contentJSON = "application/json"
	contentHTML = "text/html; charset=utf-8"
)

// pageWriter sends a page's body to the client.
type pageWriter func(w http.ResponseWriter, r *http.Request, body []byte)

func writePage(w http.ResponseWriter, _ *http.Request, body []byte) {
	writeAnswer(w, http.StatusOK, contentJSON, body)
}

func writeAnswer(w http.ResponseWriter, status int, contentType string, body []byte) {
	writeHeader(w, status, contentType, len(body))
	w.Write(body) // an error means that the client is gone
}

// writeHeader announces a body of length bytes.
func writeHeader(w http.ResponseWriter, status int, contentType string, length int) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(length))
	w.WriteHeader(status)
}

func writeError(w http.ResponseWriter, status int, text string) {
	writeAnswer(w, status, contentJSON, errorBody(text))
}

// errorBody returns the API's JSON for one error, which is a string or, on some paths, an object.
func errorBody(apiError any) []byte {
	body, err := json.Marshal(map[string]any{"errors": []any{apiError}})
	if err != nil {
		panic("fake: " + err.Error())
	}
	return body
}
