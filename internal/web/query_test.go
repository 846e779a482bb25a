package web

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/report"
)

func TestParseQuery_WritesItselfBack(t *testing.T) {
	for raw, want := range map[string]string{
		"":                         "",
		"q=&org=&type=&sort=":      "",
		"page=1":                   "",
		"page=3&q=a+b&org=%2A":     "org=%2A&page=3&q=a+b",
		"type=%22%3E&change=added": "change=added&type=%22%3E",
		"expectation=unexpected&creator=disabled&sort=created&format=csv": "creator=disabled&expectation=unexpected&format=csv&sort=created",
	} {
		q, err := parseQuery(raw)
		if err != nil || q.String() != want {
			t.Errorf("%q is written as %q, want %q; %v", raw, q, want, err)
		}
		if again, err := parseQuery(q.String()); err != nil || again.String() != want {
			t.Errorf("%q is read back as %q; %v", want, again, err)
		}
	}
}

func TestParseQuery_RejectsWhatItDoesNotKnow(t *testing.T) {
	for raw, says := range map[string]string{
		"orgs=a":                        `no parameter "orgs"; there are page, q, org`,
		"expectation=maybe":             "expected, unexpected",
		"creator=me":                    "service_account",
		"change=renamed":                "added, removed, widened, narrowed, discovered",
		"sort=size":                     "source, sink, created",
		"format=xml":                    "json, csv, dot, mermaid",
		"page=0":                        "a number from 1",
		"page=-1":                       "a number from 1",
		"page=1e3":                      "a number from 1",
		"page=99999999999":              "a number from 1",
		"org=%5Bx":                      "not a valid glob",
		"q=a&q=b":                       "give it once",
		"q=%zz":                         "cannot be read",
		"q=a;b":                         "cannot be read",
		"q=%ff":                         "UTF-8",
		"q=" + strings.Repeat("a", 257): "it can have 256",
	} {
		if q, err := parseQuery(raw); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.40q is read as %v, error %v, want one that says %s", raw, q, err, says)
		}
	}
}

func TestQuery_SelectsAndSorts(t *testing.T) {
	day := func(n int) *time.Time { at := time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC); return &at }
	a, b, c := report.OrgRef{ID: "id-a", Name: "Payments EU"}, report.OrgRef{ID: "id-b", Name: "Security"}, report.OrgRef{ID: "id-c", Name: "Data Lake"}
	all := []report.Connection{
		{ID: "1", Source: a, Sink: b, Types: []string{"logs"}, CreatedAt: day(2), Creator: report.Creator{Kind: "user"}, Unexpected: []string{"logs"}},
		{ID: "2", Source: a, Sink: c, Types: []string{"metrics"}, CreatedAt: day(3), Creator: report.Creator{Kind: "user", Disabled: datadog.Yes}, Unexpected: []string{}},
		{ID: "3", Source: b, Sink: c, Types: []string{"audit", "logs"}, Creator: report.Creator{Kind: "unknown"}, Unexpected: []string{}},
	}
	changed := map[string][]inventory.ChangeKind{"2": {inventory.Added, inventory.Widened}}
	for raw, want := range map[string]string{
		"":                                    "1 2 3",
		"q=PAYMENTS":                          "1 2",
		"q=id-c":                              "2 3",
		"q=3":                                 "3",
		"q=nobody":                            "",
		"org=Payments+*":                      "1 2",
		"org=Security":                        "1 3",
		"type=logs":                           "1 3",
		"type=log":                            "",
		"expectation=unexpected":              "1",
		"expectation=expected":                "2 3",
		"creator=user":                        "1",
		"creator=disabled":                    "2",
		"creator=unknown":                     "3",
		"change=widened":                      "2",
		"change=removed":                      "",
		"sort=sink":                           "2 3 1",
		"sort=created":                        "2 1 3",
		"type=logs&org=Security&creator=user": "1",
	} {
		q, err := parseQuery(raw)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, c := range q.connections(all, changed) {
			ids = append(ids, c.ID)
		}
		if got := strings.Join(ids, " "); got != want {
			t.Errorf("%s selects %q, want %q", raw, got, want)
		}
		if sorted := q.sort != ""; q.selects() != (raw != "" && !sorted) {
			t.Errorf("%s selects a part: %v", raw, q.selects())
		}
	}
}

func TestPageOf_HasEachItemOnce(t *testing.T) {
	for _, n := range []int{0, 1, pageSize, pageSize + 1, 3 * pageSize} {
		items := make([]string, n)
		for i := range items {
			items[i] = fmt.Sprint(i)
		}
		var got []string
		for page := 1; page <= pages(items); page++ {
			got = append(got, pageOf(query{page: page}, items)...)
		}
		if !slices.Equal(got, items) || len(pageOf(query{page: 1_000_000}, items)) != 0 || len(pageOf(query{}, items)) != n {
			t.Errorf("%d items have %d pages with %d", n, pages(items), len(got))
		}
	}
}
