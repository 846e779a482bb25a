package datadog_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/datadog/fake"
)

func TestLimiter_WaitsAfter429AsHeadersSay(t *testing.T) {
	for _, test := range []struct {
		name          string
		header        func() http.Header
		atLeast, most time.Duration
	}{
		{"reset in seconds from now", func() http.Header { return header("X-RateLimit-Reset", "17") }, 17 * time.Second, 17 * time.Second},
		{"reset before Retry-After", func() http.Header { return header("X-RateLimit-Reset", "17", "Retry-After", "99") }, 17 * time.Second, 17 * time.Second},
		{"Retry-After in seconds", func() http.Header { return header("Retry-After", "23") }, 23 * time.Second, 23 * time.Second},
		{"Retry-After as a date", func() http.Header {
			return header("Retry-After", time.Now().Add(29*time.Second).UTC().Format(http.TimeFormat))
		}, 28 * time.Second, 29 * time.Second},
		{"Retry-After as a past date", func() http.Header {
			return header("Retry-After", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
		}, time.Second, time.Second},
		{"an invalid reset", func() http.Header { return header("X-RateLimit-Reset", "soon", "Retry-After", "7") }, 7 * time.Second, 7 * time.Second},
		{"a negative reset", func() http.Header { return header("X-RateLimit-Reset", "-5", "Retry-After", "7") }, 7 * time.Second, 7 * time.Second},
		{"NaN", func() http.Header { return header("X-RateLimit-Reset", "NaN", "Retry-After", "7") }, 7 * time.Second, 7 * time.Second},
		{"reset in zero seconds", func() http.Header { return header("X-RateLimit-Reset", "0") }, time.Second, time.Second},
		{"reset in an hour", func() http.Header { return header("X-RateLimit-Reset", "3600", "X-RateLimit-Period", "3600") }, time.Hour, time.Hour},
		{"reset after the period", func() http.Header { return header("X-RateLimit-Reset", "1795454840", "X-RateLimit-Period", "60") }, time.Minute, time.Minute},
		{"reset in a century", func() http.Header { return header("X-RateLimit-Reset", "3155760000") }, 5 * time.Minute, 5 * time.Minute},
		{"reset in 1e300 seconds", func() http.Header { return header("X-RateLimit-Reset", "1e300") }, 5 * time.Minute, 5 * time.Minute},
		{"reset and period in a century", func() http.Header {
			return header("X-RateLimit-Reset", "999999999999", "X-RateLimit-Period", "999999999999")
		}, 5 * time.Minute, 5 * time.Minute},
		{"reset in a century, period zero", func() http.Header {
			return header("X-RateLimit-Reset", "3155760000", "X-RateLimit-Period", "0")
		}, 5 * time.Minute, 5 * time.Minute},
		{"Retry-After in a century", func() http.Header { return header("Retry-After", "Fri, 01 Jan 2126 00:00:00 GMT") }, time.Hour, time.Hour},
		{"Retry-After in a century, in seconds", func() http.Header { return header("Retry-After", "3155760000") }, time.Hour, time.Hour},
		{"no header", func() http.Header { return nil }, time.Second, time.Second},
	} {
		runSynctest(t, test.name, func(t *testing.T) {
			server, org := fake.Star(fake.Options{}, 0, 1)
			server.Inject(fake.TooManyRequests(test.header()).Once())
			client := newClient(t, server, org, func(o *datadog.Options) { o.Timeout = 2 * time.Hour })
			wantAllConnections(t, list(t, client), server, org)
			log := server.RequestLog()
			if got := log[len(log)-1].At.Sub(log[0].At); len(log) != 2 || got < test.atLeast || got > test.most {
				t.Errorf("%d requests, the last after %v; want the second after %v", len(log), got, test.most)
			}
		})
	}
}

func TestLimiter_FailsAtOnceIfResetIsAfterTimeout(t *testing.T) {
	runSynctest(t, "", func(t *testing.T) {
		server, org := fake.Star(fake.Options{}, 5, 1)
		server.Inject(fake.TooManyRequests(header("X-RateLimit-Reset", "120")).Once())
		client := newClient(t, server, org)
		began := time.Now()
		wantLimited := func() {
			t.Helper()
			_, err := client.List(t.Context())
			var failed *datadog.Error
			if !errors.As(err, &failed) || !errors.Is(err, datadog.RateLimited) {
				t.Fatalf("the error is %v", err)
			}
			if at := failed.RetryAt.Sub(began); at != 2*time.Minute {
				t.Errorf("RetryAt is after %v", at)
			}
		}
		wantLimited()
		if took := time.Since(began); took != 0 {
			t.Errorf("it waited %v", took)
		}
		time.Sleep(80 * time.Second) // virtual
		wantLimited()
		if server.Requests() != 1 {
			t.Errorf("%d requests were sent before the limit reset", server.Requests())
		}
		time.Sleep(20 * time.Second) // virtual: now the reset is within the listing's time
		wantAllConnections(t, list(t, client), server, org)
		if at := server.RequestLog()[1].At.Sub(began); at != 2*time.Minute {
			t.Errorf("the next request came after %v", at)
		}
	})
}

func TestLimiter_WaitsBeforeA429(t *testing.T) {
	runSynctest(t, "", func(t *testing.T) {
		server, org := fake.Star(fake.Options{RateLimit: fake.RateLimit{Limit: 3, Period: time.Minute, Name: "org_connections"}}, 950, 1)
		client := newClient(t, server, org, func(o *datadog.Options) {
			o.PageSize = 100
			o.Timeout = 10 * time.Minute
		})
		listing := list(t, client)
		wantAllConnections(t, listing, server, org)
		for _, request := range server.RequestLog() {
			if request.Status == http.StatusTooManyRequests {
				t.Error("a request was sent although none was left")
			}
		}
		if server.Requests() != 10 || listing.Duration < 2*time.Minute {
			t.Errorf("%d requests in %v: three a minute are allowed", server.Requests(), listing.Duration)
		}
	})
}

func TestLimiter_KeepsToPeriods(t *testing.T) {
	for _, latency := range []time.Duration{0, 30 * time.Millisecond, 700 * time.Millisecond, 3 * time.Second} {
		runSynctest(t, latency.String(), func(t *testing.T) {
			server, org := fake.Star(fake.Options{Latency: latency, RateLimit: fake.RateLimit{Limit: 10, Period: time.Minute}}, 1550, 1)
			client := newClient(t, server, org, func(o *datadog.Options) {
				o.PageSize = 100
				o.Timeout = 2 * time.Minute
			})
			began := time.Now()
			wantAllConnections(t, list(t, client), server, org)
			if took := time.Since(began); took < time.Minute || took > 2*time.Minute {
				t.Errorf("it took %v, want two periods of a minute", took)
			}
			for _, request := range server.RequestLog() {
				if request.Status == http.StatusTooManyRequests {
					t.Errorf("a request was sent after %v although none was left", request.At.Sub(began))
				}
			}
			if server.Requests() > 20 {
				t.Errorf("%d requests for 16 pages", server.Requests())
			}
		})
	}
}

func TestLimiter_ForgetsLimitAfterReset(t *testing.T) {
	limit := header("X-RateLimit-Limit", "10", "X-RateLimit-Remaining", "0", "X-RateLimit-Period", "60", "X-RateLimit-Reset", "60")
	for name, fault := range map[string]fake.Fault{"429": fake.TooManyRequests(limit), "200": fake.Header(limit)} {
		runSynctest(t, name, func(t *testing.T) {
			server, org := fake.Star(fake.Options{}, 1550, 1)
			client := newClient(t, server, org, func(o *datadog.Options) { o.PageSize = 100 })
			server.Inject(fault.Once())
			if _, err := client.List(t.Context()); !errors.Is(err, datadog.RateLimited) {
				t.Fatalf("the error is %v", err)
			}
			if server.Requests() != 1 {
				t.Errorf("%d requests before the reset", server.Requests())
			}
			time.Sleep(time.Minute) // virtual
			for range 3 {
				began := time.Now()
				wantAllConnections(t, list(t, client), server, org)
				if took := time.Since(began); took != 0 {
					t.Errorf("a listing waited %v for a limit that is over", took)
				}
			}
		})
	}
}

// Such a listing never succeeds, however often it is repeated.
func TestError_SaysIfRateLimitNeedsALongerTimeout(t *testing.T) {
	const says = "must last until it resets, and the timeout is 30s"
	for _, test := range []struct {
		name  string
		limit fake.RateLimit
		fault fake.Fault
		want  []bool // of listings that fail one after the other: whether the error says so
	}{
		{"more pages than requests", fake.RateLimit{Limit: 10, Period: time.Minute}, fake.Slow(0), []bool{true, false}},
		{"429 for a later page", fake.RateLimit{}, fake.TooManyRequests(header("X-RateLimit-Reset", "60")).From(99), []bool{true, false}},
		{"429 for the first page", fake.RateLimit{}, fake.TooManyRequests(header("X-RateLimit-Reset", "60")), []bool{false}},
		{"429s that are soon over", fake.RateLimit{}, fake.TooManyRequests(header("X-RateLimit-Reset", "1")).From(1485), []bool{false}},
	} {
		runSynctest(t, test.name, func(t *testing.T) {
			server, org := fake.Star(fake.Options{RateLimit: test.limit}, 1550, 1)
			server.Inject(test.fault)
			client := newClient(t, server, org, func(o *datadog.Options) { o.PageSize = 100 })
			for n, want := range test.want {
				if _, err := client.List(t.Context()); !errors.Is(err, datadog.RateLimited) || strings.Contains(err.Error(), says) != want {
					t.Errorf("listing %d: the error is %v, want %q in it: %v", n, err, says, want)
				}
			}
		})
	}
}

func TestListing_NotBefore(t *testing.T) {
	runSynctest(t, "", func(t *testing.T) {
		server, org := fake.Star(fake.Options{RateLimit: fake.RateLimit{Limit: 2, Period: time.Minute}}, 0, 1)
		client := newClient(t, server, org)
		if next := list(t, client).NotBefore; !next.IsZero() {
			t.Errorf("one request is left, but NotBefore is %v", next)
		}
		reset := time.Now().Truncate(time.Minute).Add(time.Minute)
		if next := list(t, client).NotBefore; !next.Equal(reset) {
			t.Errorf("NotBefore is %v, want %v", next, reset)
		}
	})
}

func TestLimiter_IsSharedByConcurrentListings(t *testing.T) {
	runSynctest(t, "", func(t *testing.T) {
		server, org := fake.Star(fake.Options{}, 5, 1)
		server.Inject(fake.TooManyRequests(header("X-RateLimit-Reset", "20")))
		client := newClient(t, server, org)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, _ = client.List(ctx) // fails, and sets the limit
		var wait sync.WaitGroup
		for range 50 {
			wait.Go(func() {
				if _, err := client.List(ctx); !errors.Is(err, datadog.RateLimited) {
					t.Errorf("the error is %v", err)
				}
			})
		}
		wait.Wait()
		if server.Requests() != 1 {
			t.Errorf("%d requests", server.Requests())
		}
	})
}

func TestRateLimit_Name(t *testing.T) {
	long := strings.Repeat("n", 64)
	server, org := fake.Star(fake.Options{}, 5, 1)
	key := server.Keys(org).App
	for sent, want := range map[string]string{
		"org_connections":            "org_connections",
		"v2/org-connections:list.2":  "v2/org-connections:list.2",
		long:                         long,
		long + "n":                   "",
		"two words":                  "",
		`{"name":"org_connections"}`: "",
		"some.body@example.com":      "",
		"caf\u00e9":                  "",
		"\xff":                       "",
		key:                          "",
		"limit-of-" + key:            "",
	} {
		client := newClient(t, server, org, func(o *datadog.Options) {
			o.Transport = roundTripper{status: 200, header: header("X-RateLimit-Name", sent, "X-RateLimit-Limit", "9"), body: `{"data":[],"meta":{"page":{"total_count":0}}}`}
		})
		list(t, client)
		if limit := client.Stats().RateLimit; limit == nil || limit.Name != want || limit.Limit != 9 {
			t.Errorf("%q: the rate limit is %+v, want the name %q", sent, limit, want)
		}
	}
}

func TestClient_StatsHaveLastRateLimit(t *testing.T) {
	runSynctest(t, "", func(t *testing.T) {
		server, org := fake.Star(fake.Options{}, 5, 1)
		client := newClient(t, server, org)
		list(t, client)
		if limit := client.Stats().RateLimit; limit != nil {
			t.Errorf("no response had a limit, but there is %+v", limit)
		}
		server.Inject(fake.TooManyRequests(header("X-RateLimit-Name", "shared", "X-RateLimit-Limit", "40",
			"X-RateLimit-Remaining", "0", "X-RateLimit-Period", "60", "X-RateLimit-Reset", "45")))
		_, _ = client.List(t.Context()) // fails, and sets the limit
		want := datadog.RateLimit{Name: "shared", Limit: 40, Remaining: 0, Period: time.Minute, ResetAt: time.Now().Add(45 * time.Second)}
		if limit := client.Stats().RateLimit; limit == nil || *limit != want {
			t.Errorf("limit %+v, want %+v", limit, want)
		}
	})
}
