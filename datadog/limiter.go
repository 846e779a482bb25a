package datadog

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// maxRateLimitWait bounds the wait for a rate limit: the longest period of Datadog's
	// is an hour (https://docs.datadoghq.com/api/latest/rate-limits/). A longer period is
	// taken for absent. Retry-After is only bounded: gateways send it too, and may mean
	// it.
	maxRateLimitWait = time.Hour
	// maxResetWait bounds X-RateLimit-Reset without X-RateLimit-Period: servers that are
	// not Datadog's may mean a Unix time.
	maxResetWait = 5 * time.Minute
	// minRateLimitWait is the shortest wait after a 429: reset times are whole seconds,
	// so that 0 may be most of one.
	minRateLimitWait = time.Second
)

// absent is the value of a number that is in no header.
const absent = -1

// RateLimit is the state of a rate limit in the headers of a response.
type RateLimit struct {
	Name      string        // empty if absent, or unlike a name
	Limit     int           // requests per period, negative if absent
	Remaining int           // requests left in this period, negative if absent
	Period    time.Duration // zero if absent or longer than an hour
	ResetAt   time.Time     // end of this period, zero if absent
}

const rateLimitName = "X-RateLimit-Name"

// limitName matches what looks like the name of a rate limit.
var limitName = regexp.MustCompile(`^[\w./:-]{1,64}$`)

// parseRateLimit parses the X-RateLimit headers. ok is false without any but a name.
func parseRateLimit(h http.Header, now time.Time) (limit RateLimit, ok bool) {
	limit = RateLimit{
		Name:      limitName.FindString(h.Get(rateLimitName)),
		Limit:     parseCount(h, "X-RateLimit-Limit"),
		Remaining: parseCount(h, "X-RateLimit-Remaining"),
	}
	if period, ok := parseSeconds(h, "X-RateLimit-Period"); ok && period <= maxRateLimitWait {
		limit.Period = period
	}
	if reset, ok := parseSeconds(h, "X-RateLimit-Reset"); ok {
		limit.ResetAt = now.Add(min(reset, cmp.Or(limit.Period, maxResetWait)))
	}
	return limit, limit != RateLimit{Name: limit.Name, Limit: absent, Remaining: absent}
}

// parseRetryAfter returns the wait that a 429 asks for: until the reset of its limit,
// else Retry-After in seconds or as a date (RFC 9110, section 10.2.3), which may be past.
func parseRetryAfter(h http.Header, now time.Time) (wait time.Duration, ok bool) {
	if limit, _ := parseRateLimit(h, now); !limit.ResetAt.IsZero() {
		return limit.ResetAt.Sub(now), true
	}
	if wait, ok = parseSeconds(h, "Retry-After"); ok {
		return min(wait, maxRateLimitWait), true
	}
	if date, err := http.ParseTime(h.Get("Retry-After")); err == nil {
		return min(date.Sub(now), maxRateLimitWait), true
	}
	return 0, false
}

func parseCount(h http.Header, name string) int {
	n, err := strconv.Atoi(strings.TrimSpace(h.Get(name)))
	if err != nil || n < 0 {
		return absent
	}
	return n
}

// parseSeconds parses a number of seconds. It reduces it to a year. ok is false if the
// header is absent, negative or not a number.
func parseSeconds(h http.Header, name string) (d time.Duration, ok bool) {
	const year = 365 * 24 * time.Hour
	seconds, err := strconv.ParseFloat(strings.TrimSpace(h.Get(name)), 64)
	if err != nil || !(seconds >= 0) { // !(≥) is true of NaN as well
		return 0, false
	}
	return time.Duration(min(seconds, year.Seconds()) * float64(time.Second)), true
}

// limiter delays requests while the org's rate limit for an endpoint is used up. All
// listings of a client share it.
//
// It believes what a response says until the reset, and no longer: no more requests are
// in flight than remain. After the reset, one request at a time is sent until a response
// repeats the limit, or has none.
//
// Responses arrive in any order, and resets are whole seconds from now: nothing in a
// response names its period. So of all responses before the reset that is believed, the
// one with the fewest requests left counts, with its own reset. One of the last period
// that arrives late, or of the next that arrives early, can only delay requests, for the
// second or so by which the resets of one period differ.
type limiter struct {
	op string // for errors

	mu       sync.Mutex
	last     *RateLimit    // of the last response that had one
	inFlight int           // requests without a response yet
	released chan struct{} // closed and replaced when fewer are in flight

	remaining int       // requests left until resetAt
	resetAt   time.Time // zero without a limit
}

func newLimiter(op string) *limiter { return &limiter{op: op, released: make(chan struct{})} }

// acquire blocks until a request may be sent. The request is then in flight until
// release. If the limit is used up until the deadline of ctx, it fails at once.
func (l *limiter) acquire(ctx context.Context) error {
	for {
		now := time.Now()
		wait, released := l.tryAcquire(now)
		if released == nil {
			return nil
		}
		notBefore := l.notBefore(now)
		if deadline, ok := ctx.Deadline(); ok && !notBefore.Before(deadline) {
			return &Error{
				Reason:  RateLimited,
				Op:      l.op,
				Detail:  fmt.Sprintf("rate limit used up until %s, no request sent", notBefore.UTC().Format(time.RFC3339)),
				RetryAt: notBefore,
			}
		}
		var reset <-chan time.Time
		if wait > 0 {
			reset = time.After(wait)
		}
		select {
		case <-released:
		case <-reset:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// tryAcquire returns nil if a request may be sent, which is then in flight. Else it
// returns what may allow one: the reset after wait, unless that is past, or fewer
// requests in flight, when released is closed.
func (l *limiter) tryAcquire(now time.Time) (wait time.Duration, released <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	allowed := l.inFlight + 1 // without a limit
	switch {
	case now.Before(l.resetAt):
		allowed = l.remaining
	case !l.resetAt.IsZero():
		allowed = 1
	}
	if l.inFlight < allowed {
		l.inFlight++
		return 0, nil
	}
	return l.resetAt.Sub(now), l.released
}

// release ends a request in flight. resp is nil without a response. After a 429 that
// does not say for how long, the limit is used up for the next of the pauses.
func (l *limiter) release(resp *http.Response, pauses backoff.BackOff, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inFlight--
	close(l.released)
	l.released = make(chan struct{})
	if resp == nil {
		return
	}
	limit, ok := parseRateLimit(resp.Header, now)
	if ok {
		l.last = &limit
	}
	switch {
	case resp.StatusCode == http.StatusTooManyRequests:
		wait, ok := parseRetryAfter(resp.Header, now)
		if !ok {
			wait = pauses.NextBackOff()
		}
		l.believe(0, now.Add(max(wait, minRateLimitWait)), now)
	case limit.Remaining != absent && !limit.ResetAt.IsZero():
		l.believe(limit.Remaining, limit.ResetAt, now)
	case now.Before(l.resetAt):
		l.remaining = max(l.remaining-1, 0) // a limit that is told once
	default:
		l.resetAt = time.Time{}
	}
}

// believe sets the limit, unless the present one has fewer requests left, or as few for
// longer.
func (l *limiter) believe(remaining int, resetAt, now time.Time) {
	if now.Before(l.resetAt) && (l.remaining < remaining || l.remaining == remaining && l.resetAt.After(resetAt)) {
		return
	}
	l.remaining, l.resetAt = remaining, resetAt
}

// notBefore returns when the limit that is used up resets, zero if it is not used up.
func (l *limiter) notBefore(now time.Time) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.remaining == 0 && now.Before(l.resetAt) {
		return l.resetAt
	}
	return time.Time{}
}

// rateLimit returns the limit in the last response that had one, else nil.
func (l *limiter) rateLimit() *RateLimit {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// sleep pauses. It returns the cause of the end of ctx if that is first.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
