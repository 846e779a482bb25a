package datadog

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Defaults of [Options].
const (
	DefaultPageSize = 1000
	DefaultTimeout  = 30 * time.Second
)

// maxReads is how often all pages are read before a listing is given up whose
// number of connections is not the API's total.
const maxReads = 3

// Options say what to list, and how.
type Options struct {
	// API is where the API is, from [Site.APIURL] or [ParseAPIURL]. Default:
	// that of [DefaultSite].
	API *url.URL
	// Credentials of the org. Required.
	Credentials Credentials
	// PageSize is the number of connections to ask for at once. Default:
	// [DefaultPageSize], which is the API's own.
	PageSize int
	// SourceOrgID and SinkOrgID restrict the listing to connections from one
	// org, or to one. Default: none.
	SourceOrgID, SinkOrgID string
	// Timeout of one listing, with all its pages, pauses and repeated reads.
	// Default: [DefaultTimeout].
	Timeout time.Duration
	// UserAgent is sent with every request. Default: the program's name.
	UserAgent string
	// Transport sends the requests. Default: [NewTransport].
	Transport http.RoundTripper
}

// Client lists the connections of one org. It is safe for concurrent use; all
// its listings share what the API said about the rate limit.
type Client struct {
	api                    *url.URL
	credentials            Credentials
	pageSize               int
	sourceOrgID, sinkOrgID string
	timeout                time.Duration
	userAgent              string
	http                   *http.Client
	gate                   *gate

	mu      sync.Mutex
	retries map[Reason]uint64
}

// New makes a client. It sends nothing. The error tells which option is of no
// use; errors.Is finds [ErrNoCredentials] and [ErrDoubleCredentials] in it.
func New(o Options) (*Client, error) {
	if err := o.Credentials.Validate(); err != nil {
		return nil, err
	}
	if o.PageSize < 0 {
		return nil, fmt.Errorf("a page size of %d is none: give a number above 0", o.PageSize)
	}
	if o.Timeout < 0 {
		return nil, fmt.Errorf("a timeout of %v is none: give a duration above 0", o.Timeout)
	}
	c := &Client{
		api:         o.API,
		credentials: o.Credentials,
		pageSize:    o.PageSize,
		sourceOrgID: o.SourceOrgID,
		sinkOrgID:   o.SinkOrgID,
		timeout:     o.Timeout,
		userAgent:   o.UserAgent,
		gate:        newGate(),
		retries:     map[Reason]uint64{},
	}
	if c.api == nil {
		c.api = Site{domain: DefaultSite}.APIURL()
	}
	if c.pageSize == 0 {
		c.pageSize = DefaultPageSize
	}
	if c.timeout == 0 {
		c.timeout = DefaultTimeout
	}
	if c.userAgent == "" {
		c.userAgent = "datadog_org_connections_exporter"
	}
	transport := o.Transport
	if transport == nil {
		transport = NewTransport()
	}
	c.http = &http.Client{
		Transport: transport,
		// Go's client would send DD-API-KEY and DD-APPLICATION-KEY along to
		// whatever host a redirect names.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

// idleConnections are kept for the next refresh. Datadog speaks HTTP/2, for which
// one is enough; a proxy may not, and many orgs may be listed side by side.
const idleConnections = 64

// NewTransport is a transport fit for the API: TLS 1.2 or newer, and the proxy
// that the environment names. Many clients can share one.
func NewTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  proxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    10 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    idleConnections,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 1 << 20,
	}
}

// proxyFromEnvironment is http.ProxyFromEnvironment without its error, which
// repeats the proxy's address, password included.
func proxyFromEnvironment(r *http.Request) (*url.URL, error) {
	proxy, err := http.ProxyFromEnvironment(r)
	if err != nil {
		return nil, errors.New("the proxy address in HTTP_PROXY or HTTPS_PROXY is no URL")
	}
	return proxy, nil
}

// List reads all connections in which the org of the credentials takes part.
// There are no partial listings: it is every page or an [Error].
//
// Where the number of connections is not the total that the API tells, all pages
// are read again. Two reads that agree row for row are believed, and the listing
// is not [Listing.Complete]; reads that never agree fail with [Incomplete].
func (c *Client) List(ctx context.Context) (*Listing, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	began := time.Now()
	request := &pageRequest{Client: c, login: c.credentials.load()}

	listing, err := c.believable(ctx, request.get)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	listing.Filtered = c.filtered()
	listing.Began = began
	listing.Duration = now.Sub(began)
	listing.NotBefore = c.gate.closedUntil(now)
	if stale := request.login.stale; stale != nil {
		listing.Warnings = append(listing.Warnings, fmt.Sprintf("an earlier key is still in use because the present one is unusable: %v", stale))
	}
	return listing, nil
}

// believable reads until a read can be believed.
func (c *Client) believable(ctx context.Context, get fetch) (*Listing, error) {
	var earlier []*reading
	for range maxReads {
		r, err := readAll(ctx, get, c.pageSize)
		if err != nil {
			return nil, err
		}
		if r.complete() {
			return r.listing(), nil
		}
		for _, e := range earlier {
			if r.agrees(e) {
				l := r.listing()
				l.Warnings = append(l.Warnings, fmt.Sprintf("the API's total is not the number of its connections, of which two reads agree: %s", r.describe()))
				return l, nil
			}
		}
		earlier = append(earlier, r)
	}
	return nil, &Error{
		Reason: Incomplete,
		Op:     "list org connections from " + c.url(0).String(),
		Detail: fmt.Sprintf("%d reads of all pages neither matched the total nor each other; they gave %s, %s, and %s",
			maxReads, earlier[0].describe(), earlier[1].describe(), earlier[2].describe()),
	}
}

func (c *Client) filtered() bool { return c.sourceOrgID != "" || c.sinkOrgID != "" }

func (c *Client) countRetry(r Reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retries[r]++
}

// Stats are what a client counted since it was made, and was told.
type Stats struct {
	// Retries by the reason of the failure that they followed. Every one of
	// [RetryReasons] is there.
	Retries map[Reason]uint64
	// RateLimit as the API's last answer gave it, nil until one does.
	RateLimit *RateLimit
}

// Stats gives the present ones.
func (c *Client) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := Stats{Retries: map[Reason]uint64{}, RateLimit: c.gate.rateLimit()}
	for _, reason := range RetryReasons() {
		s.Retries[reason] = 0
	}
	maps.Copy(s.Retries, c.retries)
	return s
}
