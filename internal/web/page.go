package web

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/go-kit/log/level"
)

//go:embed templates
var files embed.FS

//go:embed templates/style.css
var style string

// The pages, each in the layout.
var (
	overviewPage = parsePage("overview.html")
	orgPage      = parsePage("org.html")
	historyPage  = parsePage("history.html")
	errorPage    = parsePage("error.html")
)

func parsePage(name string) *template.Template {
	return template.Must(template.ParseFS(files, "templates/layout.html", "templates/parts.html", "templates/"+name))
}

// contentSecurityPolicy allows the style sheet of the pages, their icon and their forms,
// and nothing else: if escaping failed, browsers would still run no script.
var contentSecurityPolicy = func() string {
	hash := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) +
		"'; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
}()

// frame is what the layout shows around each page.
type frame struct {
	Root        string // the relative URL of /
	Title       string
	Notice      string
	Version     string
	MetricsPath string
	Section     string // of the navigation
	Style       template.CSS
	Page        any
}

// root returns the relative URL of / from the request's path, so that links work behind a
// proxy that adds a prefix.
func root(r *http.Request) string {
	return cmp.Or(strings.Repeat("../", strings.Count(r.URL.EscapedPath(), "/")-1), "./")
}

func (s *server) overview(w http.ResponseWriter, r *http.Request) {
	c := s.content()
	q, err := parsePageQuery(r)
	if err == nil {
		err = c.check(q)
	}
	if err != nil {
		s.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	page := builder{c, root(r)}.overview(q)
	s.render(w, r, http.StatusOK, overviewPage, frame{Title: page.Verdict.Symbol() + " " + page.Verdict.Title, Section: "overview", Page: page})
}

func (s *server) org(w http.ResponseWriter, r *http.Request) {
	c := s.content()
	page, ok := builder{c, root(r)}.org(r.PathValue("id"))
	switch {
	case r.URL.RawQuery != "":
		s.fail(w, r, http.StatusBadRequest, "the page of an org has no parameters")
	case !ok:
		s.fail(w, r, http.StatusNotFound, "No org with this id is known. It may be named by connections that are out of sight now.")
	default:
		s.render(w, r, http.StatusOK, orgPage, frame{Title: page.Name, Page: page})
	}
}

func (s *server) history(w http.ResponseWriter, r *http.Request) {
	c := s.content()
	q, err := parsePageQuery(r)
	if err == nil {
		err = q.checkHistory()
	}
	if err != nil {
		s.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	s.render(w, r, http.StatusOK, historyPage, frame{Title: "History", Section: "history", Page: builder{c, root(r)}.history(q)})
}

// parsePageQuery is [parseQuery] with the first page where none is asked for. The API has
// the formats.
func parsePageQuery(r *http.Request) (query, error) {
	q, err := parseQuery(r.URL.RawQuery)
	q.page, q.format = max(q.page, 1), ""
	return q, err
}

func (s *server) render(w http.ResponseWriter, r *http.Request, status int, page *template.Template, f frame) {
	f.Root, f.Notice, f.Version, f.Style = root(r), s.Notice, s.Version, template.CSS(style) //nolint:gosec // it is ours
	f.MetricsPath = strings.TrimPrefix(s.MetricsPath, "/")
	var body bytes.Buffer
	if err := page.ExecuteTemplate(&body, "layout", f); err != nil {
		level.Error(s.Logger).Log("msg", "Cannot render a page", "path", r.URL.Path, "err", err)
		http.Error(w, "cannot render this page: see the log", http.StatusInternalServerError)
		return
	}
	header := w.Header()
	setSafe(header)
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-cache")
	header.Set("Vary", "Accept-Encoding, Accept")
	if !acceptsGzip(r.Header.Get("Accept-Encoding")) {
		w.WriteHeader(status)
		_, _ = body.WriteTo(w) // fails if the client is gone
		return
	}
	header.Set("Content-Encoding", "gzip")
	w.WriteHeader(status)
	compressor := compressors.Get().(*gzip.Writer) //nolint:forcetypeassert // the pool holds nothing else
	defer compressors.Put(compressor)
	compressor.Reset(w)
	_, _ = body.WriteTo(compressor)
	_ = compressor.Close()
}

var compressors = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

// fail responds with an error: JSON for programs, else a page.
func (s *server) fail(w http.ResponseWriter, r *http.Request, status int, text string) {
	if wantsJSON(r) {
		failJSON(w, status, text)
		return
	}
	s.render(w, r, status, errorPage, frame{Title: http.StatusText(status), Page: map[string]any{"Status": http.StatusText(status), "Text": text}})
}

func wantsJSON(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/api/") || slices.ContainsFunc(strings.Split(r.Header.Get("Accept"), ","), func(accepted string) bool {
		return strings.HasPrefix(strings.TrimSpace(accepted), "application/json")
	})
}
