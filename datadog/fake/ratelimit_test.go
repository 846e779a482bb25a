package fake_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"datadog_org_connections_exporter/datadog/fake"
)

func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := triangle(fake.Options{RateLimit: fake.RateLimit{Limit: 2, Period: 10 * time.Second, Name: "bucket"}})
		a := connect(t, s, "a")
		b := a.as(s.Keys("b"))
		expect := func(c client, want string) {
			t.Helper()
			got := c.get("")
			if state := limitState(got); state != want {
				t.Errorf("after %v: got %q, want %q", time.Since(bubbleStart), state, want)
			}
		}

		time.Sleep(3500 * time.Millisecond) // virtual; the window began at 0 s, as calendars do
		expect(a, "200: 1 of 2 in 10 s left, reset 7, bucket")
		expect(a, "200: 0 of 2 in 10 s left, reset 7, bucket")
		expect(a, "429: 0 of 2 in 10 s left, reset 7, bucket")
		expect(b, "200: 1 of 2 in 10 s left, reset 7, bucket")
		time.Sleep(6499 * time.Millisecond) // virtual
		expect(a, "429: 0 of 2 in 10 s left, reset 1, bucket")
		time.Sleep(time.Millisecond) // virtual
		expect(a, "200: 1 of 2 in 10 s left, reset 10, bucket")
	})
}

// bubbleStart is when time begins in a synctest bubble.
var bubbleStart = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func limitState(a answer) string {
	h := func(name string) string { return a.header.Get("X-RateLimit-" + name) }
	return fmt.Sprintf("%d: %s of %s in %s s left, reset %s, %s",
		a.status, h("Remaining"), h("Limit"), h("Period"), h("Reset"), h("Name"))
}

func TestRateLimitHeadersStayAway(t *testing.T) {
	limited := fake.Options{RateLimit: fake.RateLimit{Limit: 1, Period: time.Minute}}
	tests := map[string]struct {
		opts fake.Options
		keys func(*fake.Server) fake.Keys
	}{
		"no limit":   {fake.Options{}, func(s *fake.Server) fake.Keys { return s.Keys("a") }},
		"wrong keys": {limited, func(*fake.Server) fake.Keys { return fake.Keys{API: "0", App: "0"} }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := triangle(test.opts)
			got := connect(t, s, "a").as(test.keys(s)).get("")
			if limit, ok := got.header["X-Ratelimit-Limit"]; ok || got.status == 429 {
				t.Errorf("status %d, limit %v", got.status, limit)
			}
		})
	}
}
