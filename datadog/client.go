package datadog

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Defaults of [Options].
const (
	DefaultPageSize = 1000
	DefaultTimeout  = 30 * time.Second
)

// maxReads bounds how often all pages are read for one listing.
const maxReads = 3

// Options configure a [Client].
type Options struct {
	// API is the base URL of the API, from [Site.APIURL] or [ParseAPIURL]. Default:
	// that of [DefaultSite].
	API *url.URL
	// Credentials of the org. Required.
	Credentials Credentials
	// OrgID is the org of the credentials, from [ParseOrgID]: listings fail with
	// [WrongOrg] if they are another org's. Default: not checked.
	OrgID string
	// PageSize is the number of connections to request per page. Consecutive pages
	// share one; of pages with no more than one, all are read twice. Default:
	// [DefaultPageSize], the API's own.
	PageSize int
	// SourceOrgID and SinkOrgID restrict listings to connections with this source
	// and this sink. Default: no restriction.
	SourceOrgID, SinkOrgID string
	// Timeout of a listing with all its pages, pauses and retries. Default:
	// [DefaultTimeout].
	Timeout time.Duration
	// UserAgent is sent with every request. Default: the program's name.
	UserAgent string
	// Transport sends the requests. Default: [NewTransport].
	Transport http.RoundTripper
}

// Client lists the connections of one org, and the orgs of its account. It is safe for
// concurrent use; all its listings share the rate limits, of which each kind has one.
type Client struct {
	options           Options
	http              *http.Client
	connections, orgs *endpoint

	mu      sync.Mutex
	retries map[Reason]uint64
	listed  int // connections of the last good listing, 0 before
}

// New returns a client. It sends no request. Errors of [Credentials.Validate] are
// returned as they are.
func New(o Options) (*Client, error) {
	if err := o.Credentials.Validate(); err != nil {
		return nil, err
	}
	if o.PageSize < 0 {
		return nil, fmt.Errorf("negative page size: %d", o.PageSize)
	}
	if o.Timeout < 0 {
		return nil, fmt.Errorf("negative timeout: %v", o.Timeout)
	}
	o.API = cmp.Or(o.API, Site{domain: DefaultSite}.APIURL())
	o.PageSize = cmp.Or(o.PageSize, DefaultPageSize)
	o.Timeout = cmp.Or(o.Timeout, DefaultTimeout)
	o.UserAgent = cmp.Or(o.UserAgent, "datadog_org_connections_exporter")
	if o.Transport == nil {
		o.Transport = NewTransport()
	}
	return &Client{
		options: o,
		http: &http.Client{
			Transport: o.Transport,
			// A redirect would send DD-API-KEY and DD-APPLICATION-KEY to another host.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		connections: newEndpoint("org connections", o.API.JoinPath("api", "v2", "org_connections")),
		orgs:        newEndpoint("orgs", o.API.JoinPath("api", "v2", "org")),
		retries:     map[Reason]uint64{},
	}, nil
}

// maxIdleConns is the number of idle connections per host. One is enough for HTTP/2,
// which Datadog speaks; a proxy may not, and many orgs may be listed concurrently.
const maxIdleConns = 64

// NewTransport returns a transport with timeouts for the API, TLS 1.2 or newer, and
// the proxy from the environment. Clients can share it.
//
// A NAT or a load balancer may forget a connection without telling either end. One of
// HTTP/2 is given up 10 s after the last frame, with all its requests: before the first
// attempt's timeout, which is 20 s by default, so that the next one has a new
// connection. A slow server answers pings, and keeps its connection. For HTTP/1.1 see
// fetcher.fetch.
func NewTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    10 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    maxIdleConns,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 1 << 20,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 5 * time.Second, PingTimeout: 5 * time.Second},
	}
}

// List returns all connections of the org of the credentials, or an [Error]; there are
// no partial listings.
//
// It reads all pages again if the number of connections is not the API's total, is less
// than half of that of the client's last good listing, or if rows moved from page to
// page meanwhile. Two equal reads are a listing, which is not [Listing.Complete] if their
// total is another or missing. Without two it fails with [Incomplete], and so it does if
// pages repeat rows. It fails with [WrongOrg] if a connection has two ends of which
// neither is [Options.OrgID].
func (c *Client) List(ctx context.Context) (*Listing, error) {
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	began := time.Now()
	f := c.newFetcher(c.connections)
	listing, err := f.listConsistent(ctx, f.fetchPage)
	if err != nil {
		return nil, err
	}
	if err := f.checkOrg(listing); err != nil {
		return nil, err
	}
	c.setListed(len(listing.Connections))
	now := time.Now()
	listing.Filter = c.filter()
	listing.Credentials = f.auth.fingerprint
	listing.Began = began
	listing.Duration = now.Sub(began)
	listing.NotBefore = f.limiter.notBefore(now)
	listing.Warnings = append(listing.Warnings, f.auth.warnings()...)
	return listing, nil
}

// fetchPage fetches the page at the offset.
func (f *fetcher) fetchPage(ctx context.Context, offset int) (*page, error) {
	var p *page
	err := f.fetch(ctx, f.pageQuery(offset), func(body io.Reader) (err error) {
		p, err = decodePage(body, f.filter() != Filter{})
		return err
	})
	var failed *Error
	if deadline, ok := ctx.Deadline(); ok && offset > 0 && errors.As(err, &failed) && !failed.RetryAt.Before(deadline) {
		// The next listing begins with the first page, and may end here, too.
		failed.Detail += fmt.Sprintf("; a listing that needs more requests than the rate limit has left must last until it resets, and the timeout is %v", f.options.Timeout)
	}
	return p, err
}

// pageQuery returns the query for the page at the offset.
func (c *Client) pageQuery(offset int) url.Values {
	query := url.Values{
		"limit":  {strconv.Itoa(c.options.PageSize)},
		"offset": {strconv.Itoa(offset)},
	}
	if c.options.SourceOrgID != "" {
		query.Set("source_org_id", c.options.SourceOrgID)
	}
	if c.options.SinkOrgID != "" {
		query.Set("sink_org_id", c.options.SinkOrgID)
	}
	return query
}

// listConsistent reads all pages until a read is sure, or equals an earlier one.
func (c *Client) listConsistent(ctx context.Context, fetch fetchFunc) (*Listing, error) {
	var earlier []*listingRead
	for range maxReads {
		r, err := readPages(ctx, fetch)
		if err != nil {
			return nil, err
		}
		if c.isSure(r) || slices.ContainsFunc(earlier, r.equal) {
			l := r.listing()
			if !l.Complete {
				l.Warnings = append(l.Warnings, fmt.Sprintf("the API's total does not match its connections, of which two reads are equal: %v", r))
			}
			return l, nil
		}
		earlier = append(earlier, r)
	}
	return nil, &Error{
		Reason: Incomplete,
		Op:     c.connections.op(c.pageQuery(0)),
		Detail: fmt.Sprintf("%d reads of all pages, of which none matches the total or another: %v, %v, and %v",
			maxReads, earlier[0], earlier[1], earlier[2]),
	}
}

// isSure reports whether one read is enough: it has the API's total, its pages overlap,
// and it has at least half of the connections of the last good listing.
func (c *Client) isSure(r *listingRead) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return r.complete() && !r.unlinked && 2*len(r.connections) >= c.listed
}

func (c *Client) setListed(connections int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.listed = connections
}

func (c *Client) filter() Filter { return Filter{c.options.SourceOrgID, c.options.SinkOrgID} }

func (c *Client) countRetry(r Reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retries[r]++
}

// Stats are the statistics of a [Client].
type Stats struct {
	// Retries since the client was made, by the reason of the failure before. Every
	// reason that is retried is present.
	Retries map[Reason]uint64
	// RateLimit of the last response that had one, else nil.
	RateLimit *RateLimit
}

// Stats returns the current statistics.
func (c *Client) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := Stats{Retries: map[Reason]uint64{}, RateLimit: c.connections.limiter.rateLimit()}
	for _, reason := range retryReasons {
		s.Retries[reason] = 0
	}
	maps.Copy(s.Retries, c.retries)
	return s
}
