package datadog

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// maxAttempts bounds the requests for one page.
	maxAttempts = 5
	// minAttempt is the shortest time to leave for another attempt after a timeout.
	minAttempt = time.Second
	// maxBody bounds a decompressed response, in bytes. A page of 1,000 connections with
	// all its orgs and users has about 1.5 million.
	maxBody = 32 << 20
	// maxErrorBody bounds what is read of an error response, in bytes.
	maxErrorBody = 64 << 10
)

// newBackOff returns the pauses between attempts: 0.5 s, then twice as long each time,
// up to 15 s, each ±50 %.
func newBackOff() *backoff.ExponentialBackOff {
	return &backoff.ExponentialBackOff{
		InitialInterval:     500 * time.Millisecond,
		RandomizationFactor: 0.5,
		Multiplier:          2,
		MaxInterval:         15 * time.Second,
	}
}

// endpoint is a path of the API that returns a list, and its rate limit: the API limits each
// endpoint separately.
type endpoint struct {
	noun    string   // what it lists
	base    *url.URL // without a query
	limiter *limiter
}

func newEndpoint(noun string, base *url.URL) *endpoint {
	return &endpoint{noun: noun, base: base, limiter: newLimiter("list " + noun)}
}

// url returns the URL of the endpoint with a query.
func (e *endpoint) url(query url.Values) *url.URL {
	target := *e.base
	target.RawQuery = query.Encode()
	return &target
}

// op returns the operation of an error that is not about one request.
func (e *endpoint) op(query url.Values) string {
	return fmt.Sprintf("list %s from %s", e.noun, e.url(query))
}

// fetcher sends the requests of one listing.
type fetcher struct {
	*Client
	*endpoint
	auth auth
}

// newFetcher returns a fetcher with the current credentials.
func (c *Client) newFetcher(e *endpoint) *fetcher {
	return &fetcher{Client: c, endpoint: e, auth: c.options.Credentials.load()}
}

// fetch passes the body of a response to decode. It retries until ctx is done, at most
// maxAttempts in all.
func (f *fetcher) fetch(ctx context.Context, query url.Values, decode func(body io.Reader) error) error {
	target := f.url(query)
	pauses := newBackOff()
	for attempt := 1; ; attempt++ {
		err := f.attempt(ctx, target, pauses, decode)
		if err == nil {
			return nil
		}
		if errors.Is(err, Timeout) {
			// The network may have forgotten the connection, and the idle ones with it.
			f.http.CloseIdleConnections()
		}
		var failed *Error
		if !errors.As(err, &failed) || !failed.Reason.retryable() || attempt == maxAttempts || ctx.Err() != nil {
			return err
		}
		if !f.pause(ctx, failed, pauses) {
			return err
		}
		f.countRetry(failed.Reason)
	}
}

// pause waits before the next attempt. It reports whether ctx lasts until then. After a
// 429 the limiter waits.
func (f *fetcher) pause(ctx context.Context, failed *Error, pauses backoff.BackOff) bool {
	deadline, ok := ctx.Deadline()
	if failed.Reason == RateLimited {
		return !ok || failed.RetryAt.Before(deadline)
	}
	pause := pauses.NextBackOff()
	if ok && time.Until(deadline) <= pause {
		return false
	}
	return sleep(ctx, pause) == nil
}

// attempt sends one request.
func (f *fetcher) attempt(ctx context.Context, target *url.URL, pauses backoff.BackOff, decode func(body io.Reader) error) error {
	if err := f.limiter.acquire(ctx); err != nil {
		return f.transportError(target, err, "waited for responses to other requests, as the rate limit demands")
	}
	ctx, cancel := withAttemptTimeout(ctx)
	defer cancel()
	began := time.Now()
	resp, err := f.send(ctx, target)
	f.limiter.release(resp, pauses, time.Now())
	if err != nil {
		return f.transportError(target, err, fmt.Sprintf("waited %v for it to begin", since(began)))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return f.statusError(target, resp)
	}
	body := &bodyReader{body: resp.Body, left: maxBody}
	err = decode(body)
	switch {
	case body.err != nil:
		return f.transportError(target, body.err, fmt.Sprintf("waited %v for it to end", since(began)))
	case err != nil:
		return f.decodeError(target, resp, err)
	}
	return nil
}

// withAttemptTimeout returns ctx with a timeout of two thirds of its time: enough for a
// slow response, and a third is left for another attempt if none comes, since a packet
// was lost or a connection hangs. If that were too short for one, it is all of the time.
func withAttemptTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	left := time.Until(deadline)
	if !ok || left < 3*minAttempt {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, left*2/3)
}

// since returns the time since began in milliseconds.
func since(began time.Time) time.Duration { return time.Since(began).Round(time.Millisecond) }

// send sends a request and returns the response, of which the body is yet to read.
func (f *fetcher) send(ctx context.Context, target *url.URL) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header = f.auth.header.Clone()
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", f.options.UserAgent)

	resp, err := f.http.Do(req)
	if err != nil {
		return nil, err
	}
	if name := resp.Header.Get(rateLimitName); name != "" { // which becomes a label
		resp.Header.Set(rateLimitName, f.auth.redact(name))
	}
	return resp, nil
}

var errBodyTooLong = fmt.Errorf("the response is longer than %d MiB", maxBody>>20)

// bodyReader reads a response of limited length. It keeps the error that ended it
// early, which a decoder would take for a syntax error.
type bodyReader struct {
	body io.Reader
	left int
	err  error
}

// Read implements [io.Reader].
func (b *bodyReader) Read(p []byte) (int, error) {
	if b.left < 0 {
		b.err = errBodyTooLong
	}
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.body.Read(p)
	b.left -= n
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = err
	}
	return n, err
}

// statusError returns the error for a status other than 200.
func (f *fetcher) statusError(target *url.URL, resp *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody+1)) // the status is enough without it
	if err != nil || len(body) > maxErrorBody {
		// The last word may be the first half of a secret, which redact would not find.
		body = body[:bytes.LastIndexAny(body, " \t\r\n")+1]
	}
	e := &Error{
		Reason: reasonOfStatus(resp.StatusCode),
		Op:     "GET " + target.String(),
		Status: resp.StatusCode,
		// Not resp.Status: its reason phrase is the server's, and may be anything.
		Detail: strings.TrimSpace(fmt.Sprintf("response status %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))),
	}
	if message := truncate(f.auth.redact(describeBody(body))); message != "" {
		e.Detail += fmt.Sprintf(" (%s)", message)
	}
	switch {
	case e.Reason == RateLimited:
		e.RetryAt = f.limiter.notBefore(time.Now())
	case e.Status >= 300 && e.Status < 400:
		e.Detail += "; redirects are not followed, since the keys would be sent to another host"
	case (e.Reason == Unauthorized || e.Reason == Forbidden) && f.auth.fileErr != nil:
		e.Detail += fmt.Sprintf("; sent the last valid key, since the key file is unusable: %v", f.auth.fileErr)
	}
	return e
}

func reasonOfStatus(status int) Reason {
	switch {
	case status == http.StatusUnauthorized:
		return Unauthorized
	case status == http.StatusForbidden:
		return Forbidden
	case status == http.StatusTooManyRequests:
		return RateLimited
	case status >= 500:
		return ServerError
	case status >= 300:
		return ClientError
	}
	return Malformed // a success without a listing
}

// transportError returns the error for a request without a complete response. It
// returns an err that is an [Error] as it is. If err is a timeout, waited says for what.
func (f *fetcher) transportError(target *url.URL, err error, waited string) error {
	var limited *Error
	if errors.As(err, &limited) {
		return err
	}
	var inURL *url.Error // its text would repeat the method and the URL
	if errors.As(err, &inURL) {
		err = inURL.Err
	}
	e := &Error{Reason: Network, Op: "GET " + target.String(), Detail: truncate(f.auth.redact(err.Error())), Err: err}
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, errBodyTooLong):
		e.Reason = Malformed
	case errors.Is(err, gzip.ErrHeader):
		e.Reason = Malformed
		e.Detail = "the response is not compressed, but its Content-Encoding is gzip"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		e.Reason = Timeout
		e.Detail = fmt.Sprintf("no complete response before the timeout: %s; all its requests have %v together, and a slow API needs more",
			waited, f.options.Timeout)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		e.Detail = "connection closed, or response cut off, before it was complete"
	}
	return e
}

// decodeError returns the error for a status of 200 without a listing.
func (f *fetcher) decodeError(target *url.URL, resp *http.Response, err error) error {
	return &Error{
		Reason: Malformed,
		Op:     "GET " + target.String(),
		Status: resp.StatusCode,
		Detail: truncate(f.auth.redact(fmt.Sprintf("the response is not a listing of %s: %v (Content-Type %q)", f.noun, err, resp.Header.Get("Content-Type")))),
		Err:    err,
	}
}
