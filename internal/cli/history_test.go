package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"datadog_org_connections_exporter/datadog/fake"
)

// stopped stops the program, and waits until it has ended.
func (p *program) stopped() {
	p.t.Helper()
	p.stop()
	p.waitForEnd()
}

// historyOf returns what the command prints.
func historyOf(t *testing.T, dir string, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if status := Main(t.Context(), append([]string{"history", "--storage.path=" + dir}, args...), &stdout, &stderr); status != 0 || stderr.Len() > 0 {
		t.Fatalf("history: status %d, %s", status, &stderr)
	}
	return stdout.String()
}

func TestServe_RemembersOverRestarts(t *testing.T) {
	of := newAPI(t)
	dir := t.TempDir()
	args := of.args("--storage.path="+dir, "--cache.ttl=10ms")
	p := start(t, args...)
	p.waitUntilReady()
	wantConnections(t, of, p.get("/metrics").body)
	p.stopped()
	wantContains(t, "the history", historyOf(t, dir), "0 changes; remembered since ")

	// The last good inventory is shown at once, though nothing can be listed.
	before := of.series()
	of.Inject(fake.Status(http.StatusBadGateway))
	p = start(t, args...)
	if ready := p.get("/-/ready"); ready.status != http.StatusOK {
		t.Errorf("not ready: %s", ready.body)
	}
	wantContains(t, "/metrics", p.get("/metrics").body, before...)
	p.stopped()

	connections := of.Connections()
	removed, widened := connections[0], connections[1]
	of.RemoveConnection(removed.ID)
	of.SetTypes(widened.ID, append(widened.Types, "tomorrow")...)
	added := of.AddConnection(fake.Connection{SourceID: widened.SinkID, SinkID: widened.SourceID, Types: []string{"logs"}, CreatedAt: time.Now()})
	of.ClearFaults()
	p = start(t, args...)
	change := func(kind, id string) string {
		return fmt.Sprintf("\ndatadog_org_connection_change_timestamp_seconds{change=%q,connection_id=%q,", kind, id)
	}
	poll(t, "the changes on /metrics", func() bool {
		metrics := p.get("/metrics").body
		return strings.Contains(metrics, change("removed", removed.ID)) && strings.Contains(metrics, change("widened", widened.ID)) && strings.Contains(metrics, change("added", added))
	})
	if n := strings.Count(p.get("/metrics").body, "\ndatadog_org_connection_changes_total{"); n != 5 {
		t.Errorf("%d kinds of changes are counted", n)
	}

	// Also while the exporter runs.
	var document struct {
		Changes []struct{ Change, ID string }
	}
	poll(t, "the changes to be written", func() bool {
		if err := json.Unmarshal([]byte(historyOf(t, dir, "-o", "json")), &document); err != nil {
			t.Fatal(err)
		}
		return len(document.Changes) == 3
	})
	wantContains(t, "the history", historyOf(t, dir, "--change=widened", "--since=1h"), "+tomorrow", "1 change: widened 1")
	wantContains(t, "the history", historyOf(t, dir, "--org=Nobody"), "0 changes")
}

func TestServe_GoesOnWithoutItsStateDirectory(t *testing.T) {
	of := newAPI(t)
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "")
	p := start(t, of.args("--storage.path="+file)...)
	p.waitUntilReady()
	wantConnections(t, of, p.get("/metrics").body)
	p.waitFor(p.stderr, "why", func(log string) bool {
		return strings.Contains(log, "it is not a directory: name another, or remove it")
	})
	poll(t, "a failed write", func() bool {
		return strings.Contains(p.get("/metrics").body, "\ndatadog_history_writes_failed_total 1\n")
	})
}

func TestHistory_RejectsBadInput(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, "no such file"},
		{[]string{"--since=yesterday"}, `--since: "yesterday" is neither a duration such as 12h, 7d or 2w nor a day`},
		{[]string{"--change=moved"}, `--change: "moved" is not one of added, removed, widened, narrowed, discovered`},
		{[]string{"--org=["}, `the org "[" is not a valid glob`},
	} {
		var stdout, stderr bytes.Buffer
		status := Main(t.Context(), append([]string{"history", "--storage.path=" + dir}, test.args...), &stdout, &stderr)
		if status != exitUnknown || stdout.Len() > 0 || !strings.Contains(stderr.String(), test.want) {
			t.Errorf("%v: status %d, %s", test.args, status, &stderr)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "state")); err == nil {
		t.Error("reading made a file")
	}
}

func TestParseSince(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"":                     {},
		"12h":                  now.Add(-12 * time.Hour),
		"7d":                   now.Add(-7 * 24 * time.Hour),
		"2w":                   now.Add(-14 * 24 * time.Hour),
		"2026-03-01":           time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
		"2026-03-01T12:00:00Z": time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
	} {
		if got, err := parseSince(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v, %v, want %v", text, got, err, want)
		}
	}
}
