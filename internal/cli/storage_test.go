package cli

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"datadog_org_connections_exporter/datadog/fake"
	"datadog_org_connections_exporter/internal/storage"
)

// kill starts the program in another process, and kills that as soon as there is a state.
func kill(t *testing.T, args []string, hasState func() bool) {
	t.Helper()
	self, err := exec.LookPath(programName)
	if err != nil {
		t.Fatal(err)
	}
	process := exec.CommandContext(t.Context(), self, args...)
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	poll(t, "a state", hasState)
	_ = process.Process.Kill()
	_ = process.Wait() // it was killed
}

// wantRestored wants the account's connections to be shown although the API fails.
func wantRestored(t *testing.T, of api, args []string) {
	t.Helper()
	of.Inject(fake.Status(http.StatusServiceUnavailable))
	defer of.ClearFaults()
	p := start(t, args...)
	p.waitUntilReady()
	metrics := p.get("/metrics").body
	wantConnections(t, of, metrics)

	p.stop()
	p.waitForEnd()
	wantNone(t, "the log", p.stderr.String(), "level=error")
}

func TestServe_ShowsTheLastInventoryAfterARestart(t *testing.T) {
	of := newAPI(t)
	dir := filepath.Join(t.TempDir(), "state")
	args := of.args("--storage.path="+dir, "--datadog.timeout=1s")
	p := start(t, args...)
	p.waitUntilReady()
	const success = "\ndatadog_listing_last_success_timestamp_seconds{org=\"default\"} "
	_, before, _ := strings.Cut(p.get("/metrics").body, success)
	before, _, _ = strings.Cut(before, "\n")
	p.stop()
	p.waitForEnd()

	of.Inject(fake.Status(http.StatusServiceUnavailable))
	p = start(t, args...)
	p.waitUntilReady()
	wantContains(t, "/metrics", p.get("/metrics").body, success+before+"\n") // its true age
	p.stop()
	p.waitForEnd()
	of.ClearFaults()

	wantRestored(t, of, args)
	state, err := storage.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	content, err := json.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	keys := of.Keys(of.org)
	for _, secret := range []string{keys.API, keys.App, keys.Token, "example.com", "Robin"} {
		if strings.Contains(string(content), secret) {
			t.Errorf("the state has %q", secret)
		}
	}
}

func TestServe_ShowsTheLastInventoryAfterItWasKilled(t *testing.T) {
	of := newAPI(t)
	dir := filepath.Join(t.TempDir(), "state")
	args := of.args("--storage.path="+dir, "--datadog.timeout=1s")
	kill(t, args, func() bool {
		state, err := storage.Read(dir)
		return err == nil && len(state.Listings) > 0
	})
	wantRestored(t, of, args)
}

func TestServe_RestoresTheOrgsOfAConfigurationFile(t *testing.T) {
	a := newAccount(t, 5, 20)
	dir := filepath.Join(t.TempDir(), "state")
	p := a.start("--storage.path=" + dir)
	poll(t, "all connections", func() bool { return len(shownIDs(p.get("/metrics").body)) == len(a.Connections()) })
	p.stop()
	p.waitForEnd()
	a.Inject(fake.Status(http.StatusServiceUnavailable))
	p = a.start("--storage.path=" + dir)
	if n := len(shownIDs(p.get("/metrics").body)); n != len(a.Connections()) {
		t.Errorf("%d connections are shown after a restart, want %d", n, len(a.Connections()))
	}
}

// scrapes starts the program in another process, and scrapes it until stop is called,
// which kills the process.
func scrapes(t *testing.T, args []string) (stop func()) {
	t.Helper()
	self, err := exec.LookPath(programName)
	if err != nil {
		t.Fatal(err)
	}
	log := newOutput()
	process := exec.CommandContext(t.Context(), self, args...)
	process.Stderr = log
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	ended, scraped := make(chan struct{}), make(chan struct{})
	var address string
	log.waitFor(t, ended, "its address", func(text string) bool {
		match := listeningOn.FindStringSubmatch(text)
		if match != nil {
			address = match[1] + match[2]
		}
		return match != nil
	})
	go func() {
		defer close(scraped)
		for {
			if _, err := get(http.DefaultClient, "http://"+address+"/metrics"); err != nil {
				return // it was killed
			}
		}
	}()
	return func() {
		_ = process.Process.Kill()
		_ = process.Wait() // it was killed
		close(ended)
		<-scraped
	}
}

// Each change is told once, whenever the process is killed.
func TestServe_HistoryIsThatOfTheAccountThroughKills(t *testing.T) {
	const rounds = 12
	account, hub := fake.Star(fake.Options{}, 3*rounds, 1)
	of := serveAPI(t, account, hub, account)
	dir := filepath.Join(t.TempDir(), "state")
	args := of.args("--storage.path="+dir, "--cache.ttl=1ms")
	history := func() (told []string, start time.Time) {
		state, err := storage.Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range state.Changes {
			told = append(told, string(c.Kind)+" "+c.Connection.ID)
		}
		slices.Sort(told)
		return told, state.Start
	}
	stop := scrapes(t, args)
	poll(t, "the beginning of the memory", func() bool {
		state, err := storage.Read(dir)
		return err == nil && !state.Start.IsZero()
	})
	_, began := history()

	connections := of.Connections()
	var journal []string
	for n := range rounds {
		widened, removed := connections[3*n], connections[3*n+1]
		for _, happen := range []func(){
			func() {
				of.SetTypes(widened.ID, append(slices.Clone(widened.Types), "tomorrow")...)
				journal = append(journal, "widened "+widened.ID)
			},
			func() { of.RemoveConnection(removed.ID); journal = append(journal, "removed "+removed.ID) },
			func() {
				id := of.AddConnection(fake.Connection{SourceID: hub, SinkID: connections[3*n+2].SourceID, Types: []string{"logs"}, CreatedAt: time.Now()})
				journal = append(journal, "added "+id)
			},
		} {
			happen()
			if rand.IntN(2) == 0 {
				stop()
				stop = scrapes(t, args)
			}
		}
	}
	slices.Sort(journal)
	poll(t, "all that happened", func() bool { told, _ := history(); return len(told) >= len(journal) })
	stop()
	if told, start := history(); !slices.Equal(told, journal) || !start.Equal(began) {
		t.Errorf("the history since %v, want %v, is\n%q, want\n%q", start, began, told, journal)
	}
}
