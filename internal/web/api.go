package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-kit/log/level"

	"datadog_org_connections_exporter/internal/report"
)

// apiVersion is the version of [status].
const apiVersion = 1

// apiResponse is a body that is kept compressed, whether or not it is sent so.
type apiResponse struct {
	contentType string
	etag        string // without quotes
	gzipped     []byte
}

// apiResponses caches responses of one content.
type apiResponses struct {
	mu    sync.Mutex
	by    *prepared
	state string
	kept  map[string]*apiResponse // by path and query
}

// maxResponses bounds how many are kept.
const maxResponses = 16

// get returns the response to a request for the content. It calls write if that is not kept.
func (a *apiResponses) get(c *content, key, contentType string, write func(io.Writer) error) (*apiResponse, error) {
	state := c.state()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.by != c.prepared || a.state != state || len(a.kept) >= maxResponses {
		a.by, a.state, a.kept = c.prepared, state, map[string]*apiResponse{}
	}
	if kept := a.kept[key]; kept != nil {
		return kept, nil
	}
	response, err := newAPIResponse(contentType, write)
	if err == nil {
		a.kept[key] = response
	}
	return response, err
}

func newAPIResponse(contentType string, write func(io.Writer) error) (*apiResponse, error) {
	var compressed bytes.Buffer
	hash := sha256.New()
	compressor := gzip.NewWriter(&compressed)
	if err := write(io.MultiWriter(hash, compressor)); err != nil {
		return nil, err
	}
	if err := compressor.Close(); err != nil {
		return nil, err
	}
	return &apiResponse{contentType, fmt.Sprintf("%x", hash.Sum(nil)[:16]), compressed.Bytes()}, nil
}

// ServeHTTP implements [http.Handler].
func (a *apiResponse) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	compress := acceptsGzip(r.Header.Get("Accept-Encoding"))
	etag := `"` + a.etag + `"`
	if compress {
		etag = `"` + a.etag + `-gzip"` // a strong tag is of the bytes that are sent
	}
	header := w.Header()
	header.Set("ETag", etag)
	header.Set("Vary", "Accept-Encoding")
	header.Set("Cache-Control", "no-cache")
	if isTagged(r.Header.Get("If-None-Match"), a.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	setSafe(header)
	header.Set("Content-Type", a.contentType)
	if compress {
		header.Set("Content-Encoding", "gzip")
		header.Set("Content-Length", strconv.Itoa(len(a.gzipped)))
		_, _ = w.Write(a.gzipped)
		return
	}
	body, err := gzip.NewReader(bytes.NewReader(a.gzipped))
	if err == nil {
		_, _ = io.Copy(w, body) //nolint:gosec // it is what this process has compressed
	}
}

// isTagged reports whether an If-None-Match header has the tag, compressed or not.
func isTagged(header, etag string) bool {
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.Trim(strings.TrimPrefix(strings.TrimSpace(tag), "W/"), `"`)
		if tag == "*" || strings.TrimSuffix(tag, "-gzip") == etag {
			return true
		}
	}
	return false
}

func acceptsGzip(header string) bool {
	for coding := range strings.SplitSeq(header, ",") {
		name, weight, _ := strings.Cut(strings.ReplaceAll(coding, " ", ""), ";")
		if strings.EqualFold(name, "gzip") {
			return strings.Trim(weight, "q=0.") != "" || weight == ""
		}
	}
	return false
}

// contentTypes are those of the formats. Browsers show the text of a diagram.
var contentTypes = map[string]string{
	"json":    "application/json",
	"csv":     "text/csv; charset=utf-8",
	"dot":     "text/plain; charset=utf-8",
	"mermaid": "text/plain; charset=utf-8",
}

// inventoryFormats and historyFormats write what the API returns.
var (
	inventoryFormats = map[string]func(io.Writer, report.Document) error{
		"json": report.WriteJSON, "csv": report.WriteCSV, "dot": report.WriteDOT, "mermaid": report.WriteMermaid,
	}
	historyFormats = map[string]func(report.History, io.Writer) error{
		"json": report.History.WriteJSON, "csv": report.History.WriteCSV,
	}
)

func (s *server) apiInventory(w http.ResponseWriter, r *http.Request) {
	s.api(w, r, func(c *content, q query) (func(io.Writer) error, error) {
		write := inventoryFormats[q.format]
		return func(w io.Writer) error { return write(w, c.inventory(q)) }, c.check(q)
	})
}

func (s *server) apiHistory(w http.ResponseWriter, r *http.Request) {
	s.api(w, r, func(c *content, q query) (func(io.Writer) error, error) {
		write := historyFormats[q.format]
		if write == nil {
			return nil, fmt.Errorf("format is %q; that of the history can be json, csv", q.format)
		}
		return func(w io.Writer) error { return write(c.history(q), w) }, q.checkHistory()
	})
}

// api responds with what the answer to a query writes.
func (s *server) api(w http.ResponseWriter, r *http.Request, answer func(*content, query) (write func(io.Writer) error, err error)) {
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		s.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	if q.format == "" {
		q.format = "json"
	}
	c := s.content()
	write, err := answer(c, q)
	if err != nil {
		s.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	// An explicit first page is not the same as none.
	key := fmt.Sprintf("%s?%s&%d", r.URL.Path, q, q.page)
	response, err := s.responses.get(c, key, contentTypes[q.format], write)
	if err != nil {
		level.Error(s.Logger).Log("msg", "Cannot encode a response", "path", r.URL.Path, "err", err)
		s.fail(w, r, http.StatusInternalServerError, "The response cannot be encoded: see the log.")
		return
	}
	response.ServeHTTP(w, r)
}

// setSafe sets the headers of everything that a browser may show.
func setSafe(header http.Header) {
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Content-Security-Policy", contentSecurityPolicy)
}

func failJSON(w http.ResponseWriter, status int, text string) {
	setSafe(w.Header())
	w.Header().Set("Content-Type", contentTypes["json"])
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"status": status, "error": text}) // fails if the client is gone
}

// status is how the exporter fares.
type status struct {
	Version         int       `json:"version"`
	Time            time.Time `json:"time"`
	ExporterVersion string    `json:"exporter_version"`
	// Verdict is one line for people.
	Verdict string `json:"verdict"`
	// Complete is true if every connection is known that the credentials can see.
	Complete bool         `json:"complete"`
	Gaps     []report.Gap `json:"gaps"`
	// Orgs counts those that are known, Observed those that are seen from inside.
	Orgs        int `json:"orgs"`
	Observed    int `json:"observed"`
	Connections int `json:"connections"`
	// Policy is nil without one.
	Policy   *policyStatus   `json:"policy"`
	Listings []listingStatus `json:"listings"`
	// Discoveries list the orgs of the account.
	Discoveries []discoveryStatus `json:"discoveries"`
}

// discoveryStatus is the state of a discovery.
type discoveryStatus struct {
	Name string `json:"name"`
	// Orgs counts those of the last good list, nil before the first.
	Orgs  *int   `json:"orgs"`
	Error string `json:"error,omitempty"` // of the last attempt
}

func newDiscoveryStatuses(c *content) []discoveryStatus {
	made := []discoveryStatus{}
	for _, d := range c.view.Discoveries {
		s := discoveryStatus{Name: d.Name}
		if d.Account != nil {
			n := len(d.Account.Orgs)
			s.Orgs = &n
		}
		if d.Err != nil {
			s.Error = d.Err.Error()
		}
		made = append(made, s)
	}
	return made
}

// policyStatus is what a policy makes of the inventory.
type policyStatus struct {
	Rules int `json:"rules"`
	// Unexpected counts connections that have a type that no rule allows.
	Unexpected int `json:"unexpected"`
	// Findings are those of check -o json about what is missing and what has expired.
	Findings []report.Finding `json:"findings"`
}

// listingStatus is the state of an org's listing.
type listingStatus struct {
	Org   string `json:"org"`    // the configured name
	OrgID string `json:"org_id"` // empty where it is not certain
	Up    bool   `json:"up"`
	// State is for people, such as "failing, last good listing shown".
	State string `json:"state"`
	// Time is when the last good listing began, nil before the first.
	Time        *time.Time `json:"time"`
	AgeSeconds  *float64   `json:"age_seconds"`
	Connections *int       `json:"connections"`
	Error       string     `json:"error,omitempty"`
	Refreshing  bool       `json:"refreshing"`
	// NextAttempt is the earliest time of the next listing, nil if that is now.
	NextAttempt *time.Time `json:"next_attempt"`
}

func (s *server) apiStatus(w http.ResponseWriter, r *http.Request) {
	if r.URL.RawQuery != "" {
		s.fail(w, r, http.StatusBadRequest, "the status has no parameters")
		return
	}
	c := s.content()
	response, err := newAPIResponse(contentTypes["json"], func(w io.Writer) error {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(newStatus(c, s.Version))
	})
	if err != nil {
		s.fail(w, r, http.StatusInternalServerError, err.Error())
		return
	}
	response.ServeHTTP(w, r)
}

func newStatus(c *content, version string) status {
	v := newVerdict(c)
	made := status{
		Version: apiVersion, Time: c.now.UTC().Truncate(time.Second), ExporterVersion: version, Verdict: v.Text,
		Complete: c.view.Complete(), Gaps: c.document.Gaps,
		Orgs: len(c.orgs), Observed: v.Observed, Connections: len(c.connections),
		Listings: []listingStatus{}, Discoveries: newDiscoveryStatuses(c),
	}
	if c.judgement != nil {
		rest := *c.judgement
		rest.Unexpected = nil
		made.Policy = &policyStatus{Rules: len(c.by.policy.Rules), Unexpected: v.Unexpected, Findings: report.PolicyFindings(rest)}
	}
	for _, o := range c.view.Orgs {
		l := listingStatus{Org: o.Name, OrgID: o.OrgID, Up: o.Up, State: state(o), Refreshing: o.Refreshing}
		if o.Listing != nil {
			began, age, connections := o.Listing.Began.UTC(), c.now.Sub(o.Listing.Began).Round(time.Second).Seconds(), len(o.Listing.Connections)
			l.Time, l.AgeSeconds, l.Connections = &began, &age, &connections
		}
		if o.Err != nil {
			l.Error = o.Err.Error()
		}
		if next := o.NextAttempt.UTC(); next.After(c.now) {
			l.NextAttempt = &next
		}
		made.Listings = append(made.Listings, l)
	}
	return made
}
