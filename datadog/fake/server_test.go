package fake_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"datadog_org_connections_exporter/datadog/fake"
)

func TestOrgSeesOnlyItsConnections(t *testing.T) {
	s := triangle(fake.Options{})
	c := connect(t, s, "a")
	for org, want := range map[string]string{"a": "c1 c3 c4", "b": "c1 c2", "c": "c2 c3 c4"} {
		if got := c.as(s.Keys(org)).get("").page(t).ids(); got != want {
			t.Errorf("%s lists %q, want %q", org, got, want)
		}
		var visible page
		for _, connection := range s.Visible(org) {
			visible.IDs = append(visible.IDs, connection.ID)
		}
		if visible.ids() != want {
			t.Errorf("%s sees %q, want %q", org, visible.ids(), want)
		}
	}
}

func TestPagingAndFilters(t *testing.T) {
	c := connect(t, triangle(fake.Options{PageCap: 2}), "a")
	tests := map[string]struct {
		want            string
		total, filtered int
	}{
		"":                                  {"c1 c3", 3, 3},
		"?limit=1":                          {"c1", 3, 3},
		"?limit=1&offset=1":                 {"c3", 3, 3},
		"?limit=1000&offset=2":              {"c4", 3, 3},
		"?offset=99":                        {"", 3, 3},
		"?source_org_id=a":                  {"c1 c4", 3, 2},
		"?sink_org_id=a":                    {"c3", 3, 1},
		"?source_org_id=a&sink_org_id=c":    {"c4", 3, 1},
		"?source_org_id=b&sink_org_id=c":    {"", 3, 0},
		"?source_org_id=a&limit=1&offset=1": {"c4", 3, 2},
	}
	for query, want := range tests {
		got := c.get(query).page(t)
		if got.ids() != want.want || got.Total != want.total || got.Filtered != want.filtered {
			t.Errorf("%q: got %+v, want %+v", query, got, want)
		}
	}
}

func TestRefusals(t *testing.T) {
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

func TestBearerToken(t *testing.T) {
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

func TestChanges(t *testing.T) {
	s := triangle(fake.Options{})
	c := connect(t, s, "a")
	robin := s.AddUser(fake.User{Name: "Robin Sample"})
	s.AddConnection(fake.Connection{ID: "c5", SourceID: "b", SinkID: "a", CreatorID: robin})
	s.RemoveConnection("c1")
	s.MoveConnection("c5", 0)
	s.SetTypes("c3")
	s.SetTypes("c4", "logs", "audit")
	s.RenameOrg("b", "Acme renamed")
	s.DisableOrg("b")
	s.DisableUser(robin)

	got := c.get("")
	if ids := got.page(t).ids(); ids != "c5 c3 c4" {
		t.Errorf("lists %q", ids)
	}
	for _, want := range []string{
		`"connection_types":[]`,
		`"connection_types":["logs","audit"]`,
		`"id":"b","name":"Acme renamed"`,
		`"name":"Acme renamed","description":null,"sharing":"all_private","url":null,"disabled":true`,
		`"disabled":true,"allowed_login_methods":[],"status":"Disabled"`,
	} {
		if !strings.Contains(got.body, want) {
			t.Errorf("no %s in %s", want, got.body)
		}
	}
	s.EnableUser(robin)
	if got := c.get(""); strings.Contains(got.body, `"status":"Disabled"`) {
		t.Errorf("still disabled: %s", got.body)
	}
}

func TestCopiesAreIndependent(t *testing.T) {
	s := triangle(fake.Options{})
	s.Connections()[0].Types[0] = "changed"
	s.Visible("a")[0].Types[0] = "changed"
	if types := s.Connections()[0].Types; types[0] != "logs" {
		t.Errorf("the account's types are %v", types)
	}
}

func TestMistakesPanic(t *testing.T) {
	s := triangle(fake.Options{})
	mistakes := map[string]func(){
		"unknown org":        func() { s.RenameOrg("x", "y") },
		"unknown keys":       func() { s.Keys("x") },
		"unknown user":       func() { s.DisableUser("x") },
		"unknown connection": func() { s.RemoveConnection("x") },
		"unknown source":     func() { s.AddConnection(fake.Connection{SinkID: "a"}) },
		"known connection":   func() { s.AddConnection(fake.Connection{ID: "c1", SourceID: "a", SinkID: "b"}) },
	}
	for name, mistake := range mistakes {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			mistake()
		}()
	}
	s.Connections() // deadlocks where a panic left the lock behind
}

func TestRequestLog(t *testing.T) {
	s := triangle(fake.Options{})
	c := connect(t, s, "a")
	c.get("?offset=2&limit=7")
	s.Inject(fake.Status(503).Once())
	c.as(fake.Keys{}).get("")

	log := s.RequestLog()
	if s.Requests() != 2 || len(log) != 2 {
		t.Fatalf("%d requests, %d in the log", s.Requests(), len(log))
	}
	first, second := log[0], log[1]
	if first.OrgID != "a" || first.Offset != 2 || first.Limit != 7 || first.Status != 200 || first.Faults != nil ||
		first.Query.Get("limit") != "7" || first.Header.Get("DD-API-KEY") != c.keys.API {
		t.Errorf("first %+v", first)
	}
	faults := strings.Join(second.Faults, " ")
	if second.OrgID != "" || second.Limit != 1000 || second.Status != 503 || faults != "Status(503)" {
		t.Errorf("second %+v", second)
	}
	s.ResetLog()
	if s.Requests() != 0 {
		t.Error("the log is not reset")
	}
}

func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := triangle(fake.Options{Latency: 2 * time.Second})
		c := connect(t, s, "a")
		start := time.Now()
		c.get("").page(t)
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("took %v", took)
		}

		c.http.Timeout = time.Second
		start = time.Now()
		if got := c.get(""); got.err == nil {
			t.Error("no timeout")
		}
		synctest.Wait()
		if took := time.Since(start); took != time.Second {
			t.Errorf("took %v", took)
		}
		if log := s.RequestLog(); log[1].Status != 0 {
			t.Errorf("answered %d", log[1].Status)
		}
	})
}
