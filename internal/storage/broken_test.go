package storage_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/storage"
)

// asides returns the contents of the files that were set aside.
func asides(t testing.TB, dir string) [][]byte {
	t.Helper()
	names, err := filepath.Glob(stateFile(dir) + ".broken-*")
	if err != nil {
		t.Fatal(err)
	}
	var contents [][]byte
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		contents = append(contents, content)
	}
	return contents
}

func put(t testing.TB, dir string, content []byte) {
	t.Helper()
	if err := os.WriteFile(stateFile(dir), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// sound returns a file with a state of some pages, some of them free.
func sound(t testing.TB) []byte {
	t.Helper()
	dir := t.TempDir()
	db, _ := open(t, dir)
	write(t, db, star(300, 100))
	write(t, db, inventory.Update{Connections: map[string]*inventory.Remembered{uuid(1, 7): nil, uuid(1, 8): nil}})
	closeDB(t, db)
	content, err := os.ReadFile(stateFile(dir))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// Whatever is in the file, the process goes on and can write: to the file if that is all
// right, else to a new one.
func TestOpen_SetsABrokenFileAside(t *testing.T) {
	whole := sound(t)
	rapid.Check(t, func(rt *rapid.T) {
		content := bytes.Clone(whole)
		switch rapid.SampledFrom([]string{"truncated", "flipped", "zeroed", "moved", "swapped"}).Draw(rt, "damage") {
		case "truncated":
			content = content[:rapid.IntRange(1, len(content)-1).Draw(rt, "size")]
		case "flipped":
			for range rapid.IntRange(1, 20).Draw(rt, "bits") {
				content[rapid.IntRange(0, len(content)-1).Draw(rt, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
			}
		case "zeroed":
			begin := rapid.IntRange(0, len(content)-1).Draw(rt, "at")
			clear(content[begin:min(len(content), begin+rapid.IntRange(1, 10_000).Draw(rt, "size"))])
		case "moved": // an element's position, size or page is another's
			words := len(content) / 4
			from, to := rapid.IntRange(0, words-1).Draw(rt, "from"), rapid.IntRange(0, words-1).Draw(rt, "to")
			copy(content[4*to:4*to+4], whole[4*from:])
		case "swapped":
			pages := len(content) / 4096
			from, to := rapid.IntRange(0, pages-1).Draw(rt, "from"), rapid.IntRange(0, pages-1).Draw(rt, "to")
			copy(content[4096*to:4096*(to+1)], whole[4096*from:])
		}
		dir := t.TempDir()
		put(t, dir, content)
		_, readErr := storage.Read(dir)
		db, state, logged, err := tryOpen(dir)
		if err != nil {
			rt.Fatalf("open: %v", err)
		}
		aside := asides(t, dir)
		switch {
		case len(aside) == 0 && (len(state.Connections) == 0 || logged != "" || readErr != nil):
			rt.Fatalf("the file was not set aside, the state is empty, or the reader found %v; log %s", readErr, logged)
		case len(aside) > 0 && (len(aside) != 1 || !bytes.Equal(aside[0], content) || len(state.Connections) != 0 || strings.Count(logged, "\n") != 1 || !strings.Contains(logged, "state.db.broken-") || readErr == nil):
			rt.Fatalf("%d files set aside, %d connections, the reader found %v, log %s", len(aside), len(state.Connections), readErr, logged)
		}
		write(t, db, star(400, 100))
		write(t, db, inventory.Update{Connections: map[string]*inventory.Remembered{uuid(1, 1): nil}})
		closeDB(t, db)
		db, state, logged, err = tryOpen(dir)
		if err != nil || logged != "" || len(state.Connections) < 399 {
			rt.Fatalf("opened again: %v, %d connections, log %s", err, len(state.Connections), logged)
		}
		closeDB(t, db)
	})
}
