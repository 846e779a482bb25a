package main

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"

	"datadog_org_connections_exporter/datadog/fake"
)

const (
	seed     = 1
	pageSize = 1000
)

// names are those that the hub goes by in turns. They are as long as each other, so
// that expositions are too.
var names = [...]string{"Acme Hub North", "Acme Hub South"}

// account answers as its hub's keys would have it, and keeps each answer.
type account struct {
	server *fake.Server
	hub    string
	client http.Client

	mu    sync.Mutex
	named int // of names
	drawn map[string][]byte
}

func newAccount(connections int) *account {
	server, hub := fake.Star(fake.Options{}, connections, seed)
	server.RenameOrg(hub, names[0])
	transport, _ := fake.InMemory(server)
	return &account{server: server, hub: hub, client: http.Client{Transport: transport}, drawn: map[string][]byte{}}
}

// drawAll draws the pages that a listing takes, under both names, and the empty one
// behind them.
func (a *account) drawAll(connections int) error {
	for range names {
		for offset := 0; offset <= connections; offset += pageSize {
			if _, err := a.draw(fmt.Sprintf("limit=%d&offset=%d", pageSize, offset)); err != nil {
				return err
			}
		}
		a.turn()
	}
	return nil
}

// draw gives the answer to a query.
func (a *account) draw(query string) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := names[a.named] + "?" + query
	if body, known := a.drawn[key]; known {
		return body, nil
	}
	body, err := a.ask(query)
	if err != nil {
		return nil, err
	}
	a.drawn[key] = body
	return body, nil
}

func (a *account) ask(query string) ([]byte, error) {
	request, err := http.NewRequest(http.MethodGet, "http://fake"+fake.Path+"?"+query, nil) //nolint:noctx // in memory
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+a.server.Keys(a.hub).Token)
	response, err := a.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("?%s: %s: %s", query, response.Status, body)
	}
	return body, err
}

// turn gives the hub its other name.
func (a *account) turn() (name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.named = (a.named + 1) % len(names)
	a.server.RenameOrg(a.hub, names[a.named])
	return names[a.named]
}

// answer sends a page. Whoever knows the address may have it, with any keys.
func (a *account) answer(w http.ResponseWriter, r *http.Request) {
	body, err := a.draw(r.URL.RawQuery)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
}

// rename changes what every row says, and tells the name that is in force now.
// Nobody who lists can use what was made of the listing before.
func (a *account) rename(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprint(w, a.turn())
}
