package datadog

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// response returns a response with these headers.
func response(status int, headers ...string) *http.Response {
	h := http.Header{}
	for n := 0; n < len(headers); n += 2 {
		h.Set(headers[n], headers[n+1])
	}
	return &http.Response{StatusCode: status, Header: h}
}

// limited returns a response with a rate limit.
func limited(remaining, reset int) *http.Response {
	return response(http.StatusOK, "X-RateLimit-Remaining", strconv.Itoa(remaining), "X-RateLimit-Reset", strconv.Itoa(reset))
}

// TestLimiter_AllowsWhatRemains checks how many requests may be in flight after
// responses to requests that were all sent before the first of them.
func TestLimiter_AllowsWhatRemains(t *testing.T) {
	const unlimited = 100
	type event struct {
		after time.Duration
		resp  *http.Response
	}
	tooMany := func(wait string) *http.Response { return response(http.StatusTooManyRequests, "Retry-After", wait) }
	for _, test := range []struct {
		name    string
		events  []event
		at      time.Duration
		allowed int
		wait    time.Duration // until the reset, if none is allowed
	}{
		{"no limit", []event{{0, response(200)}}, 0, unlimited, 0},
		{"a limit", []event{{0, limited(7, 60)}}, 59 * time.Second, 7, 0},
		{"after the reset", []event{{0, limited(7, 60)}}, 60 * time.Second, 1, 0},
		{"later responses repeat it", []event{{0, limited(7, 60)}, {60 * time.Second, limited(8, 60)}}, 60 * time.Second, 8, 0},
		{"later responses do not repeat it", []event{{0, limited(7, 60)}, {60 * time.Second, response(200)}}, 60 * time.Second, unlimited, 0},
		{"no response after the reset", []event{{0, limited(7, 60)}, {60 * time.Second, nil}}, 60 * time.Second, 1, 0},
		{"used up", []event{{0, limited(0, 60)}}, 20 * time.Second, 0, 40 * time.Second},
		{"responses out of order", []event{{0, limited(7, 60)}, {0, limited(9, 60)}, {0, limited(8, 60)}}, 0, 7, 0},
		{"the fewest remain until their reset", []event{{0, limited(7, 60)}, {0, limited(0, 59)}, {0, limited(8, 60)}}, 0, 0, 59 * time.Second},
		{"the last reset of those that used it up", []event{{0, limited(0, 59)}, {0, limited(0, 60)}, {0, limited(0, 58)}}, 0, 0, 60 * time.Second},
		{"late response of the last period", []event{{0, limited(9, 60)}, {0, limited(0, 1)}}, time.Second, 1, 0},
		{"no reset", []event{{0, response(200, "X-RateLimit-Remaining", "0")}}, 0, unlimited, 0},
		{"no reset in a later response", []event{{0, limited(7, 60)}, {0, response(200, "X-RateLimit-Remaining", "0")}}, 0, 6, 0},
		{"a reset, and not how many remain", []event{{0, response(200, "X-RateLimit-Reset", "60")}}, 0, unlimited, 0},
		{"a negative number remains", []event{{0, limited(-5, 60)}}, 0, unlimited, 0},
		{"nothing remains, reset now", []event{{0, limited(0, 0)}}, 0, 1, 0},
		{"told once", []event{{0, limited(2, 60)}, {0, response(200)}}, 0, 1, 0},
		{"told once, and used up", []event{{0, limited(2, 60)}, {0, response(200)}, {0, response(200)}, {0, response(200)}}, 0, 0, time.Minute},
		{"told once, and no response", []event{{0, limited(2, 60)}, {0, nil}}, 0, 2, 0},
		{"429", []event{{0, tooMany("60")}}, 0, 0, time.Minute},
		{"429, and more remain in another response", []event{{0, tooMany("60")}, {0, limited(7, 60)}}, 0, 0, time.Minute},
		{"429, and none remain for longer", []event{{0, tooMany("10")}, {0, limited(0, 60)}}, 0, 0, time.Minute},
		{"429 with a shorter wait", []event{{0, tooMany("60")}, {0, tooMany("1")}}, 0, 0, time.Minute},
		{"429 while some remain", []event{{0, limited(7, 60)}, {0, tooMany("10")}}, 0, 0, 10 * time.Second},
		{"429 without headers", []event{{0, response(429)}}, 0, 0, time.Second},
		{"after a 429", []event{{0, tooMany("10")}}, 10 * time.Second, 1, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, began := newLimiter("list"), time.Now()
			for range test.events {
				l.tryAcquire(began)
			}
			for _, e := range test.events {
				l.release(e.resp, newBackOff(), began.Add(e.after))
			}
			now := began.Add(test.at)
			until := l.notBefore(now)
			if want := map[bool]time.Time{true: now.Add(test.wait)}[test.allowed == 0]; !until.Equal(want) {
				t.Errorf("not before %v, want %v", until, want)
			}
			for n := range unlimited {
				wait, released := l.tryAcquire(now)
				if released == nil {
					continue
				}
				if n != test.allowed || n == 0 && wait != test.wait {
					t.Errorf("%d requests are allowed, the next after %v; want %d, after %v", n, wait, test.allowed, test.wait)
				}
				return
			}
			if test.allowed != unlimited {
				t.Errorf("no limit, want %d", test.allowed)
			}
		})
	}
}

func TestLimiter_AcquireWaits(t *testing.T) {
	for _, test := range []struct {
		name    string
		resp    *http.Response // of the only request in flight, after 5 s
		timeout time.Duration
		want    time.Duration
		err     error
	}{
		{"for a response", limited(1, 55), time.Hour, 5 * time.Second, nil},
		{"for no response", nil, time.Hour, 5 * time.Second, nil},
		{"for a response and the reset", limited(0, 55), time.Hour, time.Minute, nil},
		{"for its context", limited(1, 55), 4 * time.Second, 4 * time.Second, context.DeadlineExceeded},
		{"not for a reset after its context", limited(0, 55), time.Minute, 5 * time.Second, RateLimited},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, began := newLimiter("list"), time.Now()
				l.tryAcquire(began)
				l.release(limited(1, 60), nil, began)
				l.tryAcquire(began)
				time.AfterFunc(5*time.Second, func() { l.release(test.resp, nil, time.Now()) })
				ctx, cancel := context.WithTimeout(t.Context(), test.timeout)
				defer cancel()
				err := l.acquire(ctx)
				if waited := time.Since(began); waited != test.want || !errors.Is(err, test.err) || (err == nil) != (test.err == nil) {
					t.Errorf("waited %v, error %v; want %v, %v", waited, err, test.want, test.err)
				}
				time.Sleep(5 * time.Second) // virtual
			})
		})
	}
}

func TestLimiter_OneRequestAfterReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, began := newLimiter("list"), time.Now()
		l.tryAcquire(began)
		l.release(limited(0, 60), nil, began)
		for range 5 {
			go func() {
				if err := l.acquire(t.Context()); err != nil {
					t.Error(err)
				}
				time.Sleep(10 * time.Second) // virtual
				l.release(response(http.StatusOK), nil, time.Now())
			}()
		}
		for _, step := range []struct {
			after time.Duration
			want  int
		}{{59 * time.Second, 0}, {2 * time.Second, 1}, {10 * time.Second, 4}, {10 * time.Second, 0}} {
			time.Sleep(step.after) // virtual
			synctest.Wait()
			l.mu.Lock()
			if l.inFlight != step.want {
				t.Errorf("after %v: %d requests in flight, want %d", time.Since(began), l.inFlight, step.want)
			}
			l.mu.Unlock()
		}
	})
}

func TestAuth_Redact(t *testing.T) {
	for _, test := range []struct {
		secrets    []string
		text, want string
	}{
		{[]string{"0123456789", "0123456789abcdef"}, "0123456789abcdef", "[secret]"}, // the longest first
		{[]string{"0123456789abcdef", "0123456789"}, "0123456789abcdef, 0123456789", "[secret], [secret]"},
		{[]string{"01234567", "[secret]"}, "01234567", "[secret]"}, // one pass
		{[]string{"01234567"}, "x01234567x", "x[secret]x"},
		{[]string{"0.234567", "a+b*c(d)"}, "01234567 0.234567 a+b*c(d)", "01234567 [secret] [secret]"},
		{[]string{"app", "e"}, "application/json of the app e", "application/json of the [secret] [secret]"},
		{[]string{"app"}, "app, myapp, app_key, (app)", "[secret], myapp, app_key, ([secret])"},
		{[]string{"-a!", "?b"}, "x-a!x ?b x?b ?bx", "x[secret]x [secret] x[secret] ?bx"},
		{[]string{"01234567"}, "01234567@example.com and <some.body@example.com>", "[address] and <[address]>"},
	} {
		a := auth{secrets: secretPattern(test.secrets)}
		if got := a.redact(test.text); got != test.want {
			t.Errorf("%q becomes %q, want %q", test.text, got, test.want)
		}
	}
}

func TestReadPages_MergesUsers(t *testing.T) {
	const (
		full     = `{"type":"users","id":"u1","attributes":{"service_account":true,"disabled":false}}`
		kind     = `{"type":"users","id":"u1","attributes":{"service_account":true}}`
		disabled = `{"type":"users","id":"u1","attributes":{"disabled":false}}`
		stub     = `{"type":"users","id":"u1"}`
		person   = `{"type":"users","id":"u1","attributes":{"service_account":false,"disabled":true}}`
		other    = `{"type":"users","id":"u2","attributes":{"service_account":false,"disabled":true}}`
	)
	serviceAccount := Creator{ID: "u1", Kind: CreatorServiceAccount, Disabled: No}
	for _, test := range []struct {
		name     string
		included []string // of each page
		want     Creator
	}{
		{"none", []string{"", ""}, Creator{ID: "u1", Kind: CreatorUnknown}},
		{"another user", []string{other, ""}, Creator{ID: "u1", Kind: CreatorUnknown}},
		{"a stub", []string{stub, ""}, Creator{ID: "u1", Kind: CreatorUnknown}},
		{"in the first page", []string{full, ""}, serviceAccount},
		{"in the second page", []string{"", full}, serviceAccount},
		{"a stub after it", []string{full + "," + stub, ""}, serviceAccount},
		{"a stub before it", []string{stub + "," + full, ""}, serviceAccount},
		{"a stub in the second page", []string{full, stub}, serviceAccount},
		{"a stub in the first page", []string{stub, full}, serviceAccount},
		{"parts", []string{kind + "," + disabled, ""}, serviceAccount},
		{"parts in two pages", []string{disabled, kind}, serviceAccount},
		{"another in the second page", []string{full, person}, Creator{ID: "u1", Kind: CreatorUser, Disabled: Yes}},
	} {
		t.Run(test.name, func(t *testing.T) {
			fetch := func(_ context.Context, offset int) (*page, error) {
				data := ""
				if offset < len(test.included) {
					data = strings.Replace(row, `"c1"`, fmt.Sprintf(`"c%d"`, offset), 1)
				}
				included := append(test.included, "")[min(offset, len(test.included))]
				return decodePage(strings.NewReader(`{"data":[`+data+`],"included":[`+included+`]}`), false)
			}
			read, err := readPages(t.Context(), fetch)
			if err != nil {
				t.Fatal(err)
			}
			connections := read.listing().Connections
			if len(connections) != len(test.included) {
				t.Errorf("%d connections", len(connections))
			}
			for _, c := range connections {
				if c.Creator != test.want {
					t.Errorf("connection %s has the creator %+v, want %+v", c.ID, c.Creator, test.want)
				}
			}
		})
	}
}

func TestReadPages_MergesOrgs(t *testing.T) {
	full := Org{ID: "o1", Name: "One", PublicID: "p1", Sharing: "all_private", Disabled: No}
	renamed := Org{ID: "o1", Name: "Uno", PublicID: "p2", Sharing: "public", Disabled: Yes}
	for _, test := range []struct {
		name  string
		pages [][]Org
		want  Org
	}{
		{"a stub before it", [][]Org{{{ID: "o1"}}, {full}}, full},
		{"a stub after it", [][]Org{{full}, {{ID: "o1"}}}, full},
		{"a stub after it in the same page", [][]Org{{full, {ID: "o1"}}}, full},
		{"parts", [][]Org{{{ID: "o1", Name: "One", Disabled: No}}, {{ID: "o1", PublicID: "p1", Sharing: "all_private"}}}, full},
		{"another in the second page", [][]Org{{full}, {renamed}}, renamed},
	} {
		t.Run(test.name, func(t *testing.T) {
			fetch := func(_ context.Context, offset int) (*page, error) {
				p := &page{total: unknownTotal}
				if offset < len(test.pages) {
					p.connections = []Connection{{ID: strconv.Itoa(offset), SourceID: "o1"}}
					p.orgs = test.pages[offset]
				}
				return p, nil
			}
			read, err := readPages(t.Context(), fetch)
			if err != nil {
				t.Fatal(err)
			}
			if got := read.listing().Orgs; len(got) != 1 || got[0] != test.want {
				t.Errorf("the orgs are %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestListingRead_Equal(t *testing.T) {
	read := func(inconsistent bool, ids ...string) *listingRead {
		r := &listingRead{inconsistent: inconsistent}
		for _, id := range ids {
			r.connections = append(r.connections, Connection{ID: id})
		}
		return r
	}
	for _, test := range []struct {
		name string
		a, b *listingRead
		want bool
	}{
		{"the same", read(false, "1", "2"), read(false, "1", "2"), true},
		{"in another order", read(false, "1", "2"), read(false, "2", "1"), true},
		{"one is missing", read(false, "1", "2"), read(false, "1"), false},
		{"the first is inconsistent", read(true, "1", "2"), read(false, "1", "2"), false},
		{"the second is inconsistent", read(false, "1", "2"), read(true, "1", "2"), false},
	} {
		if test.a.equal(test.b) != test.want {
			t.Errorf("%s: equal is not %v", test.name, test.want)
		}
	}
}

func TestListingRead_String(t *testing.T) {
	for want, r := range map[string]*listingRead{
		"0 connections on inconsistent pages":    {inconsistent: true},
		"0 connections and no total":             {},
		"0 connections and a total of 7":         {totals: map[int]bool{7: true}},
		"0 connections and totals from 3 to 120": {totals: map[int]bool{7: true, 120: true, 3: true}},
	} {
		if got := r.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// The other requests are canceled, and have ended.
func TestReadPages_EndsWithTheFirstError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var requests, running atomic.Int64
		fetch := func(ctx context.Context, offset int) (*page, error) {
			requests.Add(1)
			running.Add(1)
			defer running.Add(-1)
			switch offset {
			case 0:
				return &page{connections: []Connection{{ID: "1"}, {ID: "2"}}, total: 100}, nil
			case 1:
				time.Sleep(time.Second) // virtual
				return nil, Forbidden
			}
			<-ctx.Done()
			time.Sleep(time.Second) // virtual: it takes some time to end
			return nil, ctx.Err()
		}
		began := time.Now()
		if _, err := readPages(t.Context(), fetch); !errors.Is(err, Forbidden) {
			t.Errorf("the error is %v", err)
		}
		if took := time.Since(began); took != 2*time.Second || running.Load() != 0 || requests.Load() != 1+maxConcurrentPages {
			t.Errorf("%d of %d requests are running after %v", running.Load(), requests.Load(), took)
		}
	})
}

// A request that is canceled counts until it has ended: it is still one for the API.
func TestPrefetcher_CountsCanceledRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var concurrent, most, canceled atomic.Int64
		fetch := func(ctx context.Context, offset int) (*page, error) {
			most.Store(max(most.Load(), concurrent.Add(1)))
			defer concurrent.Add(-1)
			time.Sleep(time.Second + time.Duration(offset)*time.Millisecond) // virtual: whether it is canceled or not
			if ctx.Err() != nil {
				canceled.Add(1)
			}
			p := &page{total: 500}
			for n := offset; n < min(offset+80+offset%20, p.total); n++ { // no two pages are equal
				p.connections = append(p.connections, Connection{ID: strconv.Itoa(n)})
			}
			return p, nil
		}
		if r, err := readPages(t.Context(), fetch); err != nil || !r.complete() {
			t.Fatalf("%v, error %v", r, err)
		}
		if most.Load() != maxConcurrentPages || canceled.Load() <= maxConcurrentPages {
			t.Errorf("%d concurrent requests, %d canceled", most.Load(), canceled.Load())
		}
	})
}

func TestReadPages_FailsOnAnEndlessServer(t *testing.T) {
	const size = 100_000
	endless := func(_ context.Context, offset int) (*page, error) {
		p := &page{connections: make([]Connection, size), total: unknownTotal}
		for n := range p.connections {
			p.connections[n].ID = strconv.Itoa(offset + n)
		}
		return p, nil
	}
	if _, err := readPages(t.Context(), endless); !errors.Is(err, Incomplete) {
		t.Errorf("the error is %v", err)
	}
}

// The first page alone, then the others by fours. A page of another length costs one
// turn more, since what was fetched until then is of no use; but not every page does.
func TestPrefetcher_FetchesFourPagesConcurrently(t *testing.T) {
	for _, test := range []struct {
		name            string
		rows            int
		length          func(offset int) int // of the page at an offset
		turns, requests int
	}{
		{"ten pages", 950, func(int) int { return 100 }, 1 + 3, 10},
		{"the last page has no new row", 199, func(int) int { return 100 }, 1 + 1, 3},
		{"51 pages", 5000, func(int) int { return 100 }, 1 + 13, 51},
		{"all pages are short", 500, func(int) int { return 11 }, 1 + 13, 50},
		{"the first page is short", 5000, func(offset int) int {
			if offset == 0 {
				return 99
			}
			return 100
		}, 1 + 1 + 13, 51 + 3},
		{"the third page is short", 5000, func(offset int) int {
			if offset == 198 {
				return 7
			}
			return 100
		}, 1 + 1 + 13, 52 + 3},
		{"no two pages are equal", 5000, func(offset int) int { return 80 + offset%20 }, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const latency = 50 * time.Millisecond
				var requests, concurrent, most atomic.Int64
				fetch := func(ctx context.Context, offset int) (*page, error) {
					requests.Add(1)
					most.Store(max(most.Load(), concurrent.Add(1)))
					defer concurrent.Add(-1)
					if err := sleep(ctx, latency); err != nil {
						return nil, err
					}
					p := &page{total: test.rows}
					for n := offset; n < min(offset+test.length(offset), test.rows); n++ {
						p.connections = append(p.connections, Connection{ID: strconv.Itoa(n)})
					}
					return p, nil
				}
				began := time.Now()
				r, err := readPages(t.Context(), fetch)
				if err != nil || !r.complete() || len(r.connections) != test.rows {
					t.Fatalf("%v, error %v", r, err)
				}
				turns := int(time.Since(began) / latency)
				if test.turns > 0 && (turns != test.turns || int(requests.Load()) != test.requests) {
					t.Errorf("%d turns and %d requests, want %d and %d", turns, requests.Load(), test.turns, test.requests)
				}
				if wrong := int(requests.Load()) - r.pages; wrong > maxWrongGuesses+maxConcurrentPages {
					t.Errorf("%d requests for %d pages", requests.Load(), r.pages)
				}
				if most.Load() > maxConcurrentPages {
					t.Errorf("%d concurrent requests", most.Load())
				}
			})
		})
	}
}

// oddServer has the same rows for ever. The bytes of its script are instructions for
// its responses, one each.
type oddServer struct {
	rows     int
	limit    int
	script   []byte
	requests int

	honest bool // every total so far was true
	right  bool // every page so far was the requested one
}

func (s *oddServer) fetch(_ context.Context, offset int) (*page, error) {
	instruction := byte(0)
	if s.requests < len(s.script) {
		instruction = s.script[s.requests]
	}
	s.requests++
	from, size := min(offset, s.rows), s.limit
	p := &page{total: s.rows}
	switch instruction % 8 {
	case 1: // the page is capped
		size = 1 + int(instruction)/8%s.limit
	case 2: // the page is the first one
		from = 0
		s.right = s.right && offset == 0
	case 3: // the page is empty
		from = s.rows
		s.right = s.right && offset >= s.rows
	case 4: // the total is unknown
		p.total = unknownTotal
	case 5: // the total is some other
		p.total = int(instruction) / 8
		s.honest = s.honest && p.total == s.rows
	case 6:
		return nil, &Error{Reason: ServerError}
	}
	for n := from; n < min(from+size, s.rows); n++ {
		p.connections = append(p.connections, Connection{ID: fmt.Sprint(n)})
	}
	return p, nil
}

// FuzzClient_listConsistent checks that listing ends whatever the server does, with rows
// of the server only, and none twice. A complete listing has all rows unless a total was
// wrong; so has every listing of a server with right totals and pages, however short.
func FuzzClient_listConsistent(f *testing.F) {
	token, err := NewSecret("token", "0123")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint8(25), uint8(10), []byte{})
	f.Add(uint8(20), uint8(10), []byte{0, 2, 0, 3, 1})
	f.Add(uint8(30), uint8(10), []byte{1, 9, 17, 25})
	f.Add(uint8(30), uint8(10), []byte{5, 13, 85, 4, 4})
	f.Fuzz(func(t *testing.T, rows, limit uint8, script []byte) {
		if limit == 0 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			server := &oddServer{rows: int(rows), limit: int(limit), script: script, honest: true, right: true}
			fetches := make(chan struct{}, 1) // one at a time: the script is a sequence
			get := func(ctx context.Context, offset int) (*page, error) {
				fetches <- struct{}{}
				defer func() { <-fetches }()
				return server.fetch(ctx, offset)
			}
			client, err := New(Options{Credentials: Credentials{AccessToken: token}, PageSize: int(limit)})
			if err != nil {
				t.Fatal(err)
			}
			listing, err := client.listConsistent(t.Context(), get)
			if bound := 3 * (int(rows) + 2*maxConcurrentPages + 2); server.requests > bound {
				t.Errorf("%d requests for %d rows", server.requests, rows)
			}
			if err != nil {
				var failed *Error
				if !errors.As(err, &failed) {
					t.Errorf("%v is not an Error", err)
				}
				return
			}
			seen := map[string]bool{}
			for _, c := range listing.Connections {
				var n int
				if _, err := fmt.Sscan(c.ID, &n); err != nil || n >= int(rows) || seen[c.ID] {
					t.Errorf("row %q does not exist, or is a duplicate", c.ID)
				}
				seen[c.ID] = true
			}
			if all := len(seen) == int(rows); server.honest && !all && (listing.Complete || server.right) {
				t.Errorf("%d of %d rows, complete %v", len(seen), rows, listing.Complete)
			}
		})
	})
}
