package fake

import (
	"fmt"
	"net/http"
	"time"
)

// Slow lets more time pass before the answer.
func Slow(d time.Duration) Fault {
	return Fault{name: fmt.Sprintf("Slow(%v)", d), delay: d}
}

// Hang gives no answer until the client goes away.
func Hang() Fault {
	return Fault{name: "Hang", instead: func(_ http.ResponseWriter, r *http.Request) { hang(r) }}
}

// HangMidBody sends half of the page, and no more until the client goes away.
func HangMidBody() Fault {
	return Fault{name: "HangMidBody", send: func(w http.ResponseWriter, r *http.Request, body []byte) {
		sendHalf(w, body)
		hang(r)
	}}
}

// Disconnect closes the connection before any answer. Go's client asks again by itself where the connection had served
// a request before; one that is to see the fault needs more than Once.
func Disconnect() Fault {
	return Fault{name: "Disconnect", instead: func(http.ResponseWriter, *http.Request) { drop() }}
}

// DisconnectMidBody closes the connection after half of the page.
func DisconnectMidBody() Fault {
	return Fault{name: "DisconnectMidBody", send: func(w http.ResponseWriter, _ *http.Request, body []byte) {
		sendHalf(w, body)
		drop()
	}}
}

// Truncated sends half of the page as if it were all: a complete answer with broken JSON.
func Truncated() Fault {
	return Fault{name: "Truncated", send: func(w http.ResponseWriter, _ *http.Request, body []byte) {
		send(w, http.StatusOK, contentJSON, body[:len(body)/2])
	}}
}

// Endless sends rows, of as many connections, until the client goes away.
func Endless() Fault {
	const row = `{"type":"org_connection","id":"00000000-0000-4000-8000-%012d","attributes":{"created_at":` +
		`"2024-01-01T00:00:00.000000+00:00","connection_types":["logs"]},"relationships":{` +
		`"source_org":{"data":{"type":"orgs","id":"00000000-0000-4000-8000-00000000000a","name":"Acme"}},` +
		`"sink_org":{"data":{"type":"orgs","id":"00000000-0000-4000-8000-00000000000b","name":"Acme Endless"}}}},`
	return Fault{name: "Endless", instead: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentJSON)
		w.WriteHeader(http.StatusOK)
		_, err := fmt.Fprint(w, `{"data":[`)
		for n := 1; err == nil; n++ {
			_, err = fmt.Fprintf(w, row, n)
		}
	}}
}

// sendHalf announces the whole body and sends the first half.
func sendHalf(w http.ResponseWriter, body []byte) {
	sendHead(w, http.StatusOK, contentJSON, len(body))
	w.Write(body[:len(body)/2])
	_ = http.NewResponseController(w).Flush() // fails where the client is gone
}

func hang(r *http.Request) {
	<-r.Context().Done()
	drop()
}

// drop ends a request by closing its connection: the documented way to tell [http.Server] so.
func drop() { panic(http.ErrAbortHandler) }
