package fake

import (
	"net/http"
	"net/url"
	"time"
)

// Request is what the server remembers of a request.
type Request struct {
	OrgID  string // whose credentials it carried; "" where they are nobody's
	Offset int    // default 0
	Limit  int    // default 1000
	Query  url.Values
	Header http.Header
	At     time.Time // of its arrival
	Faults []string  // names of the faults that applied to it
	Status int       // of the answer; 0 while there is none, and for ever where none comes
}

// Requests counts the requests received, answered or not.
func (s *Server) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.log)
}

// RequestLog returns the requests received, oldest first.
func (s *Server) RequestLog() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	log := make([]Request, 0, len(s.log))
	for _, r := range s.log {
		log = append(log, *r)
	}
	return log
}

// ResetLog forgets the requests received so far.
func (s *Server) ResetLog() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = nil
}

// receive logs a request and takes the faults that apply to it; invalid says what is wrong with its query.
func (s *Server) receive(r *http.Request, orgID string) (request *Request, faults faults, invalid error) {
	query := r.URL.Query()
	offset, limit, invalid := paging(query)
	request = &Request{
		OrgID:  orgID,
		Offset: offset,
		Limit:  limit,
		Query:  query,
		Header: r.Header.Clone(),
		At:     time.Now(),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	faults = s.take(*request)
	for _, f := range faults {
		request.Faults = append(request.Faults, f.name)
	}
	s.log = append(s.log, request)
	return request, faults, invalid
}

// statusLogger notes the status of an answer in the log before the client can see it.
type statusLogger struct {
	http.ResponseWriter
	server  *Server
	request *Request
}

func (l *statusLogger) WriteHeader(status int) {
	l.server.mu.Lock()
	l.request.Status = status
	l.server.mu.Unlock()
	l.ResponseWriter.WriteHeader(status)
}

// Unwrap lets [http.ResponseController] flush.
func (l *statusLogger) Unwrap() http.ResponseWriter { return l.ResponseWriter }
