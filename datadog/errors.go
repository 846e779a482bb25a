package datadog

import (
	"encoding/json"
	"html"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// Reason is the kind of a failure. It is an error itself, so that
// errors.Is(err, datadog.Forbidden) works wherever err was wrapped.
type Reason string

// All reasons that a listing fails for.
const (
	Unauthorized Reason = "unauthorized" // 401: the credentials are not accepted
	Forbidden    Reason = "forbidden"    // 403: wrong keys, or without the permission
	RateLimited  Reason = "rate_limited" // 429, or a limit known to be used up
	ServerError  Reason = "server_error" // 5xx
	ClientError  Reason = "client_error" // other 4xx, and redirects, which are refused
	Timeout      Reason = "timeout"      // no whole answer in time
	Network      Reason = "network"      // no connection, or one that broke
	Malformed    Reason = "malformed"    // an answer that is no listing
	Incomplete   Reason = "incomplete"   // reads that neither match the total nor each other
)

// Reasons lists every [Reason].
func Reasons() []Reason {
	return []Reason{Unauthorized, Forbidden, RateLimited, ServerError, ClientError, Timeout, Network, Malformed, Incomplete}
}

// RetryReasons lists the reasons for which a request is sent again.
func RetryReasons() []Reason { return []Reason{RateLimited, ServerError, Timeout, Network} }

func (r Reason) retryable() bool {
	switch r {
	case RateLimited, ServerError, Timeout, Network:
		return true
	}
	return false
}

// Error is the reason's name.
func (r Reason) Error() string { return string(r) }

// Error is a failed listing: what was attempted and what came back.
// Its text holds no credentials and no e-mail addresses.
type Error struct {
	Reason Reason
	// Op is what was attempted, such as GET and the URL of the page.
	Op string
	// Status is the HTTP status, 0 where no answer came.
	Status int
	// Detail is what came back, in words.
	Detail string
	// RetryAt is when the rate limit allows the next request; zero where the
	// failure has nothing to do with one.
	RetryAt time.Time
	// Err is the cause, nil where the answer itself was the failure.
	Err error
}

// Error returns the attempt and its outcome.
func (e *Error) Error() string { return e.Op + ": " + e.Detail }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is makes an Error equal to its [Reason].
func (e *Error) Is(target error) bool {
	reason, ok := target.(Reason)
	return ok && reason == e.Reason
}

// maxDetail is how many characters of a foreign text an error repeats.
const maxDetail = 200

// pageTitle finds what a person would see first of an HTML page.
var pageTitle = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)

// describeBody says what an answer other than a listing holds: the API's own
// messages where it is {"errors": […]}, with texts or objects in it; the title of
// an HTML page, as gateways send them; else the whole of it.
func describeBody(body []byte) string {
	var answer struct {
		Errors []json.RawMessage `json:"errors"`
	}
	if json.Unmarshal(body, &answer) == nil && len(answer.Errors) > 0 {
		messages := make([]string, len(answer.Errors))
		for i, raw := range answer.Errors {
			messages[i] = errorMessage(raw)
		}
		return strings.Join(messages, "; ")
	}
	if title := pageTitle.FindSubmatch(body); title != nil {
		return `an HTML page, "` + strings.TrimSpace(html.UnescapeString(string(title[1]))) + `"`
	}
	return string(body)
}

func errorMessage(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var object struct {
		Title  string `json:"title"`
		Detail string `json:"detail"`
	}
	if json.Unmarshal(raw, &object) == nil && object.Title+object.Detail != "" {
		return strings.Trim(object.Title+": "+object.Detail, ": ")
	}
	return string(raw)
}

// shorten folds white space and control characters into single spaces and cuts
// what is too long for a log line.
func shorten(text string) string {
	words := strings.FieldsFunc(strings.ToValidUTF8(text, "\ufffd"), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	})
	runes := []rune(strings.Join(words, " "))
	if len(runes) > maxDetail {
		return string(runes[:maxDetail]) + "…"
	}
	return string(runes)
}
