package datadog

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxRateLimitWait bounds what a header may ask for. The longest period that
// Datadog documents is an hour
// (https://docs.datadoghq.com/api/latest/rate-limits/).
const maxRateLimitWait = time.Hour

// minRateLimitWait is the pause after a 429 that asks for less: reset times are
// whole seconds, so zero may be most of one.
const minRateLimitWait = time.Second

// notGiven stands for a number that the API did not give.
const notGiven = -1

// RateLimit is what the API last said about one of its limits.
type RateLimit struct {
	Name      string        // empty where the API gives none
	Limit     int           // requests per period, negative where not given
	Remaining int           // requests left in this period, negative where not given
	Period    time.Duration // zero where not given
	ResetAt   time.Time     // when the period ends, zero where not given
}

// parseRateLimit reads the X-RateLimit headers; ok is false where there are none.
func parseRateLimit(h http.Header, now time.Time) (limit RateLimit, ok bool) {
	limit = RateLimit{
		Name:      strings.ToValidUTF8(h.Get("X-RateLimit-Name"), "\ufffd"),
		Limit:     headerCount(h, "X-RateLimit-Limit"),
		Remaining: headerCount(h, "X-RateLimit-Remaining"),
	}
	if period, given := headerSeconds(h, "X-RateLimit-Period"); given {
		limit.Period = period
	}
	if reset, given := headerSeconds(h, "X-RateLimit-Reset"); given {
		limit.ResetAt = now.Add(reset)
	}
	return limit, limit != RateLimit{Name: limit.Name, Limit: notGiven, Remaining: notGiven}
}

// retryAfter reads what a 429 asks for: X-RateLimit-Reset in seconds from now,
// else Retry-After in seconds or as a date (RFC 9110, section 10.2.3).
func retryAfter(h http.Header, now time.Time) (wait time.Duration, ok bool) {
	if wait, ok = headerSeconds(h, "X-RateLimit-Reset"); ok {
		return wait, true
	}
	if wait, ok = headerSeconds(h, "Retry-After"); ok {
		return wait, true
	}
	if date, err := http.ParseTime(h.Get("Retry-After")); err == nil {
		return bounded(date.Sub(now)), true
	}
	return 0, false
}

func headerCount(h http.Header, name string) int {
	n, err := strconv.Atoi(strings.TrimSpace(h.Get(name)))
	if err != nil || n < 0 {
		return notGiven
	}
	return n
}

// headerSeconds reads a number of seconds, bounded. A negative one is not
// believed.
func headerSeconds(h http.Header, name string) (time.Duration, bool) {
	seconds, err := strconv.ParseFloat(strings.TrimSpace(h.Get(name)), 64)
	if err != nil || !(seconds >= 0) { // !(≥) is true of NaN as well
		return 0, false
	}
	return bounded(time.Duration(min(seconds, maxRateLimitWait.Seconds()) * float64(time.Second))), true
}

func bounded(wait time.Duration) time.Duration {
	return min(max(wait, 0), maxRateLimitWait)
}

// gate keeps requests back while the org's rate limit is used up. It serves all
// listings of the org, so that none asks what another was told not to.
type gate struct {
	mu    sync.Mutex
	told  *RateLimit // by the last answer that had one
	until time.Time  // nothing is sent before, because of a 429

	budget int           // requests left until end, notGiven where unknown
	end    time.Time     // when the budget is renewed
	limit  int           // to what it is renewed then, notGiven where unknown
	period time.Duration // and for how long
}

func newGate() *gate { return &gate{budget: notGiven, limit: notGiven} }

// pass waits for the leave to send one request. It fails at once, sending
// nothing, where the limit resets too late for ctx.
func (g *gate) pass(ctx context.Context) error {
	for {
		opens := g.take(time.Now())
		if opens.IsZero() {
			return nil
		}
		if deadline, ok := ctx.Deadline(); ok && deadline.Before(opens) {
			return &Error{
				Reason:  RateLimited,
				Op:      "list org connections",
				Detail:  fmt.Sprintf("the API's rate limit is used up until %s, nothing is sent before", opens.UTC().Format(time.RFC3339)),
				RetryAt: opens,
			}
		}
		if err := sleep(ctx, time.Until(opens)); err != nil {
			return err
		}
	}
}

// renew begins a new period of the budget where the old one is over.
func (g *gate) renew(now time.Time) {
	if now.Before(g.end) {
		return
	}
	g.budget = notGiven
	if g.limit > 0 && g.period > 0 {
		g.budget = g.limit
		g.end = g.end.Add(now.Sub(g.end).Truncate(g.period) + g.period)
	}
}

// opensWithin tells whether ctx lasts until the next request may be sent.
func (g *gate) opensWithin(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return !ok || g.closedUntil(time.Now()).Before(deadline)
}

// take uses up one request of the budget, or says when there is one again.
func (g *gate) take(now time.Time) (opens time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.renew(now)
	switch {
	case now.Before(g.until):
		return g.until
	case g.budget == 0:
		return g.end
	case g.budget > 0:
		g.budget--
	}
	return time.Time{}
}

// observe learns from an answer's headers. Answers of requests that were under
// way together arrive in any order, so within a period the budget only falls.
func (g *gate) observe(h http.Header, now time.Time) {
	limit, ok := parseRateLimit(h, now)
	if !ok {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.told = &limit
	if limit.Remaining == notGiven || limit.ResetAt.IsZero() {
		return
	}
	g.limit, g.period = limit.Limit, limit.Period
	if g.budget == notGiven || limit.Remaining < g.budget {
		g.budget = limit.Remaining
		g.end = limit.ResetAt
	}
}

// close keeps everything back for a while, after a 429.
func (g *gate) close(now time.Time, wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if until := now.Add(max(wait, minRateLimitWait)); until.After(g.until) {
		g.until = until
	}
}

// closedUntil is when the next request may be sent; zero where it may be now.
func (g *gate) closedUntil(now time.Time) time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.budget == 0 && now.Before(g.end) && g.end.After(g.until):
		return g.end
	case now.Before(g.until):
		return g.until
	}
	return time.Time{}
}

func (g *gate) rateLimit() *RateLimit {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.told
}

// sleep pauses, or fails when ctx ends first.
func sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
