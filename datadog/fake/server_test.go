package fake_test

import (
	"testing"
	"testing/synctest"
	"time"

	"datadog_org_connections_exporter/datadog/fake"
)

func TestServer_PagesAndFilters(t *testing.T) {
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

func TestServer_LogsRequests(t *testing.T) {
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
	if first.OrgID != "a" || first.Offset != 2 || first.Limit != 7 || first.Status != 200 ||
		first.Query.Get("limit") != "7" || first.Header.Get("DD-API-KEY") != c.keys.API {
		t.Errorf("first %+v", first)
	}
	if second.OrgID != "" || second.Offset != 0 || second.Limit != 1000 || second.Status != 503 {
		t.Errorf("second %+v", second)
	}
}

func TestOptions_LatencyEndsWithTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := triangle(fake.Options{Latency: 2 * time.Second})
		c := connect(t, s, "a")
		c.http.Timeout = time.Second
		start := time.Now()
		if got := c.get(""); got.err == nil {
			t.Error("no timeout")
		}
		synctest.Wait()
		if took := time.Since(start); took != time.Second {
			t.Errorf("took %v", took)
		}
		if log := s.RequestLog(); log[0].Status != 0 {
			t.Errorf("answered %d", log[0].Status)
		}
	})
}
