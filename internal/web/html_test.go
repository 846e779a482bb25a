package web_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/web"
)

// parseHTML returns the tree of a page. It fails for what a browser would have to guess:
// an element that is not closed, or an attribute that is given twice.
func parseHTML(t testing.TB, response *httptest.ResponseRecorder) *html.Node {
	t.Helper()
	page := response.Body.String()
	if kind := response.Header().Get("Content-Type"); kind != "text/html; charset=utf-8" {
		t.Fatalf("a page of type %s: %.200s", kind, page)
	}
	var open []string
	void := []string{"meta", "link", "input", "br"}
	for z := html.NewTokenizer(strings.NewReader(page)); z.Next() != html.ErrorToken; {
		token := z.Token()
		switch token.Type {
		case html.StartTagToken:
			names := map[string]bool{}
			for _, a := range token.Attr {
				if names[a.Key] {
					t.Errorf("<%s> has %s twice", token.Data, a.Key)
				}
				names[a.Key] = true
			}
			if !slices.Contains(void, token.Data) {
				open = append(open, token.Data)
			}
		case html.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != token.Data {
				t.Fatalf("</%s> closes %v", token.Data, open)
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		t.Fatalf("not closed: %v", open)
	}
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// find returns the elements with the name, "*" for all.
func find(root *html.Node, name string) []*html.Node {
	var found []*html.Node
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && (name == "*" || n.Data == name) {
			found = append(found, n)
		}
	}
	return found
}

func textOf(n *html.Node) string {
	var text strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode && d.Parent.Data != "style" {
			text.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(text.String()), " ")
}

// follow returns the address that a link on a page leads to.
func follow(t testing.TB, page, href string) string {
	t.Helper()
	base, err := url.Parse("http://exporter" + page)
	if err != nil {
		t.Fatal(err)
	}
	to, err := base.Parse(href)
	if err != nil {
		t.Fatalf("the link %q on %s: %v", href, page, err)
	}
	if to.Host != "exporter" || to.Scheme != "http" {
		t.Fatalf("the link %q on %s leads to %s", href, page, to)
	}
	return to.RequestURI()
}

func TestPage_AnswersWhoSeesPaymentsLogsInTwoClicks(t *testing.T) {
	for _, prefix := range []string{"", "/tools/connections"} {
		handler := http.StripPrefix(prefix, companyHandler(t))
		var clicked string
		for _, a := range find(parseHTML(t, get(handler, prefix+"/")), "a") {
			if strings.Contains(textOf(a), "Payments") {
				clicked = follow(t, prefix+"/", attribute(a, "href"))
				break
			}
		}
		if clicked == "" {
			t.Fatal("no link to Payments")
		}
		page := parseHTML(t, get(handler, clicked))
		for _, section := range find(page, "section") {
			if attribute(section, "aria-labelledby") != "out" {
				continue
			}
			want := "Can see its data The users of these orgs can query what is in Acme Payments, past included:" +
				" Acme Security : logs since 12 mo ✓ expected" +
				" Contractor Sandbox : audit ! (unexpected) logs ! (unexpected) since 3 h ! unexpected its creator is disabled: about to be deleted"
			if got := textOf(section); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	}
}

// Every link leads somewhere, whatever the prefix of a proxy.
func TestPages_HaveLinksThatWork(t *testing.T) {
	const prefix = "/behind/a proxy"
	inner := companyHandler(t, func(o *web.Options) {
		o.Probe = func(string) (web.Target, bool) { return web.Target{}, false }
	})
	handler := http.StripPrefix(prefix, inner)
	escaped := (&url.URL{Path: prefix}).EscapedPath()
	queue, seen := []string{escaped + "/", escaped + "/not/there"}, map[string]bool{}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		response := get(handler, at)
		if want := map[bool]int{true: 404, false: 200}[strings.HasSuffix(at, "/not/there")]; response.Code != want {
			t.Fatalf("%s: status %d: %s", at, response.Code, response.Body)
		}
		if !strings.HasPrefix(response.Header().Get("Content-Type"), "text/html") {
			continue
		}
		root := parseHTML(t, response)
		ids := map[string]bool{}
		for _, n := range find(root, "*") {
			if id := attribute(n, "id"); id != "" {
				if ids[id] {
					t.Errorf("%s has the id %q twice", at, id)
				}
				ids[id] = true
			}
		}
		for _, a := range find(root, "a") {
			href := attribute(a, "href")
			if fragment, ok := strings.CutPrefix(href, "#"); ok && !ids[fragment] {
				t.Errorf("%s has no %s", at, href)
			}
			if to := follow(t, at, href); !seen[to] {
				seen[to] = true
				queue = append(queue, to)
			}
		}
	}
	if len(seen) < 20 {
		t.Errorf("only %d links", len(seen))
	}
}

// What screen readers need.
func TestPages_HaveLandmarksAndLabels(t *testing.T) {
	handler := companyHandler(t)
	for _, path := range []string{"/", "/?q=nobody", "/orgs/" + uuid(0), "/orgs/" + uuid(4), "/history", "/not/there", "/?page=none"} {
		root := parseHTML(t, get(handler, path))
		for _, landmark := range []string{"header", "main", "footer", "h1", "title"} {
			if n := len(find(root, landmark)); n != 1 && landmark != "title" || n == 0 {
				t.Errorf("%s has %d <%s>", path, n, landmark)
			}
		}
		for _, table := range find(root, "table") {
			if len(find(table, "caption")) != 1 {
				t.Errorf("%s has a table without a caption", path)
			}
			for _, th := range find(table, "th") {
				if attribute(th, "scope") == "" {
					t.Errorf("%s has a <th> without a scope: %s", path, textOf(th))
				}
			}
		}
		for _, nav := range find(root, "nav") {
			if attribute(nav, "aria-label") == "" {
				t.Errorf("%s has a <nav> without a label", path)
			}
		}
		for _, input := range slices.Concat(find(root, "input"), find(root, "select")) {
			if input.Parent.Data != "label" {
				t.Errorf("%s has an <%s> without a label", path, input.Data)
			}
		}
	}
}

func TestPages_AllowNothingButTheirStyle(t *testing.T) {
	handler := companyHandler(t)
	for _, path := range []string{"/", "/orgs/" + uuid(1), "/history", "/not/there"} {
		response := get(handler, path)
		header := response.Header()
		root := parseHTML(t, response)
		styles := find(root, "style")
		if len(styles) != 1 {
			t.Fatalf("%s has %d style sheets", path, len(styles))
		}
		hash := sha256.Sum256([]byte(styles[0].FirstChild.Data))
		want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
		if got := header.Get("Content-Security-Policy"); got != want {
			t.Errorf("%s: Content-Security-Policy %q, want %q", path, got, want)
		}
		if header.Get("X-Content-Type-Options") != "nosniff" || header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %v", path, header)
		}
		for _, n := range find(root, "*") {
			for _, a := range n.Attr {
				if a.Key == "style" || strings.HasPrefix(a.Key, "on") || a.Key == "src" || n.Data == "script" {
					t.Errorf("%s: <%s %s=%q>", path, n.Data, a.Key, a.Val)
				}
			}
		}
	}
}

// hostile are texts that try to break out of HTML, attributes, URLs, SVG and CSS.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `javascript:alert(1)`, `</title><script>`, `</style><script>`,
	`</svg></text></a><svg onload=alert(1)>`, `--><!--`, `]]>`, `{{.Root}}`, `../../etc`, `a/b?c=d#e&f=%2e%2e`, `%00`, `&lt;b&gt;`, "line\nbreak\x00\x1b[31m", "\u202egnp.exe",
	`url(//evil.example)`, `"};body{background:red}`, "half \xc3", `//evil.example/`, `http://evil.example/`, ` `, `.`, `..`, "",
}

func hostileHandler() http.Handler {
	var orgs []inventory.OrgInfo
	var connections []datadog.Connection
	history := &inventory.History{Start: now}
	for n, text := range hostile {
		other := hostile[(n+1)%len(hostile)]
		orgs = append(orgs, inventory.OrgInfo{Org: datadog.Org{ID: text, Name: text, PublicID: text, Sharing: text}})
		c := datadog.Connection{ID: fmt.Sprint(n) + text, SourceID: text, SinkID: other, Types: []string{text, "z" + other}, Creator: datadog.Creator{ID: text, Kind: datadog.CreatorKind(text), Disabled: datadog.Yes}}
		connections = append(connections, c)
		history.Changes = append(history.Changes, inventory.Change{Kind: inventory.ChangeKind(text), At: now, Found: now, Connection: c, Types: c.Types, SourceName: text, SinkName: other})
	}
	view := inventory.View{Snapshot: inventory.NewSnapshot(connections, orgs), History: history, Orgs: []inventory.OrgState{
		{Name: hostile[1], Err: errors.New(hostile[0]), Listing: &datadog.Listing{Began: now}},
	}, Gaps: []inventory.Gap{{Org: hostile[1], Reason: inventory.Incomplete, Err: errors.New(hostile[0])}}}
	return newHandler(&stubInventory{view: view}, func(o *web.Options) { o.Judge, o.Version, o.Notice = companyPolicy(), hostile[0], hostile[1] })
}

func TestPages_ShowAnyNameAsText(t *testing.T) {
	handler := hostileHandler()
	paths := []string{"/", "/history"}
	for _, text := range hostile {
		paths = append(paths, "/?q="+url.QueryEscape(text), "/history?type="+url.QueryEscape(text), "/orgs/"+url.PathEscape(text), "/not/"+url.PathEscape(text))
	}
	for _, path := range paths {
		response := get(handler, path)
		if response.Code >= 300 && response.Code < 400 {
			continue // the path is cleaned
		}
		root := parseHTML(t, response)
		for _, n := range find(root, "*") {
			if n.Data == "script" || n.Data == "img" || n.Data == "iframe" {
				t.Fatalf("%s has a <%s>", path, n.Data)
			}
			for _, a := range n.Attr {
				switch {
				case strings.HasPrefix(a.Key, "on"), a.Key == "style", a.Key == "src":
					t.Errorf("%s: <%s %s=%q>", path, n.Data, a.Key, a.Val)
				case a.Key == "href" && n.Data == "a":
					follow(t, path, a.Val)
				}
			}
		}
	}
	if text := textOf(parseHTML(t, get(handler, "/"))); !strings.Contains(text, hostile[0]) || !strings.Contains(text, `line\nbreak\x00\x1b[31m`) || !strings.Contains(text, `\u202egnp.exe`) {
		t.Errorf("a name is not shown in %s", text)
	}
}

func TestPages_AnswerMistakesWithPages(t *testing.T) {
	handler := companyHandler(t)
	for path, want := range map[string]int{"/nothing": 404, "/orgs/nobody": 404, "/orgs/": 404, "/?orgs=a": 400, "/?page=x": 400, "/history?sort=sink": 400, "/orgs/" + uuid(0) + "?a=b": 400} {
		response := get(handler, path, "Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
		wantStatus(t, response, want)
		if text := textOf(parseHTML(t, response)); !strings.Contains(text, http.StatusText(want)) {
			t.Errorf("%s says %s", path, text)
		}
		response = get(handler, path, "Accept", "application/json")
		wantStatus(t, response, want)
		if !json.Valid(response.Body.Bytes()) {
			t.Errorf("%s: %s", path, response.Body)
		}
	}
}

func TestPages_AreSmall(t *testing.T) {
	handler := large(t, 10_000)
	for _, path := range []string{"/", "/?page=50&sort=sink", "/?org=Acme+Team+77*", "/history", "/orgs/" + uuid(1)} {
		response := get(handler, path, "Accept-Encoding", "gzip")
		wantStatus(t, response, http.StatusOK)
		if size := response.Body.Len(); size > 150_000 {
			t.Errorf("%s has %d bytes", path, size)
		}
	}
}

func TestPage_SortsAndTurnsPages(t *testing.T) {
	handler := large(t, 1000)
	seen := map[string]bool{}
	pages := 0
	for at := "/?creator=user&sort=created"; at != "" && pages < 10; pages++ {
		root := parseHTML(t, get(handler, at))
		here := at
		at = ""
		for _, n := range find(root, "*") {
			if id := attribute(n, "id"); strings.HasPrefix(id, "c-") {
				if seen[id] {
					t.Errorf("%s is on two pages", id)
				}
				seen[id] = true
			}
			if attribute(n, "rel") == "next" {
				at = follow(t, here, attribute(n, "href"))
			}
		}
	}
	if pages != 5 || len(seen) != 1000 {
		t.Errorf("%d connections on %d pages", len(seen), pages)
	}
}

// FuzzParameters requests every page and document with any parameters: none fails, and each
// is whole.
func FuzzParameters(f *testing.F) {
	handlers := []http.Handler{companyHandler(f), hostileHandler(), newHandler(&stubInventory{view: viewOf()})}
	paths := []string{"/", "/history", "/api/v1/inventory", "/api/v1/history", "/api/v1/status", "/orgs/x", "/x"}
	names := []string{"q", "org", "type", "expectation", "creator", "change", "sort", "page", "format"}
	for target := range uint8(len(handlers) * len(paths)) {
		for n, text := range append(hostile, "unexpected", "disabled", "added", "sink", "csv", "2", "-1", "*", "[", uuid(1)) {
			f.Add(target, names[n%len(names)], text, "q", "Acme", "")
			f.Add(target, names[n%len(names)], text, "sort", "created", text)
		}
	}
	f.Fuzz(func(t *testing.T, target uint8, name, value, secondName, secondValue, raw string) {
		values := url.Values{}
		values.Add(name, value)
		values.Add(secondName, secondValue)
		handler, path := handlers[int(target)%len(handlers)], paths[int(target)/len(handlers)%len(paths)]
		for _, query := range []string{values.Encode(), raw} {
			request := httptest.NewRequest(http.MethodGet, path, nil)
			request.URL.RawQuery = query
			response := httptest.NewRecorder()
			handler.ServeHTTP(response, request)
			kind := response.Header().Get("Content-Type")
			switch {
			case response.Code >= 500:
				t.Fatalf("%s?%s: status %d: %s", path, query, response.Code, response.Body)
			case kind == "application/json" && !json.Valid(response.Body.Bytes()):
				t.Fatalf("%s?%s: invalid JSON: %s", path, query, response.Body)
			case strings.HasPrefix(kind, "text/html"):
				parseHTML(t, response)
			}
		}
	})
}

var lightDark = regexp.MustCompile(`--([\w-]+): light-dark\((#\w+), (#\w+)\)`)

// WCAG 2.2, 1.4.3 (AA): every colour of text on every background has a contrast of 4.5.
func TestStyle_HasContrast(t *testing.T) {
	style := find(parseHTML(t, get(companyHandler(t), "/")), "style")[0].FirstChild.Data
	colors := map[string][]string{}
	for _, match := range lightDark.FindAllStringSubmatch(style, -1) {
		colors[match[1]] = match[2:]
	}
	for _, text := range []string{"ink", "dim", "link", "good", "bad", "warn"} {
		for _, back := range []string{"paper", "raised", "good-back", "bad-back", "loud"} {
			if len(colors[text]) != 2 || len(colors[back]) != 2 {
				t.Fatalf("no color %s or %s", text, back)
			}
			for n, scheme := range []string{"light", "dark"} {
				lighter, darker := luminance(t, colors[text][n]), luminance(t, colors[back][n])
				if contrast := (max(lighter, darker) + 0.05) / (min(lighter, darker) + 0.05); contrast < 4.5 {
					t.Errorf("%s: %s on %s has a contrast of %.2f", scheme, text, back, contrast)
				}
			}
		}
	}
}

// luminance returns the relative luminance of a color such as #fff or #1c1e21.
func luminance(t *testing.T, color string) float64 {
	t.Helper()
	if len(color) == 4 {
		color = "#" + strings.Repeat(color[1:2], 2) + strings.Repeat(color[2:3], 2) + strings.Repeat(color[3:], 2)
	}
	rgb, err := strconv.ParseUint(color[1:], 16, 24)
	if err != nil {
		t.Fatal(err)
	}
	linear := func(shift int) float64 {
		v := float64(rgb>>shift&0xff) / 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(16) + 0.7152*linear(8) + 0.0722*linear(0)
}
