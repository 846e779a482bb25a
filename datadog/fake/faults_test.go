package fake_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"datadog_org_connections_exporter/datadog/fake"
)

func TestFault_AnswersInPlaceOfAPI(t *testing.T) {
	tests := map[string]struct {
		fault       fake.Fault
		status      int
		contentType string
		body        string // a part of it
	}{
		"status":        {fake.Status(502), 502, "application/json", `{"errors":["Bad Gateway"]}`},
		"status, body":  {fake.Status(418, "short ", "stout"), 418, "application/json", "short stout"},
		"empty body":    {fake.Status(200, ""), 200, "application/json", ""},
		"error objects": {fake.ErrorObjects(403), 403, "application/json", `{"errors":[{"title":"Forbidden"}]}`},
		"HTML error":    {fake.HTMLError(504), 504, "text/html; charset=utf-8", "<h1>504 Gateway Timeout</h1>"},
		"HTML 200":      {fake.HTML200(), 200, "text/html; charset=utf-8", "Please log in"},
		"not a list":    {fake.NotAList(), 200, "application/json", `{"data":{"type"`},
		"null data":     {fake.NullData(), 200, "application/json", `{"data":null,`},
		"redirect":      {fake.Redirect("https://elsewhere.example.com/"), 302, "text/html; charset=utf-8", "302 Found"},
		"429":           {fake.TooManyRequests(nil), 429, "application/json", `{"errors":["Too many requests"]}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := triangle(fake.Options{})
			s.Inject(test.fault)
			got := connect(t, s, "a").get("")
			if got.err != nil || got.status != test.status || got.header.Get("Content-Type") != test.contentType {
				t.Errorf("got %d %v, error %v", got.status, got.header, got.err)
			}
			if !strings.Contains(got.body, test.body) {
				t.Errorf("no %s in %s", test.body, got.body)
			}
		})
	}
}

func TestReasonPhrase(t *testing.T) {
	s := triangle(fake.Options{})
	s.Inject(fake.ReasonPhrase(403, "for good reasons").Once())
	c := connect(t, s, "a")
	resp, err := c.http.Do(c.request(http.MethodGet, fake.Path))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.Status != "403 for good reasons" {
		t.Errorf("status %q", resp.Status)
	}
	if got := c.get("").status; got != http.StatusOK {
		t.Errorf("then %d", got)
	}
}

func TestFault_SendsHeaders(t *testing.T) {
	s := triangle(fake.Options{RateLimit: fake.RateLimit{Limit: 9, Period: time.Minute}})
	c := connect(t, s, "a")
	s.Inject(fake.Redirect("https://elsewhere.example.com/").Once())
	if got := c.get("").header.Get("Location"); got != "https://elsewhere.example.com/" {
		t.Errorf("Location %q", got)
	}
	s.Inject(fake.TooManyRequests(http.Header{"Retry-After": {"7"}}))
	got := c.get("").header
	if _, limit := got["X-Ratelimit-Limit"]; limit || got.Get("Retry-After") != "7" {
		t.Errorf("headers %v, want Retry-After and no rate limit", got)
	}
	s.ClearFaults()
	s.Inject(fake.Header(http.Header{"X-Ratelimit-Reset": {"1795454840"}}).Once())
	told := c.get("")
	if got := told.header; got.Get("X-RateLimit-Reset") != "1795454840" || got.Get("X-RateLimit-Limit") != "9" || told.status != http.StatusOK {
		t.Errorf("status %d, headers %v, want the page's and an absurd reset", told.status, got)
	}
	if got := c.get("").header.Get("X-RateLimit-Reset"); len(got) > 2 {
		t.Errorf("the reset is %s in later pages, too", got)
	}
}

func TestFault_CutsAnswers(t *testing.T) {
	tests := map[string]struct {
		fault  fake.Fault
		status int   // 0: none is sent
		err    error // nil: the answer is complete
	}{
		"truncated":           {fake.Truncated(), 200, nil},
		"truncated gzip":      {fake.TruncatedGzip(), 200, io.ErrUnexpectedEOF},
		"disconnect mid body": {fake.DisconnectMidBody(), 200, io.ErrUnexpectedEOF},
		"disconnect":          {fake.Disconnect(), 0, io.EOF},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := triangle(fake.Options{})
			c := connect(t, s, "a")
			complete := c.get("").body
			s.Inject(test.fault)

			got := c.get("")
			if got.status != test.status || !errors.Is(got.err, test.err) {
				t.Errorf("status %d, error %v", got.status, got.err)
			}
			if test.status == 200 && (got.body == "" || got.body == complete || !strings.HasPrefix(complete, got.body)) {
				t.Errorf("body %q is not a part of the page", got.body)
			}
		})
	}
}

func TestGzip(t *testing.T) {
	s := triangle(fake.Options{})
	c := connect(t, s, "a")
	plain := c.get("").body
	for name, test := range map[string]struct {
		fault fake.Fault
		body  string
		err   error
	}{
		"compressed":     {fake.Gzip(), plain, nil},
		"not compressed": {fake.FalseGzip(), "", gzip.ErrHeader},
	} {
		s.Inject(test.fault)
		if got := c.get(""); got.status != http.StatusOK || got.body != test.body || !errors.Is(got.err, test.err) {
			t.Errorf("%s: status %d, error %v, body %s", name, got.status, got.err, got.body)
		}
		r := c.request(http.MethodGet, fake.Path)
		r.Header.Set("Accept-Encoding", "gzip") // by hand: the transport does not decompress
		if got := c.do(r); got.header.Get("Content-Encoding") != "gzip" || (got.body == plain) != (test.err != nil) {
			t.Errorf("%s: headers %v, body %q", name, got.header, got.body)
		}
	}
}

func TestGzipBomb(t *testing.T) {
	s := triangle(fake.Options{})
	s.Inject(fake.GzipBomb("[0", ",0"))
	c := connect(t, s, "a")
	resp, err := c.http.Do(c.request(http.MethodGet, fake.Path))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body := make([]byte, 4<<20)
	if _, err := io.ReadFull(resp.Body, body); err != nil || string(body) != "[0"+strings.Repeat(",0", len(body)/2-1) {
		t.Errorf("error %v, body %.20s…", err, body)
	}

	r := c.request(http.MethodGet, fake.Path)
	r.Header.Set("Accept-Encoding", "gzip") // by hand: the transport does not decompress
	if sent := len(c.do(r).body); sent < 1_000_000 || sent > 3_000_000 {
		t.Errorf("%d bytes are sent", sent)
	}
}

func TestGoAway_ClosesConnectionAfterPage(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		s := triangle(fake.Options{})
		c := connect(t, s, "a")
		transport := c.http.Transport.(*http.Transport)     //nolint:forcetypeassert // a test may panic
		path := fake.BlackHole{Dial: transport.DialContext} // forgets none, but counts
		transport.DialContext, transport.DialTLSContext = path.DialContext, path.DialContext
		transport.Protocols = new(http.Protocols)
		transport.Protocols.SetHTTP1(!http2)
		transport.Protocols.SetUnencryptedHTTP2(http2)
		get := func() {
			r := c.request(http.MethodGet, fake.Path)
			r.URL.Scheme = "http"
			if got := c.do(r); got.status != http.StatusOK || got.err != nil {
				t.Errorf("status %d, error %v", got.status, got.err)
			}
		}
		get()
		s.Inject(fake.GoAway().Once())
		get()
		if path.Dials() != 1 {
			t.Errorf("%d connections before", path.Dials())
		}
		get()
		get()
		if path.Dials() != 2 {
			t.Errorf("HTTP/2 %v: %d connections after", http2, path.Dials())
		}
	}
}

func TestHang(t *testing.T) {
	for name, test := range map[string]struct {
		fault  fake.Fault
		status int
	}{
		"no answer": {fake.Hang(), 0},
		"mid body":  {fake.HangMidBody(), 200},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := triangle(fake.Options{})
				c := connect(t, s, "a")
				s.Inject(test.fault)
				c.http.Timeout = time.Hour
				start := time.Now()
				got := c.get("")
				if !errors.Is(got.err, context.DeadlineExceeded) || time.Since(start) != time.Hour {
					t.Errorf("error %v after %v", got.err, time.Since(start))
				}
				if got.status != test.status {
					t.Errorf("status %d, want %d", got.status, test.status)
				}
			})
		})
	}
}

func TestSlow_DelaysInAdditionToLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := triangle(fake.Options{Latency: time.Second})
		s.Inject(fake.Slow(5 * time.Second))
		s.Inject(fake.Slow(time.Minute).Once())
		c := connect(t, s, "a")
		for _, want := range []time.Duration{66 * time.Second, 6 * time.Second} {
			start := time.Now()
			c.get("").page(t)
			if took := time.Since(start); took != want {
				t.Errorf("took %v, want %v", took, want)
			}
		}
	})
}

func TestEndless_SendsJSONWithoutEnd(t *testing.T) {
	s := triangle(fake.Options{})
	s.Inject(fake.Endless())
	c := connect(t, s, "a")
	resp, err := c.http.Do(c.request(http.MethodGet, fake.Path))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()

	rows := json.NewDecoder(resp.Body)
	for range 3 { // {, "data", [
		if _, err := rows.Token(); err != nil {
			t.Fatal(err)
		}
	}
	ids := map[string]bool{}
	for range 5000 {
		var row struct{ ID string }
		if err := rows.Decode(&row); err != nil {
			t.Fatal(err)
		}
		ids[row.ID] = true
	}
	if len(ids) != 5000 || !rows.More() {
		t.Errorf("%d distinct rows of 5000, more: %v", len(ids), rows.More())
	}
}

func TestFault_ChangesListing(t *testing.T) {
	double := func(total int) any { return 2 * total }
	tests := map[string]struct {
		fault fake.Fault
		query string
		want  page
	}{
		"none":        {fake.Slow(0), "?offset=1", page{[]string{"c3", "c4"}, 3, 3}},
		"repeat page": {fake.RepeatPage(), "?offset=2&limit=2", page{[]string{"c1", "c3"}, 3, 3}},
		"short pages": {fake.ShortPages(1), "?offset=1", page{[]string{"c3"}, 3, 3}},
		"empty page":  {fake.EmptyPage(), "?sink_org_id=a", page{nil, 3, 1}},
		"totals":      {fake.Total(double), "?sink_org_id=a", page{[]string{"c3"}, 6, 2}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := triangle(fake.Options{})
			s.Inject(test.fault)
			got := connect(t, s, "a").get(test.query).page(t)
			if !slices.Equal(got.IDs, test.want.IDs) || got.Total != test.want.Total || got.Filtered != test.want.Filtered {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

// The race detector finds what a fault shares without a lock.
func TestServer_IsSafeForConcurrentUse(t *testing.T) {
	s, hub := fake.Star(fake.Options{}, 2000, 1)
	c := connect(t, s, hub)
	for _, f := range []fake.Fault{fake.ShuffledOrder(), fake.ShortPages(10), fake.NoMeta().Times(3)} {
		s.Inject(f)
	}
	var clients sync.WaitGroup
	for range 16 {
		clients.Go(func() {
			s.SetTypes(s.AddConnection(fake.Connection{SourceID: hub, SinkID: s.AddOrg(fake.Org{})}), "logs", "audit")
			if got := c.get(""); got.status != http.StatusOK || s.Requests() == 0 {
				t.Errorf("status %d, error %v", got.status, got.err)
			}
		})
	}
	clients.Wait()
}

func TestTotal_NullAndMissing(t *testing.T) {
	s := triangle(fake.Options{})
	c := connect(t, s, "a")
	s.Inject(fake.Total(func(int) any { return nil }))
	if got := c.get(""); !strings.Contains(got.body, `"meta":{"page":{"total_count":null,"total_filtered_count":null}}`) {
		t.Errorf("totals are not null: %s", got.body)
	}
	s.Inject(fake.NoMeta())
	if got := c.get(""); strings.Contains(got.body, "meta") || len(got.page(t).IDs) != 3 {
		t.Errorf("got %s", got.body)
	}
}

func TestShuffledOrder_ChangesOrderOnly(t *testing.T) {
	s, hub := fake.Star(fake.Options{}, 50, 1)
	c := connect(t, s, hub)
	plain := c.get("").page(t)
	s.Inject(fake.ShuffledOrder())
	first, second := c.get("").page(t), c.get("").page(t)
	if first.ids() == plain.ids() || first.ids() == second.ids() {
		t.Error("the order did not change")
	}
	slices.Sort(first.IDs)
	slices.Sort(plain.IDs)
	if first.ids() != plain.ids() {
		t.Error("the rows changed, not only their order")
	}
}

func TestAfterPage_ChangesListingBetweenPages(t *testing.T) {
	s := triangle(fake.Options{})
	c := connect(t, s, "a")
	s.Inject(fake.AfterPage(func() { s.RemoveConnection("c1") }).Once())
	if got := c.get("?limit=1").page(t); got.ids() != "c1" || got.Total != 3 {
		t.Errorf("first page %+v", got)
	}
	// c3 has moved up to the first page: a client that has read that one misses it.
	if got := c.get("?limit=1&offset=1").page(t); got.ids() != "c4" || got.Total != 2 {
		t.Errorf("second page %+v", got)
	}
}

func TestFault_AppliesToSelectedRequests(t *testing.T) {
	s := triangle(fake.Options{})
	a := connect(t, s, "a")
	b := a.as(s.Keys("b"))
	expect := func(c client, query string, want int) {
		t.Helper()
		if got := c.get(query); got.status != want {
			t.Errorf("status %d, want %d", got.status, want)
		}
	}

	s.Inject(fake.Status(500))
	s.Inject(fake.Status(502).From(2).Times(2))
	s.Inject(fake.Status(503).ForOrg("b").Once())
	expect(a, "?offset=1", 500)
	expect(a, "?offset=2", 502)
	expect(b, "?offset=2", 503)
	expect(b, "?offset=3", 502)
	expect(a, "?offset=2", 500)
	expect(b, "", 500)
	s.ClearFaults()
	expect(a, "?offset=2", 200)
}

func TestInject_AddsUp(t *testing.T) {
	s := triangle(fake.Options{})
	c := connect(t, s, "a")
	s.Inject(fake.ShortPages(2))
	s.Inject(fake.Total(func(total int) any { return total + 1 }))
	s.Inject(fake.NoMeta().Times(2)) // contradicts Total
	s.Inject(fake.Status(500).Once())

	if got := c.get(""); got.status != 500 {
		t.Errorf("status %d", got.status)
	}
	// The answer above has not used up NoMeta.
	for n, want := range []int{0, 0, 4} {
		if got := c.get("").page(t); len(got.IDs) != 2 || got.Total != want {
			t.Errorf("page %d: got %+v, want 2 rows and total %d", n, got, want)
		}
	}
}
