package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"datadog_org_connections_exporter/datadog/fake"
)

// servers are the commands by which this program, started again, serves something else.
var servers = map[string]func(args []string) error{"api": serveAPI, static: serveStatic}

const pageSize = 1000

// pageQuery returns the query of a page as all clients send it.
func pageQuery(offset int) string { return fmt.Sprintf("limit=%d&offset=%d", pageSize, offset) }

// serveAPI serves the simulated API, whatever the credentials. GET returns a page; POST /rename renames the hub, which is
// the org that takes part in all connections, and returns its name. The arguments are connections and latency.
func serveAPI(args []string) error {
	var connections int
	var latency time.Duration // in nanoseconds
	if _, err := fmt.Sscan(strings.Join(args, " "), &connections, &latency); err != nil {
		return err
	}
	account, hub := fake.Star(fake.Options{}, connections, 1)
	names := [2]string{"Acme Hub North", "Acme Hub South"} // equally long, so that expositions are, too
	var pages [2]map[string]*httptest.ResponseRecorder     // by query
	// Pages begin after the last row of the one before, or with it, as the exporter's do; its last one may hold that row alone.
	offsets := []int{max(connections-1, 0)}
	for n := range connections/(pageSize-1) + 1 {
		offsets = append(offsets, n*pageSize, n*(pageSize-1))
	}
	for i, name := range names {
		account.RenameOrg(hub, name)
		pages[i] = map[string]*httptest.ResponseRecorder{}
		for _, offset := range offsets {
			request := httptest.NewRequestWithContext(context.Background(), http.MethodGet, fake.Path+"?"+pageQuery(offset), nil)
			request.Header.Set("Authorization", "Bearer "+account.Keys(hub).Token)
			pages[i][request.URL.RawQuery] = httptest.NewRecorder()
			account.ServeHTTP(pages[i][request.URL.RawQuery], request)
		}
	}
	var renames atomic.Int64
	http.HandleFunc("POST /rename", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, names[renames.Add(1)%2])
	})
	http.HandleFunc("GET "+fake.Path, func(w http.ResponseWriter, r *http.Request) {
		page, found := pages[renames.Load()%2][r.URL.RawQuery]
		if err := wait(r.Context(), latency); err != nil || !found || page.Code != http.StatusOK {
			http.Error(w, "bench: no page for this query", http.StatusInternalServerError)
			return
		}
		send(w, "application/json", page.Body.Bytes())
	})
	return serve(http.DefaultServeMux)
}

// serveStatic serves the exposition of the exporter at the URL in the argument, as it is now.
func serveStatic(args []string) error {
	exporter := &peer{process: process{url: args[0]}}
	if err := exporter.scrape(context.Background()); err != nil {
		return err
	}
	return serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		send(w, exporter.contentType, exporter.body.Bytes())
	}))
}

func send(w http.ResponseWriter, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
}

// serve listens on a free port and logs its address as the exporter does.
func serve(handler http.Handler) error {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "msg=\"Listening on\" address=%s\n", listener.Addr())
	return http.Serve(listener, handler)
}
