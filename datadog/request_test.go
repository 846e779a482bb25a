package datadog_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/datadog/fake"
)

// faults are responses that fail a listing, and the reason.
var faults = []struct {
	name   string
	fault  fake.Fault
	reason datadog.Reason
	says   string // in the error
}{
	{"unauthorized", fake.Status(401), datadog.Unauthorized, "401 Unauthorized"},
	{"forbidden", fake.ErrorObjects(403), datadog.Forbidden, "(Forbidden)"},
	{"too many requests, and a time far off", fake.TooManyRequests(header("X-RateLimit-Reset", "600")), datadog.RateLimited, "429 Too Many Requests"},
	{"too many requests, and no header", fake.TooManyRequests(nil), datadog.RateLimited, "429 Too Many Requests"},
	{"bad request", fake.Status(400), datadog.ClientError, "400 Bad Request"},
	{"not found", fake.HTMLError(404), datadog.ClientError, "404 Not Found"},
	{"redirect", fake.Redirect("https://elsewhere.example.com/"), datadog.ClientError, "redirect"},
	{"server error", fake.Status(500), datadog.ServerError, "500 Internal Server Error"},
	{"gateway's page", fake.HTMLError(502), datadog.ServerError, `502 Bad Gateway (an HTML page, "502 Bad Gateway")`},
	{"gateway timeout", fake.HTMLError(504), datadog.ServerError, "504 Gateway Timeout"},
	{"success without a listing", fake.Status(204, ""), datadog.Malformed, "204 No Content"},
	{"login page", fake.HTML200(), datadog.Malformed, "is not a listing"},
	{"truncated JSON", fake.Truncated(), datadog.Malformed, "is not a listing"},
	{"not a list", fake.NotAList(), datadog.Malformed, "is not a listing"},
	{"no data", fake.NullData(), datadog.Malformed, "is not a listing"},
	{"endless", fake.Endless(), datadog.Malformed, "longer than 32 MiB"},
	{"not compressed", fake.FalseGzip(), datadog.Malformed, "not compressed, but its Content-Encoding is gzip"},
	{"half of a compressed page", fake.TruncatedGzip(), datadog.Network, "cut off"},
	{"no connection", fake.Disconnect(), datadog.Network, "connection closed"},
	{"broken connection", fake.DisconnectMidBody(), datadog.Network, "connection closed"},
	{"no response", fake.Hang(), datadog.Timeout, "no complete response before the timeout"},
	{"half a response", fake.HangMidBody(), datadog.Timeout, "no complete response before the timeout"},
}

func TestList_FaultsHaveReasonsAndLeaveNoTrace(t *testing.T) {
	for _, test := range faults {
		for _, offset := range []int{0, 100} {
			runSynctest(t, fmt.Sprintf("%s at offset %d", test.name, offset), func(t *testing.T) {
				server, org := fake.Star(fake.Options{}, 250, 1)
				client := newClient(t, server, org, func(o *datadog.Options) { o.PageSize = 100 })
				server.Inject(test.fault.From(offset))
				listing, err := client.List(t.Context())
				if !errors.Is(err, test.reason) {
					t.Fatalf("got %v and the error %v, want %v", listing, err, test.reason)
				}
				var failed *datadog.Error
				if !errors.As(err, &failed) || failed.Reason != test.reason {
					t.Errorf("%#v is not an Error with the reason %v", err, test.reason)
				}
				// Another page's 429 may come before the request for this page is sent.
				notSent := offset > 0 && test.reason == datadog.RateLimited && strings.Contains(err.Error(), "rate limit used up until 2000-")
				if !strings.Contains(err.Error(), test.says) && !notSent {
					t.Errorf("the error is %q, want %q in it", err, test.says)
				}
				wantNoSecrets(t, err.Error(), server.Keys(org))
				server.ClearFaults()
				if wait := time.Until(failed.RetryAt); wait > 0 {
					time.Sleep(wait) // virtual
				}
				wantAllConnections(t, list(t, client), server, org)
			})
		}
	}
}

// Whatever a response expands to, listing fails before it needs much memory.
func TestList_BoundsMemoryOfResponses(t *testing.T) {
	const tooLong, tooMany = "longer than 32 MiB", "a list of more than 100000 elements"
	for _, test := range []struct{ name, start, repeat, says string }{
		{"an array that is skipped", `{"links":[0`, ",0", tooLong},
		{"empty rows", `{"data":[{}`, ",{}", tooMany},
		{"small rows", `{"data":[{"id":"1"}`, `,{"id":"1"}`, tooMany},
		{"types", `{"data":[{"attributes":{"connection_types":[""`, `,""`, tooMany},
		{"what is included", `{"included":[0`, ",0", tooMany},
	} {
		runSynctest(t, test.name, func(t *testing.T) {
			server, org := fake.Star(fake.Options{}, 5, 1)
			server.Inject(fake.GzipBomb(test.start, test.repeat))
			client := newClient(t, server, org)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := client.List(t.Context())
			runtime.ReadMemStats(&after)
			if !errors.Is(err, datadog.Malformed) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("the error is %v, want %v and %q in it", err, datadog.Malformed, test.says)
			}
			if used := (after.TotalAlloc - before.TotalAlloc) >> 20; used > 200 || server.Requests() != 1 {
				t.Errorf("%d MiB for %d requests", used, server.Requests())
			}
		})
	}
}

func TestList_AcceptsCompressedPages(t *testing.T) {
	runSynctest(t, "", func(t *testing.T) {
		server, org := fake.Star(fake.Options{}, 250, 1)
		server.Inject(fake.Gzip())
		client := newClient(t, server, org, func(o *datadog.Options) { o.PageSize = 100 })
		wantAllConnections(t, list(t, client), server, org)
		wantNoRetries(t, client)
		for _, request := range server.RequestLog() {
			if got := request.Header.Get("Accept-Encoding"); got != "gzip" {
				t.Errorf("Accept-Encoding is %q", got)
			}
		}
	})
}

func TestList_EndsBeforeTimeout(t *testing.T) {
	for _, test := range faults {
		runSynctest(t, test.name, func(t *testing.T) {
			server, org := fake.Star(fake.Options{}, 5, 1)
			server.Inject(test.fault)
			client := newClient(t, server, org, func(o *datadog.Options) { o.Timeout = 7 * time.Second })
			began := time.Now()
			if _, err := client.List(t.Context()); err == nil {
				t.Error("the listing succeeded")
			}
			if took := time.Since(began); took > 7*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestList_RetriesTransientFaults(t *testing.T) {
	for _, test := range []struct {
		name  string
		fault fake.Fault
		retry datadog.Reason
	}{
		{"server error", fake.Status(503), datadog.ServerError},
		{"broken connection", fake.DisconnectMidBody(), datadog.Network},
		{"no response", fake.Hang(), datadog.Timeout},
		{"too many requests", fake.TooManyRequests(header("Retry-After", "2")), datadog.RateLimited},
	} {
		runSynctest(t, test.name, func(t *testing.T) {
			server, org := fake.Star(fake.Options{}, 250, 1)
			server.Inject(test.fault.From(100).Times(2))
			client := newClient(t, server, org, func(o *datadog.Options) { o.PageSize = 100 })
			listing := list(t, client)
			wantAllConnections(t, listing, server, org)
			if !listing.Complete {
				t.Error("the listing is not complete")
			}
			for reason, count := range client.Stats().Retries {
				if want := map[bool]uint64{true: 2}[reason == test.retry]; count != want {
					t.Errorf("%d retries for %v, want %d", count, reason, want)
				}
			}
		})
	}
}

func TestList_WaitsForSlowResponses(t *testing.T) {
	for _, test := range []struct {
		name    string
		timeout time.Duration // default 30 s
		slow    time.Duration
		hangs   int // attempts before that get no response
	}{
		{"slow", 0, 19 * time.Second, 0},
		{"after no response", 0, 6 * time.Second, 1},
		{"after no response twice", 0, time.Second, 2},
		{"as slow as a short timeout allows", 2 * time.Second, 1900 * time.Millisecond, 0},
		{"after no response, and a short timeout", 4 * time.Second, 500 * time.Millisecond, 1},
	} {
		runSynctest(t, test.name, func(t *testing.T) {
			server, org := fake.Star(fake.Options{}, 5, 1)
			server.Inject(fake.Slow(test.slow).Once())
			if test.hangs > 0 {
				server.Inject(fake.Hang().Times(test.hangs))
			}
			client := newClient(t, server, org, func(o *datadog.Options) { o.Timeout = test.timeout })
			wantAllConnections(t, list(t, client), server, org)
			first := slices.DeleteFunc(server.RequestLog(), func(r fake.Request) bool { return r.Offset > 0 })
			if want := test.hangs + 1; len(first) != want {
				t.Errorf("%d requests for the first page, want %d", len(first), want)
			}
		})
	}
}

func TestError_TimeoutSaysWhatWasWaitedFor(t *testing.T) {
	for want, fault := range map[string]fake.Fault{
		"for it to begin; all its requests have 30s together": fake.Hang(),
		"for it to end; all its requests have 30s together":   fake.HangMidBody(),
	} {
		runSynctest(t, "", func(t *testing.T) {
			server, org := fake.Star(fake.Options{}, 5, 1)
			server.Inject(fault)
			client := newClient(t, server, org)
			began := time.Now()
			_, err := client.List(t.Context())
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("the error is %v, want %q in it", err, want)
			}
			if took := time.Since(began); took != 30*time.Second || server.Requests() != 3 {
				t.Errorf("%d requests in %v, want 3 in 30s", server.Requests(), took)
			}
		})
	}
}

func TestList_DoesNotRetryPermanentFaults(t *testing.T) {
	for _, fault := range []fake.Fault{fake.Status(401), fake.Status(403), fake.Status(404), fake.HTML200(), fake.Redirect("https://elsewhere.example.com/")} {
		runSynctest(t, "", func(t *testing.T) {
			server, org := fake.Star(fake.Options{}, 5, 1)
			server.Inject(fault)
			if _, err := newClient(t, server, org).List(t.Context()); err == nil {
				t.Error("the listing succeeded")
			}
			if server.Requests() != 1 {
				t.Errorf("%d requests", server.Requests())
			}
		})
	}
}

func TestList_PausesGrowExponentially(t *testing.T) {
	runSynctest(t, "", func(t *testing.T) {
		server, org := fake.Star(fake.Options{}, 5, 1)
		server.Inject(fake.Status(503))
		if _, err := newClient(t, server, org).List(t.Context()); !errors.Is(err, datadog.ServerError) {
			t.Fatal(err)
		}
		log := server.RequestLog()
		if len(log) != 5 {
			t.Fatalf("%d requests, want 5", len(log))
		}
		pause := 500 * time.Millisecond
		for n := 1; n < len(log); n++ {
			if got := log[n].At.Sub(log[n-1].At); got < pause/2 || got > pause*3/2 {
				t.Errorf("pause %d is %v, want %v give or take a half", n, got, pause)
			}
			pause *= 2
		}
	})
}

func TestList_EndsWithItsContext(t *testing.T) {
	runSynctest(t, "", func(t *testing.T) {
		server, org := fake.Star(fake.Options{}, 5, 1)
		server.Inject(fake.Hang())
		ctx, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		began := time.Now()
		if _, err := newClient(t, server, org).List(ctx); !errors.Is(err, datadog.Timeout) {
			t.Errorf("the error is %v", err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestList_DoesNotFollowRedirects(t *testing.T) {
	reached := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer elsewhere.Close()
	server, org := fake.Star(fake.Options{}, 5, 1)
	server.Inject(fake.Redirect(elsewhere.URL))
	api := httptest.NewServer(server)
	defer api.Close()
	client := newClient(t, server, org, func(o *datadog.Options) {
		o.API = mustURL(t, api.URL)
		o.Transport = nil
	})
	if _, err := client.List(t.Context()); !errors.Is(err, datadog.ClientError) {
		t.Errorf("the error is %v", err)
	}
	if reached {
		t.Error("the redirect was followed")
	}
}

func TestError_RedactsSecretsInResponses(t *testing.T) {
	for _, status := range []int{400, 401, 403, 500} {
		runSynctest(t, http.StatusText(status), func(t *testing.T) {
			server, org := fake.Star(fake.Options{}, 5, 1)
			keys := server.Keys(org)
			server.Inject(fake.Status(status, `{"errors":["the key `+keys.API+` of some.body@example.com and `+keys.App+` is not good"]}`))
			_, err := newClient(t, server, org).List(t.Context())
			if err == nil || !strings.Contains(err.Error(), "the key [secret] of [address] and [secret] is not good") {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestError_OmitsReasonPhrase(t *testing.T) {
	for code, want := range map[int]string{403: ": response status 403 Forbidden", 599: ": response status 599"} {
		runSynctest(t, strconv.Itoa(code), func(t *testing.T) {
			server, org := fake.Star(fake.Options{}, 5, 1)
			server.Inject(fake.ReasonPhrase(code, server.Keys(org).API+" of some.body@example.com "+strings.Repeat("x", 100_000)))
			_, err := newClient(t, server, org).List(t.Context())
			if err == nil || !strings.HasSuffix(err.Error(), want) {
				t.Errorf("the error is %.300v", err)
			}
		})
	}
}

// roundTripper answers every request with the same response.
type roundTripper struct {
	status int
	header http.Header
	body   string
	err    error // after the body
}

func (r roundTripper) RoundTrip(*http.Request) (*http.Response, error) {
	var body io.Reader = strings.NewReader(r.body)
	if r.err != nil {
		body = io.MultiReader(body, iotest.ErrReader(r.err))
	}
	return &http.Response{StatusCode: r.status, Header: r.header, Body: io.NopCloser(body)}, nil
}

// Wherever a text is cut, it must not show half of a key.
func TestError_RedactsSecretsBeforeCutting(t *testing.T) {
	const maxErrorBody = 64 << 10
	for name, response := range map[string]func(n int, key string) roundTripper{
		"the message of an error": func(n int, key string) roundTripper {
			return roundTripper{status: 400, body: `{"errors":["` + strings.Repeat("x", n) + key + `"]}`}
		},
		"the title of a page": func(n int, key string) roundTripper {
			return roundTripper{status: 400, body: "<title>" + strings.Repeat("x", n) + key + "</title>"}
		},
		"a text": func(n int, key string) roundTripper {
			return roundTripper{status: 400, body: strings.Repeat("x", n) + key}
		},
		"a text that is too long": func(n int, key string) roundTripper {
			return roundTripper{status: 400, body: "the" + strings.Repeat(" ", maxErrorBody-n) + key}
		},
		"a text that breaks off": func(n int, key string) roundTripper {
			return roundTripper{status: 400, body: strings.Repeat("the key is ", n%2) + key[:min(n, len(key)-1)], err: io.ErrUnexpectedEOF}
		},
		"the Content-Type": func(n int, key string) roundTripper {
			return roundTripper{status: 200, header: header("Content-Type", strings.Repeat("x", n)+key)}
		},
		"the type of a row": func(n int, key string) roundTripper {
			return roundTripper{status: 200, body: `{"data":[{"id":"1","type":"` + strings.Repeat("x", n) + key + `"}]}`}
		},
		"the place of a wrong type": func(n int, key string) roundTripper {
			return roundTripper{status: 200, body: `{"data":{"` + strings.Repeat("x", n) + key + `":1}}`}
		},
		"the place of a syntax error": func(n int, key string) roundTripper {
			return roundTripper{status: 200, body: `{"data":[{"` + strings.Repeat("x", n) + key + strings.Repeat("x", 30) + `":tru}]}`}
		},
	} {
		t.Run(name, func(t *testing.T) {
			server, org := fake.Star(fake.Options{}, 1, 1)
			key := server.Keys(org).API
			var transport roundTripper
			client := newClient(t, server, org, func(o *datadog.Options) { o.Transport = &transport })
			for n := range 210 {
				if name == "a text that is too long" && n > 2*len(key) {
					break // what is cut off by then is white space
				}
				transport = response(n, key)
				_, err := client.List(t.Context())
				for at := range len(key) - 6 {
					if err == nil || strings.Contains(err.Error(), key[at:at+6]) {
						t.Fatalf("after %d characters, the error shows a part of the key %s: %v", n, key, err)
					}
				}
			}
		})
	}
}

func TestError_IsOneShortLine(t *testing.T) {
	runSynctest(t, "", func(t *testing.T) {
		server, org := fake.Star(fake.Options{}, 5, 1)
		server.Inject(fake.Status(500, strings.Repeat("line\r\n\x1b[31m\x00\xff", 1000)))
		_, err := newClient(t, server, org).List(t.Context())
		if err == nil || len(err.Error()) > 600 || strings.ContainsAny(err.Error(), "\r\n\x1b\x00") || !utf8.ValidString(err.Error()) {
			t.Errorf("the error is %q", err)
		}
	})
}
