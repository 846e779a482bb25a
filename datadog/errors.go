package datadog

import (
	"encoding/json"
	"html"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Reason is the kind of a failure. It is an error itself, for
// errors.Is(err, datadog.Forbidden).
type Reason string

// The reasons of a failed listing.
const (
	Unauthorized Reason = "unauthorized" // 401: invalid credentials
	Forbidden    Reason = "forbidden"    // 403: invalid keys, or keys without the permission
	RateLimited  Reason = "rate_limited" // 429, or no requests left
	ServerError  Reason = "server_error" // 5xx
	ClientError  Reason = "client_error" // other 4xx, and redirects, which are not followed
	Timeout      Reason = "timeout"      // no complete response before the timeout
	Network      Reason = "network"      // no connection, or a closed one
	Malformed    Reason = "malformed"    // a response that is not a listing
	Incomplete   Reason = "incomplete"   // pages that repeat rows, or reads of all pages that match neither the total nor each other
	WrongOrg     Reason = "wrong_org"    // credentials of another org than Options.OrgID
)

// Reasons returns every [Reason].
func Reasons() []Reason {
	return []Reason{Unauthorized, Forbidden, RateLimited, ServerError, ClientError, Timeout, Network, Malformed, Incomplete, WrongOrg}
}

// retryReasons are the reasons for which a request is retried.
var retryReasons = []Reason{RateLimited, ServerError, Timeout, Network}

func (r Reason) retryable() bool { return slices.Contains(retryReasons, r) }

// Error returns the name of the reason.
func (r Reason) Error() string { return string(r) }

// Error is a failed listing. Its text contains no credentials and no e-mail addresses.
type Error struct {
	Reason Reason
	// Op is the attempted operation, such as GET and the URL of a page.
	Op string
	// Status is the HTTP status, 0 without a response.
	Status int
	// Detail is the outcome.
	Detail string
	// RetryAt is when the rate limit allows the next request, zero if it did not
	// cause the failure.
	RetryAt time.Time
	// Err is the cause, nil if that is the status.
	Err error
}

// Error returns the operation and its outcome.
func (e *Error) Error() string { return e.Op + ": " + e.Detail }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is the reason of e.
func (e *Error) Is(target error) bool {
	reason, ok := target.(Reason)
	return ok && reason == e.Reason
}

// maxDetail bounds the characters of a response that an error repeats.
const maxDetail = 200

// pageTitle matches the title of an HTML page.
var pageTitle = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)

// describeBody returns the messages of an error response such as {"errors": […]}, of
// strings or objects; the title of an HTML page, as gateways send them; else all of it.
func describeBody(body []byte) string {
	var response struct {
		Errors []json.RawMessage `json:"errors"`
	}
	if json.Unmarshal(body, &response) == nil && len(response.Errors) > 0 {
		messages := make([]string, len(response.Errors))
		for i, raw := range response.Errors {
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

// truncate returns text as one line of at most maxDetail characters. White space and
// control characters become single spaces.
func truncate(text string) string {
	words := strings.FieldsFunc(strings.ToValidUTF8(text, "\ufffd"), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	})
	runes := []rune(strings.Join(words, " "))
	if len(runes) > maxDetail {
		return string(runes[:maxDetail]) + "…"
	}
	return string(runes)
}
