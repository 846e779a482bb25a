package fake

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
)

// Status answers with a status and a body, by default the API's error with the status' text.
func Status(code int, body ...string) Fault {
	content := []byte(strings.Join(body, ""))
	if len(body) == 0 {
		content = errorBody(http.StatusText(code))
	}
	return answering(fmt.Sprintf("Status(%d)", code), code, contentJSON, content)
}

// ErrorObjects answers with the API's other form of an error: {"errors":[{"title":"Forbidden"}]}.
func ErrorObjects(code int) Fault {
	body := errorBody(map[string]string{"title": http.StatusText(code)})
	return answering(fmt.Sprintf("ErrorObjects(%d)", code), code, contentJSON, body)
}

// HTMLError answers with the page of a gateway between client and API.
func HTMLError(code int) Fault {
	title := fmt.Sprintf("%d %s", code, http.StatusText(code))
	return answering(fmt.Sprintf("HTMLError(%d)", code), code, contentHTML, html(title, "<hr><center>gateway</center>"))
}

// HTML200 answers with the login page of a proxy, and status 200.
func HTML200() Fault {
	form := `<form method="post" action="/login"><input name="user"><input name="password" type="password"></form>`
	return answering("HTML200", http.StatusOK, contentHTML, html("Please log in", form))
}

// NotAList answers with an object where the list belongs.
func NotAList() Fault {
	const body = `{"data":{"type":"org_connection"},"meta":{"page":{"total_count":1,"total_filtered_count":1}}}` + "\n"
	return answering("NotAList", http.StatusOK, contentJSON, []byte(body))
}

// NullData answers with null where the list belongs.
func NullData() Fault {
	const body = `{"data":null,"meta":{"page":{"total_count":0,"total_filtered_count":0}}}` + "\n"
	return answering("NullData", http.StatusOK, contentJSON, []byte(body))
}

// TooManyRequests answers 429 with these headers besides the usual ones: X-RateLimit-…, Retry-After, or none at all.
func TooManyRequests(header http.Header) Fault {
	header = header.Clone()
	return Fault{name: "TooManyRequests", instead: func(w http.ResponseWriter, _ *http.Request) {
		maps.Copy(w.Header(), header)
		sendError(w, http.StatusTooManyRequests, "Too many requests")
	}}
}

// Redirect answers 302 and sends the client to another URL.
func Redirect(url string) Fault {
	return Fault{name: "Redirect", instead: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", url)
		send(w, http.StatusFound, contentHTML, html("302 Found", ""))
	}}
}

// answering is a fault that always gives the same answer.
func answering(name string, status int, contentType string, body []byte) Fault {
	return Fault{name: name, instead: func(w http.ResponseWriter, _ *http.Request) {
		send(w, status, contentType, body)
	}}
}

func html(title, content string) []byte {
	return fmt.Appendf(nil, "<html>\n<head><title>%[1]s</title></head>\n<body><h1>%[1]s</h1>%[2]s</body>\n</html>\n",
		title, content)
}
