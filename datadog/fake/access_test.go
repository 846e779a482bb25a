package fake_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"datadog_org_connections_exporter/datadog/fake"
)

func TestServer_RefusesBadRequests(t *testing.T) {
	s := triangle(fake.Options{})
	a, b := s.Keys("a"), s.Keys("b")
	s.RevokeKeys("b")
	s.DenyPermission("c")
	c := connect(t, s, "a")

	get := func(keys fake.Keys, pathAndQuery string) *http.Request {
		return c.as(keys).request(http.MethodGet, pathAndQuery)
	}
	tests := map[string]struct {
		request *http.Request
		status  int
		body    string
	}{
		"no keys":        {get(fake.Keys{}, fake.Path), 401, `{"errors":["Unauthorized"]}`},
		"one key":        {get(fake.Keys{API: a.API}, fake.Path), 401, `{"errors":["Unauthorized"]}`},
		"revoked":        {get(b, fake.Path), 401, `{"errors":["Unauthorized"]}`},
		"denied":         {get(s.Keys("c"), fake.Path), 403, `{"errors":["Forbidden"]}`},
		"wrong key":      {get(fake.Keys{API: a.API, App: "0"}, fake.Path), 403, `{"errors":["Forbidden"]}`},
		"two orgs' keys": {get(fake.Keys{API: a.API, App: b.App}, fake.Path), 403, `{"errors":["Forbidden"]}`},
		"swapped keys":   {get(fake.Keys{API: a.App, App: a.API}, fake.Path), 403, `{"errors":["Forbidden"]}`},
		"limit 0":        {get(a, fake.Path+"?limit=0"), 400, `{"errors":["invalid query parameter: limit"]}`},
		"limit word":     {get(a, fake.Path+"?limit=all"), 400, `{"errors":["invalid query parameter: limit"]}`},
		"offset -1":      {get(a, fake.Path+"?offset=-1"), 400, `{"errors":["invalid query parameter: offset"]}`},
		"other path":     {get(a, "/api/v1/org"), 404, `{"errors":["Not found"]}`},
		"other method":   {c.request(http.MethodPost, fake.Path), 405, `{"errors":["Method not allowed"]}`},
	}
	for name, test := range tests {
		if got := c.do(test.request); got.status != test.status || got.body != test.body {
			t.Errorf("%s: got %d %s, want %d %s", name, got.status, got.body, test.status, test.body)
		}
	}

	s.RestoreKeys("b")
	if got := c.as(b).get("").page(t).ids(); got != "c1 c2" {
		t.Errorf("restored keys list %q", got)
	}
}

func TestServer_AcceptsBearerToken(t *testing.T) {
	s := triangle(fake.Options{})
	c := connect(t, s, "a").as(fake.Keys{})
	for token, want := range map[string]int{s.Keys("b").Token: 200, "ddpat_wrong": 403} {
		r := c.request(http.MethodGet, fake.Path)
		r.Header.Set("Authorization", "Bearer "+token)
		if got := c.do(r); got.status != want {
			t.Errorf("%s: status %d, want %d", token, got.status, want)
		}
	}
}

func TestRateLimit_CountsPerOrgAndPeriod(t *testing.T) {
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

		time.Sleep(3500 * time.Millisecond) // virtual; the window began at 0 s
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

// bubbleStart is the time at which a synctest bubble begins.
var bubbleStart = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func limitState(a answer) string {
	h := func(name string) string { return a.header.Get("X-RateLimit-" + name) }
	return fmt.Sprintf("%d: %s of %s in %s s left, reset %s, %s",
		a.status, h("Remaining"), h("Limit"), h("Period"), h("Reset"), h("Name"))
}

func TestRateLimit_SendsNoHeaders(t *testing.T) {
	unlimited := connect(t, triangle(fake.Options{}), "a")
	limited := connect(t, triangle(fake.Options{RateLimit: fake.RateLimit{Limit: 1, Period: time.Minute}}), "a")
	for name, c := range map[string]client{"no limit": unlimited, "wrong keys": limited.as(fake.Keys{API: "0", App: "0"})} {
		got := c.get("")
		if limit, ok := got.header["X-Ratelimit-Limit"]; ok || got.status == 429 {
			t.Errorf("%s: status %d, limit %v", name, got.status, limit)
		}
	}
}
