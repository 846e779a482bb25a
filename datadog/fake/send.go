package fake

import (
	"encoding/json"
	"net/http"
	"strconv"
)

const (
	contentJSON = "application/json"
	contentHTML = "text/html; charset=utf-8"
)

// send writes a whole answer.
func send(w http.ResponseWriter, status int, contentType string, body []byte) {
	sendHead(w, status, contentType, len(body))
	w.Write(body) // a client that is gone does not read our errors
}

// sendHead announces a body of length bytes.
func sendHead(w http.ResponseWriter, status int, contentType string, length int) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(length))
	w.WriteHeader(status)
}

// sendError writes the API's usual error.
func sendError(w http.ResponseWriter, status int, text string) {
	send(w, status, contentJSON, errorBody(text))
}

// errorBody lists one error: a string as a rule, an object at times.
func errorBody(of any) []byte {
	body, err := json.Marshal(map[string]any{"errors": []any{of}})
	if err != nil {
		panic("fake: " + err.Error())
	}
	return body
}
