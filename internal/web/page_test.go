package web_test

import (
	"errors"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/web"
)

var tag = regexp.MustCompile(`(?s)<style>.*</style>|<[^>]*>`)

// visibleText returns the text of a page in one line.
func visibleText(page string) string {
	return strings.Join(strings.Fields(html.UnescapeString(tag.ReplaceAllString(page, " "))), " ")
}

func TestPage_ShowsTheStateOfEachOrg(t *testing.T) {
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // when a synctest bubble begins
	threeConnections := &datadog.Listing{Began: now.Add(-90 * time.Second), Complete: true, Connections: make([]datadog.Connection, 3)}
	outage := errors.New("the answer was 502 Bad Gateway")

	for name, test := range map[string]struct {
		org  inventory.OrgState
		want string
		gap  inventory.GapReason
	}{
		"before the first listing":        {inventory.OrgState{Refreshing: true, NextAttempt: now.Add(time.Minute)}, "first listing under way – – under way", inventory.NotListed},
		"up":                              {inventory.OrgState{Up: true, Listing: threeConnections, NextAttempt: now.Add(30 * time.Second)}, "up 3 1m30s in 30s", ""},
		"a listing is due":                {inventory.OrgState{Up: true, Listing: threeConnections, NextAttempt: now.Add(-time.Second)}, "up 3 1m30s when next scraped", ""},
		"a listing is under way":          {inventory.OrgState{Up: true, Listing: threeConnections, Refreshing: true, NextAttempt: now.Add(time.Minute)}, "up 3 1m30s under way", ""},
		"incomplete":                      {inventory.OrgState{Up: true, Listing: threeConnections, NextAttempt: now.Add(time.Minute)}, "up 3 (incomplete) 1m30s in 1m0s", inventory.Incomplete},
		"filtered":                        {inventory.OrgState{Up: true, Listing: threeConnections, NextAttempt: now.Add(time.Minute)}, "up 3 (filtered) 1m30s in 1m0s", inventory.Filtered},
		"failed before the first listing": {inventory.OrgState{Err: outage, NextAttempt: now.Add(time.Minute)}, "failing, no listing yet – – in 1m0s " + outage.Error(), inventory.NotListed},
		"failing":                         {inventory.OrgState{Listing: threeConnections, Err: outage, NextAttempt: now.Add(time.Minute)}, "failing, last good listing shown 3 1m30s in 1m0s " + outage.Error(), ""},
		"failing and stale":               {inventory.OrgState{Listing: threeConnections, Stale: true, Err: outage, NextAttempt: now.Add(time.Minute)}, "failing, too old to be shown 3 1m30s in 1m0s " + outage.Error(), inventory.Stale},
		"stale":                           {inventory.OrgState{Listing: threeConnections, Stale: true, NextAttempt: now.Add(-time.Hour)}, "too old to be shown 3 1m30s when next scraped", inventory.Stale},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test.org.Name = "acme"
				view := viewOf(test.org, listed("another", now))
				if test.gap != "" {
					view.Gaps = []inventory.Gap{{Org: "acme", Reason: test.gap}}
				}
				response := do(t, newHandler(&stubInventory{view: view}), http.MethodGet, "/")
				wantStatus(t, response, http.StatusOK)
				text := visibleText(response.Body.String())
				_, table, _ := strings.Cut(text, "Next listing ")
				table, _, _ = strings.Cut(table, " another ")
				if partial := strings.Contains(text, "There may be others"); partial != (test.gap != "") {
					t.Errorf("the page says that there may be other connections: %v, but the gaps are %v", partial, view.Gaps)
				}
				if table != "acme "+test.want {
					t.Errorf("the page says %q, want %q", table, test.want)
				}
			})
		})
	}
}

func TestPage_CountsConnectionsAndMarksStates(t *testing.T) {
	view := viewOf(listed("fine", time.Now()), inventory.OrgState{Name: "broken", Err: errors.New("connection refused")})
	view.Snapshot = &inventory.Snapshot{Connections: make([]datadog.Connection, 7), Orgs: make([]inventory.OrgInfo, 4)}
	page := do(t, newHandler(&stubInventory{view: view}), http.MethodGet, "/").Body.String()
	for _, want := range []string{">7 connections among 4 orgs.</h1>", `class="good">up</td>`, `class="bad">failing, no listing yet</td>`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %s:\n%s", want, page)
		}
	}
}

func TestPage_ShowsNoticeAndVersion(t *testing.T) {
	page := do(t, newHandler(&stubInventory{view: viewOf()}, func(o *web.Options) {
		o.Notice, o.Version = "Simulated data.", "version=1.2.3"
	}), http.MethodGet, "/").Body.String()
	for _, want := range []string{`<p class="notice">Simulated data.</p>`, "version=1.2.3"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %s:\n%s", want, page)
		}
	}
	if page := do(t, newHandler(&stubInventory{view: viewOf()}), http.MethodGet, "/").Body.String(); strings.Contains(page, `class="notice"`) {
		t.Errorf("the page has an empty notice:\n%s", page)
	}
}

func TestPage_EscapesNamesAndErrors(t *testing.T) {
	const script = `<script>alert("x")</script>`
	org := inventory.OrgState{Name: "org " + script, Err: errors.New(`the answer was <img src=x onerror="alert(1)"> & ` + script)}
	response := do(t, newHandler(&stubInventory{view: viewOf(org)}, func(o *web.Options) { o.Notice = "notice " + script }), http.MethodGet, "/")
	page := response.Body.String()
	for _, bad := range []string{"<script", "<img"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page holds %s:\n%s", bad, page)
		}
	}
	for _, want := range []string{org.Name, org.Err.Error(), "notice " + script} {
		if text := visibleText(page); !strings.Contains(text, want) {
			t.Errorf("the page does not show %q as text: %s", want, text)
		}
	}
	header := response.Result().Header
	if kind, options := header.Get("Content-Type"), header.Get("X-Content-Type-Options"); kind != "text/html; charset=utf-8" || options != "nosniff" {
		t.Errorf("Content-Type is %q, X-Content-Type-Options %q", kind, options)
	}
	// If escaping failed, browsers would still run no script.
	if policy := header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "script-src") {
		t.Errorf("Content-Security-Policy is %q, want one that allows no scripts", policy)
	}
}

func TestPages_FollowTheInventory(t *testing.T) {
	view, judge := company(t)
	inv := &stubInventory{view: view}
	handler := newHandler(inv, func(o *web.Options) { o.Judge = judge })
	for _, path := range []string{"/", "/api/v1/inventory"} {
		if before := get(handler, path).Body.String(); strings.Contains(before, "Brand New") {
			t.Fatal(before)
		}
	}
	inv.view.Snapshot = inventory.NewSnapshot(
		[]datadog.Connection{{ID: "new", SourceID: uuid(8), SinkID: uuid(0), Types: []string{"logs"}}},
		[]inventory.OrgInfo{{Org: datadog.Org{ID: uuid(8), Name: "Brand New"}}})
	for _, path := range []string{"/", "/orgs/" + uuid(8), "/api/v1/inventory"} {
		if after := get(handler, path).Body.String(); !strings.Contains(after, "Brand New") {
			t.Errorf("%s does not show what is new: %s", path, after)
		}
	}
}

func TestOrgPage_HasBothSidesAndItsHistory(t *testing.T) {
	view, judge := company(t)
	gone := view.History.Changes[0]
	gone.Connection.SourceID, gone.SourceName = uuid(9), "Acme Gone"
	view.History.Changes = append(view.History.Changes, gone)
	inv := &stubInventory{view: view}
	handler := newHandler(inv, func(o *web.Options) { o.Judge = judge })
	for id, want := range map[int][]string{
		9: {"Acme Gone", "No other org , as far as is known.", "not in the inventory now", "removed Acme Gone → Contractor Sandbox"},
		0: {"query what is in Acme Security, past included: Acme Data Lake : metrics", "can query what is in these orgs: Acme Payments : logs", "Seen from inside yes", "Sinks 1;", "No change is known since"},
		3: {"No other org , as far as is known.", "in these orgs: Acme Payments : audit ! (unexpected)", "Seen from inside no:", "removed Acme Data Lake → Contractor Sandbox logs service account gone", "widened Acme Payments → Contractor Sandbox audit"},
		4: {"No other org , as far as is known.", "No other org's data , as far as is known.", "Sharing all_private"},
	} {
		text := visibleText(get(handler, "/orgs/"+uuid(id)).Body.String())
		text = strings.NewReplacer(" ,", ",").Replace(text)
		for _, w := range want {
			if w = strings.ReplaceAll(w, " ,", ","); !strings.Contains(text, w) {
				t.Errorf("the page of org %d has no %q: %s", id, w, text)
			}
		}
	}
	// Credentials alone do not make it certain.
	inv.view.Gaps = []inventory.Gap{{Org: "security", Reason: inventory.Stale}}
	if text := visibleText(get(handler, "/orgs/"+uuid(0)).Body.String()); !strings.Contains(text, "Seen from inside yes, but not all connections are known now") {
		t.Errorf("what is stale counts as all: %s", text)
	}
}

// What is on another page of the list is linked to all the same.
func TestPage_LinksToConnectionsOnOtherPages(t *testing.T) {
	handler := large(t, 1000)
	links := 0
	for _, a := range find(parseHTML(t, get(handler, "/")), "a") {
		if textOf(a) != "show" {
			continue
		}
		links++
		href, fragment, _ := strings.Cut(attribute(a, "href"), "#")
		if linked := get(handler, follow(t, "/", href)).Body.String(); !strings.Contains(linked, `id="`+fragment+`"`) {
			t.Errorf("%s has no %s", href, fragment)
		}
	}
	if links < 10 {
		t.Errorf("only %d links", links)
	}
}

func TestOrgPage_OfAnyID(t *testing.T) {
	handler := hostileHandler()
	found := 0
	for _, a := range find(parseHTML(t, get(handler, "/")), "a") {
		to := follow(t, "/", attribute(a, "href"))
		if !strings.Contains(attribute(a, "href"), "orgs/") {
			continue
		}
		found++
		if response := get(handler, to); response.Code != http.StatusOK || !strings.HasPrefix(to, "/orgs/") {
			t.Errorf("%s: status %d", to, response.Code)
		}
	}
	if found < len(hostile) {
		t.Errorf("only %d links to orgs", found)
	}
}
