package datadog

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxRateLimitWait bounds the wait that a header asks for. The longest period of
// Datadog's rate limits is an hour (https://docs.datadoghq.com/api/latest/rate-limits/).
const maxRateLimitWait = time.Hour

// minRateLimitWait is the shortest wait after a 429: reset times are whole seconds, so
// that 0 may be most of one.
const minRateLimitWait = time.Second

// absent is the value of a number that is in no header.
const absent = -1

// RateLimit is the state of a rate limit in the headers of a response.
type RateLimit struct {
	Name      string        // empty if absent, or unlike a name
	Limit     int           // requests per period, negative if absent
	Remaining int           // requests left in this period, negative if absent
	Period    time.Duration // zero if absent
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
	if period, ok := parseSeconds(h, "X-RateLimit-Period"); ok {
		limit.Period = period
	}
	if reset, ok := parseSeconds(h, "X-RateLimit-Reset"); ok {
		limit.ResetAt = now.Add(reset)
	}
	return limit, limit != RateLimit{Name: limit.Name, Limit: absent, Remaining: absent}
}

// parseRetryAfter returns the wait that a 429 asks for: X-RateLimit-Reset in seconds,
// else Retry-After in seconds or as a date (RFC 9110, section 10.2.3).
func parseRetryAfter(h http.Header, now time.Time) (wait time.Duration, ok bool) {
	if wait, ok = parseSeconds(h, "X-RateLimit-Reset"); ok {
		return wait, true
	}
	if wait, ok = parseSeconds(h, "Retry-After"); ok {
		return wait, true
	}
	if date, err := http.ParseTime(h.Get("Retry-After")); err == nil {
		return min(max(date.Sub(now), 0), maxRateLimitWait), true
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

// parseSeconds parses a number of seconds. It reduces it to maxRateLimitWait. ok is
// false if the header is absent, negative or not a number.
func parseSeconds(h http.Header, name string) (d time.Duration, ok bool) {
	seconds, err := strconv.ParseFloat(strings.TrimSpace(h.Get(name)), 64)
	if err != nil || !(seconds >= 0) { // !(≥) is true of NaN as well
		return 0, false
	}
	return time.Duration(min(seconds, maxRateLimitWait.Seconds()) * float64(time.Second)), true
}

// limiter delays requests while the org's rate limit is used up. All listings of a
// client share it.
type limiter struct {
	mu           sync.Mutex
	last         *RateLimit // of the last response that had one
	blockedUntil time.Time  // because of a 429

	remaining int           // requests left until resetAt, or absent
	resetAt   time.Time     // when remaining becomes limit
	limit     int           // requests per period, or absent
	period    time.Duration // zero if absent
}

func newLimiter() *limiter { return &limiter{remaining: absent, limit: absent} }

// wait blocks until a request may be sent. It fails at once if that is after the
// deadline of ctx.
func (l *limiter) wait(ctx context.Context) error {
	for {
		notBefore := l.allow(time.Now())
		if notBefore.IsZero() {
			return nil
		}
		if deadline, ok := ctx.Deadline(); ok && deadline.Before(notBefore) {
			return &Error{
				Reason:  RateLimited,
				Op:      "list org connections",
				Detail:  fmt.Sprintf("rate limit used up until %s, no request sent", notBefore.UTC().Format(time.RFC3339)),
				RetryAt: notBefore,
			}
		}
		if err := sleep(ctx, time.Until(notBefore)); err != nil {
			return err
		}
	}
}

// allow counts one request and returns zero, or returns when to ask again.
func (l *limiter) allow(now time.Time) (notBefore time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reset(now)
	switch {
	case now.Before(l.blockedUntil):
		return l.blockedUntil
	case l.remaining == 0:
		return l.resetAt
	case l.remaining > 0:
		l.remaining--
	}
	return time.Time{}
}

// reset begins a new period if the current one is over.
func (l *limiter) reset(now time.Time) {
	if now.Before(l.resetAt) {
		return
	}
	l.remaining = absent
	if l.limit > 0 && l.period > 0 {
		l.remaining = l.limit
		l.resetAt = l.resetAt.Add(now.Sub(l.resetAt).Truncate(l.period) + l.period)
	}
}

// notBefore returns when the next request may be sent, zero if it may be now.
func (l *limiter) notBefore(now time.Time) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.remaining == 0 && now.Before(l.resetAt) && l.resetAt.After(l.blockedUntil):
		return l.resetAt
	case now.Before(l.blockedUntil):
		return l.blockedUntil
	}
	return time.Time{}
}

// allowsBefore reports whether the next request may be sent before the deadline of ctx.
func (l *limiter) allowsBefore(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return !ok || l.notBefore(time.Now()).Before(deadline)
}

// update sets the limit from the headers of a response. Responses of concurrent
// requests arrive in any order, so that remaining only decreases within a period.
func (l *limiter) update(h http.Header, now time.Time) {
	limit, ok := parseRateLimit(h, now)
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = &limit
	if limit.Remaining == absent || limit.ResetAt.IsZero() {
		return
	}
	l.limit, l.period = limit.Limit, limit.Period
	if l.remaining == absent || limit.Remaining < l.remaining {
		l.remaining = limit.Remaining
		l.resetAt = limit.ResetAt
	}
}

// block allows no request for some time. It never shortens an earlier block.
func (l *limiter) block(now time.Time, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until := now.Add(max(wait, minRateLimitWait)); until.After(l.blockedUntil) {
		l.blockedUntil = until
	}
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
