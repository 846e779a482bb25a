package datadog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// maxTries is how often one page is asked for.
	maxTries = 5
	// maxBody caps an answer, in bytes. A page of 1,000 connections with all its
	// orgs and users takes about one and a half million.
	maxBody = 32 << 20
	// maxErrorBody caps what is read of an answer that is an error.
	maxErrorBody = 64 << 10
)

// newBackOff is the pause between tries where the API does not name one: half a
// second, then twice as long each time, give or take a half.
func newBackOff() *backoff.ExponentialBackOff {
	return &backoff.ExponentialBackOff{
		InitialInterval:     500 * time.Millisecond,
		RandomizationFactor: 0.5,
		Multiplier:          2,
		MaxInterval:         15 * time.Second,
	}
}

// pageRequest asks for the pages of one listing.
type pageRequest struct {
	*Client
	login login
}

// get fetches the page at the offset, trying again while there is time and hope.
func (r *pageRequest) get(ctx context.Context, offset int) (*page, error) {
	pauses := newBackOff()
	for try := 1; ; try++ {
		p, err := r.try(ctx, offset, pauses)
		if err == nil {
			return p, nil
		}
		var failure *Error
		if !errors.As(err, &failure) || !failure.Reason.retryable() || try == maxTries || ctx.Err() != nil {
			return nil, err
		}
		if !r.pause(ctx, failure, pauses) {
			return nil, err
		}
		r.countRetry(failure.Reason)
	}
}

// pause waits before the next try, and tells whether there will be one. After a
// 429 the gate keeps the time.
func (r *pageRequest) pause(ctx context.Context, failure *Error, pauses backoff.BackOff) bool {
	if failure.Reason == RateLimited {
		return r.gate.opensWithin(ctx)
	}
	pause := pauses.NextBackOff()
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= pause {
		return false
	}
	return sleep(ctx, pause) == nil
}

// try asks once. Where nothing limits it but ctx, an attempt gets half of the
// time that is left: a single answer that never comes leaves time for another.
func (r *pageRequest) try(ctx context.Context, offset int, pauses backoff.BackOff) (*page, error) {
	target := r.url(offset)
	if err := r.gate.pass(ctx); err != nil {
		return nil, r.failure(target, err)
	}
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/2)
		defer cancel()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, r.failure(target, err)
	}
	req.Header = r.login.header.Clone()
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", r.userAgent)

	resp, err := r.http.Do(req)
	if err != nil {
		return nil, r.failure(target, err)
	}
	defer resp.Body.Close()
	r.gate.observe(resp.Header, time.Now())
	if resp.StatusCode != http.StatusOK {
		return nil, r.refusal(target, resp, pauses)
	}
	body := &answer{from: resp.Body, left: maxBody}
	p, err := decodePage(body, r.filtered())
	switch {
	case body.err != nil:
		return nil, r.failure(target, body.err)
	case err != nil:
		return nil, r.malformed(target, resp, err)
	}
	return p, nil
}

// url is the address of the page at the offset.
func (c *Client) url(offset int) *url.URL {
	target := c.api.JoinPath("api", "v2", "org_connections")
	query := url.Values{
		"limit":  {strconv.Itoa(c.pageSize)},
		"offset": {strconv.Itoa(offset)},
	}
	if c.sourceOrgID != "" {
		query.Set("source_org_id", c.sourceOrgID)
	}
	if c.sinkOrgID != "" {
		query.Set("sink_org_id", c.sinkOrgID)
	}
	target.RawQuery = query.Encode()
	return target
}

var errBodyTooLong = fmt.Errorf("the answer is longer than %d MiB", maxBody>>20)

// answer is a body that is decoded while it comes in. It knows whether it was
// there as a whole: what broke off is no fault of what came until then.
type answer struct {
	from io.Reader
	left int
	err  error // why it is not whole
}

func (a *answer) Read(p []byte) (int, error) {
	if a.left < 0 {
		a.err = errBodyTooLong
	}
	if a.err != nil {
		return 0, a.err
	}
	n, err := a.from.Read(p)
	a.left -= n
	if err != nil && !errors.Is(err, io.EOF) {
		a.err = err
	}
	return n, err
}

// refusal is the error for an answer that is not 200 OK. A 429 closes the gate.
func (r *pageRequest) refusal(target *url.URL, resp *http.Response, pauses backoff.BackOff) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // the status says enough without it
	e := &Error{
		Reason: reasonOfStatus(resp.StatusCode),
		Op:     "GET " + target.String(),
		Status: resp.StatusCode,
		Detail: "the answer was " + resp.Status,
	}
	if message := shorten(r.login.redact(describeBody(body))); message != "" {
		e.Detail += fmt.Sprintf(" (%s)", message)
	}
	switch {
	case e.Reason == RateLimited:
		now := time.Now()
		wait, ok := retryAfter(resp.Header, now)
		if !ok {
			wait = pauses.NextBackOff()
		}
		r.gate.close(now, wait)
		e.RetryAt = r.gate.closedUntil(now)
	case e.Status >= 300 && e.Status < 400:
		e.Detail += ", a redirect, which is refused: it would carry the keys elsewhere"
	case (e.Reason == Unauthorized || e.Reason == Forbidden) && r.login.stale != nil:
		e.Detail += fmt.Sprintf("; an earlier key was used because the present one is unusable: %v", r.login.stale)
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

// failure is the error for a request that got no whole answer.
func (r *pageRequest) failure(target *url.URL, err error) error {
	var known *Error
	if errors.As(err, &known) {
		return err
	}
	var inURL *url.Error // its text would repeat the method and the address
	if errors.As(err, &inURL) {
		err = inURL.Err
	}
	e := &Error{Reason: Network, Op: "GET " + target.String(), Detail: shorten(r.login.redact(err.Error())), Err: err}
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, errBodyTooLong):
		e.Reason = Malformed
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		e.Reason = Timeout
		e.Detail = "no whole answer came in time"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		e.Detail = "the connection broke before the whole answer was there"
	}
	return e
}

// malformed is the error for a 200 OK that is no listing.
func (r *pageRequest) malformed(target *url.URL, resp *http.Response, err error) error {
	return &Error{
		Reason: Malformed,
		Op:     "GET " + target.String(),
		Status: resp.StatusCode,
		Detail: shorten(r.login.redact(fmt.Sprintf("%v (Content-Type %q)", err, resp.Header.Get("Content-Type")))),
		Err:    err,
	}
}
