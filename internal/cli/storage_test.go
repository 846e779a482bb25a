package cli

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"datadog_org_connections_exporter/datadog/fake"
	"datadog_org_connections_exporter/internal/storage"
)

// kill starts the program as a process of its own, and kills it as soon as it has a state.
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
