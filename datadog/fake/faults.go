package fake

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Fault answers in place of the API, or changes what it answers. It applies to every request until it is cleared,
// unless it is limited:
//
//	s.Inject(fake.HTMLError(502).From(1000).Once())
//
// A fault that answers in place of the API does so before credentials and rate limits are checked.
type Fault struct {
	times int    // requests that it still applies to; 0: all
	from  int    // the smallest offset that it applies to
	orgID string // the org that it applies to; "": all
	path  string // the path that it applies to; "": all

	// What it does. Each fault sets one of these.
	delay     time.Duration
	handler   http.HandlerFunc // answers in place of the API
	header    http.Header      // added to those of the page
	edit      func(*listing)   // changes the listing, before the page is cut from it; may run concurrently
	afterPage func()           // called when the page is encoded, before it is written
	write     pageWriter       // writes the page
}

// Times limits the fault to the next n requests that it applies to.
func (f Fault) Times(n int) Fault { f.times = n; return f }

// Once limits the fault to the next request that it applies to.
func (f Fault) Once() Fault { return f.Times(1) }

// From limits the fault to requests with at least this offset.
func (f Fault) From(offset int) Fault { f.from = offset; return f }

// ForOrg limits the fault to requests with an org's credentials.
func (f Fault) ForOrg(id string) Fault { f.orgID = id; return f }

// ForPath limits the fault to requests for [Path] or for [OrgsPath].
func (f Fault) ForPath(path string) Fault { f.path = path; return f }

// Inject switches a fault on for the requests that follow. Faults add up, and of two that contradict each other the
// last injected wins. One that answers in place of the API hides those injected before it, and does not use them up.
func (s *Server) Inject(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, f)
}

// ClearFaults switches all faults off for the requests that follow.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// takeFaults returns the faults that apply to a request, oldest first, and counts down those with limited times.
// None is older than one with a handler.
func (s *Server) takeFaults(r Request) []Fault {
	var taken []Fault
	for i, f := range slices.Backward(s.faults) {
		if r.Offset < f.from || f.orgID != "" && f.orgID != r.OrgID || f.path != "" && f.path != r.Path {
			continue
		}
		taken = append(taken, f)
		switch f.times {
		case 0: // until cleared
		case 1:
			s.faults = slices.Delete(s.faults, i, i+1)
		default:
			s.faults[i].times--
		}
		if f.handler != nil {
			break
		}
	}
	slices.Reverse(taken)
	return taken
}

// Status answers with a status and a body, by default the API's error with the status' text.
func Status(code int, body ...string) Fault {
	content := []byte(strings.Join(body, ""))
	if len(body) == 0 {
		content = errorBody(http.StatusText(code))
	}
	return answer(code, nil, contentJSON, content)
}

// ReasonPhrase answers with a status and a reason phrase that is not the status' text. It closes the connection, and
// the request's log has no status.
func ReasonPhrase(code int, phrase string) Fault {
	return Fault{handler: func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic("fake: " + err.Error()) // HTTP/2 has no reason phrases
		}
		fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", code, phrase)
		_ = conn.Close() // an error means that the client is gone
	}}
}

// ErrorObjects answers with the API's other form of an error: {"errors":[{"title":"Forbidden"}]}.
func ErrorObjects(code int) Fault {
	body := errorBody(map[string]string{"title": http.StatusText(code)})
	return answer(code, nil, contentJSON, body)
}

// HTMLError answers with the HTML error page of a gateway between client and API.
func HTMLError(code int) Fault {
	title := fmt.Sprintf("%d %s", code, http.StatusText(code))
	body := html(title, "<hr><center>gateway</center>")
	return answer(code, nil, contentHTML, body)
}

// HTML200 answers with the login page of a proxy, and status 200.
func HTML200() Fault {
	form := `<form method="post" action="/login"><input name="user"><input name="password" type="password"></form>`
	return answer(http.StatusOK, nil, contentHTML, html("Please log in", form))
}

// NotAList answers with an object in place of the list of connections.
func NotAList() Fault {
	const body = `{"data":{"type":"org_connection"},"meta":{"page":{"total_count":1,"total_filtered_count":1}}}` + "\n"
	return answer(http.StatusOK, nil, contentJSON, []byte(body))
}

// NullData answers with null in place of the list of connections.
func NullData() Fault {
	const body = `{"data":null,"meta":{"page":{"total_count":0,"total_filtered_count":0}}}` + "\n"
	return answer(http.StatusOK, nil, contentJSON, []byte(body))
}

// TooManyRequests answers 429 with these headers, such as X-RateLimit-… and Retry-After; nil: none of them.
func TooManyRequests(header http.Header) Fault {
	return answer(http.StatusTooManyRequests, header, contentJSON, errorBody("Too many requests"))
}

// Redirect answers 302 with another URL.
func Redirect(url string) Fault {
	return answer(http.StatusFound, http.Header{"Location": {url}}, contentHTML, html("302 Found", ""))
}

// answer returns a fault that always sends the same answer.
func answer(status int, header http.Header, contentType string, body []byte) Fault {
	header = header.Clone()
	return Fault{handler: func(w http.ResponseWriter, _ *http.Request) {
		maps.Copy(w.Header(), header)
		writeAnswer(w, status, contentType, body)
	}}
}

func html(title, content string) []byte {
	return fmt.Appendf(nil, "<html>\n<head><title>%[1]s</title></head>\n<body><h1>%[1]s</h1>%[2]s</body>\n</html>\n",
		title, content)
}

// RepeatPage answers every offset with the first page.
func RepeatPage() Fault {
	return Fault{edit: func(l *listing) { l.offset = 0 }}
}

// ShortPages answers with at most limit rows a page, whatever limit the request has.
func ShortPages(limit int) Fault {
	return Fault{edit: func(l *listing) { l.limit = min(l.limit, limit) }}
}

// EmptyPage answers without rows, and with the true totals.
func EmptyPage() Fault {
	return Fault{edit: func(l *listing) { l.limit = 0 }}
}

// ShuffledOrder lists the rows in another order for each request.
func ShuffledOrder() Fault {
	var mu sync.Mutex // guards random
	random := rand.New(rand.NewPCG(1, 0))
	return Fault{edit: func(l *listing) {
		mu.Lock()
		defer mu.Unlock()
		random.Shuffle(len(l.rows), func(i, j int) { l.rows[i], l.rows[j] = l.rows[j], l.rows[i] })
	}}
}

// Total replaces both totals by what replace returns for the true ones. It sends nil as null.
func Total(replace func(total int) any) Fault {
	return Fault{edit: func(l *listing) {
		l.meta = &meta{totals{TotalCount: replace(l.total), TotalFilteredCount: replace(len(l.rows))}}
	}}
}

// NoMeta leaves out "meta", and the totals with it.
func NoMeta() Fault {
	return Fault{edit: func(l *listing) { l.meta = nil }}
}

// AfterPage calls f after each page and before the client can ask for the next, so that f can add, move and remove
// connections between two pages.
func AfterPage(f func()) Fault {
	return Fault{afterPage: f}
}

// Header adds headers to the page's, in place of the API's own of the same name: a rate limit that is told Once, or
// an absurd one.
func Header(header http.Header) Fault {
	return Fault{header: header.Clone()}
}

// Slow delays the answer, in addition to [Options.Latency].
func Slow(d time.Duration) Fault {
	return Fault{delay: d}
}

// Hang sends no answer until the client goes away.
func Hang() Fault {
	return Fault{handler: func(_ http.ResponseWriter, r *http.Request) { hang(r) }}
}

// HangMidBody sends half of the page, and no more until the client goes away.
func HangMidBody() Fault {
	return Fault{write: func(w http.ResponseWriter, r *http.Request, body []byte) {
		writeHalf(w, body)
		hang(r)
	}}
}

// Disconnect closes the connection before any answer. Go's client retries a request by itself when its connection has
// served one before: a fault that such a client has to see must not be limited to Once.
func Disconnect() Fault {
	return Fault{handler: func(http.ResponseWriter, *http.Request) { abort() }}
}

// DisconnectMidBody closes the connection after half of the page.
func DisconnectMidBody() Fault {
	return Fault{write: func(w http.ResponseWriter, _ *http.Request, body []byte) {
		writeHalf(w, body)
		abort()
	}}
}

// Truncated sends half of the page as if it were all of it: an HTTP answer without an error, with broken JSON.
func Truncated() Fault {
	return Fault{write: func(w http.ResponseWriter, r *http.Request, body []byte) {
		writePage(w, r, body[:len(body)/2])
	}}
}

// GoAway closes the connection after the page, as servers do when they restart: over HTTP/2 it announces that with a
// GOAWAY frame, and completes the requests that have arrived before it; over HTTP/1.1 the page announces it.
func GoAway() Fault {
	return Header(http.Header{"Connection": {"close"}})
}

// Gzip compresses pages, as gateways do, whether the client accepts that or not.
func Gzip() Fault { return gzipped(compress) }

// FalseGzip sends pages that are not compressed as if they were.
func FalseGzip() Fault {
	return gzipped(func(body []byte) []byte { return body })
}

// TruncatedGzip sends half of a compressed page as if it were all of it.
func TruncatedGzip() Fault {
	return gzipped(func(body []byte) []byte {
		body = compress(body)
		return body[:len(body)/2]
	})
}

// gzipped sends what encode makes of a page as if that were compressed.
func gzipped(encode func(body []byte) []byte) Fault {
	return Fault{write: func(w http.ResponseWriter, r *http.Request, body []byte) {
		w.Header().Set("Content-Encoding", "gzip")
		writePage(w, r, encode(body))
	}}
}

// GzipBomb sends about 1 MB that expand to 1 GiB: start, and repeat again and again.
func GzipBomb(start, repeat string) Fault {
	const size, part = 1 << 30, 1 << 20
	body := compress([]byte(start))
	// Compressed parts in a row are compressed text, too.
	again := compress([]byte(strings.Repeat(repeat, part/len(repeat))))
	body = append(body, bytes.Repeat(again, size/part)...)
	return answer(http.StatusOK, http.Header{"Content-Encoding": {"gzip"}}, contentJSON, body)
}

func compress(body []byte) []byte {
	var compressed bytes.Buffer
	writer := gzip.NewWriter(&compressed)
	_, writeErr := writer.Write(body)
	if err := errors.Join(writeErr, writer.Close()); err != nil {
		panic("fake: " + err.Error())
	}
	return compressed.Bytes()
}

// Endless sends rows, each of another connection, until the client goes away.
func Endless() Fault {
	const row = `{"type":"org_connection","id":"00000000-0000-4000-8000-%012d","attributes":{"created_at":` +
		`"2024-01-01T00:00:00.000000+00:00","connection_types":["logs"]},"relationships":{` +
		`"source_org":{"data":{"type":"orgs","id":"00000000-0000-4000-8000-00000000000a","name":"Acme"}},` +
		`"sink_org":{"data":{"type":"orgs","id":"00000000-0000-4000-8000-00000000000b","name":"Acme Endless"}}}},`
	return Fault{handler: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentJSON)
		w.WriteHeader(http.StatusOK)
		_, err := fmt.Fprint(w, `{"data":[`)
		for n := 1; err == nil; n++ {
			_, err = fmt.Fprintf(w, row, n)
		}
	}}
}

// writeHalf announces the whole body and sends the first half.
func writeHalf(w http.ResponseWriter, body []byte) {
	writeHeader(w, http.StatusOK, contentJSON, len(body))
	w.Write(body[:len(body)/2])
	_ = http.NewResponseController(w).Flush() // an error means that the client is gone
}

// hang waits until the client goes away.
func hang(r *http.Request) {
	<-r.Context().Done()
	abort()
}
