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

// sound returns a file with the states of two updates.
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

// Whatever is in the file, the process goes on and can write: after what is whole, to
// the same file where just its end is missing, else to a new one.
func TestOpen_UsesWhatIsWhole(t *testing.T) {
	whole := sound(t)
	rapid.Check(t, func(rt *rapid.T) {
		content := bytes.Clone(whole)
		damage := rapid.SampledFrom([]string{"truncated", "flipped", "zeroed", "swapped"}).Draw(rt, "damage")
		switch damage {
		case "truncated":
			content = content[:rapid.IntRange(0, len(content)-1).Draw(rt, "size")]
		case "flipped":
			for range rapid.IntRange(1, 20).Draw(rt, "bits") {
				content[rapid.IntRange(0, len(content)-1).Draw(rt, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
			}
		case "zeroed":
			begin := rapid.IntRange(0, len(content)-1).Draw(rt, "at")
			clear(content[begin:min(len(content), begin+rapid.IntRange(1, 10_000).Draw(rt, "size"))])
		case "swapped":
			from, to := rapid.IntRange(0, len(content)-9).Draw(rt, "from"), rapid.IntRange(0, len(content)-9).Draw(rt, "to")
			copy(content[to:to+8], whole[from:])
		}
		dir := t.TempDir()
		put(t, dir, content)
		read, readErr := storage.Read(dir)
		db, state, logged, err := tryOpen(dir)
		if err != nil {
			if strings.Contains(err.Error(), "run that version") {
				return // the version was damaged
			}
			rt.Fatalf("open: %v", err)
		}
		aside := asides(t, dir)
		isAside := len(aside) == 1 && bytes.Equal(aside[0], content) && strings.Count(logged, "\n") == 1 && strings.Contains(logged, "state.broken-")
		switch {
		case damage == "truncated" && (len(aside) > 0 || readErr != nil):
			rt.Fatalf("a file without its end is set aside, or not read: %v", readErr)
		case len(aside) == 0 && (logged != "" || readErr != nil || len(read.Connections) != len(state.Connections)):
			rt.Fatalf("the file was not set aside, but the reader found %v; log %s", readErr, logged)
		case len(aside) > 0 && (!isAside || readErr == nil):
			rt.Fatalf("%d files set aside, the reader found %v, log %s", len(aside), readErr, logged)
		}
		if n := len(state.Connections); n != 0 && n != 298 && n != 300 {
			rt.Fatalf("%d connections are none of the states that there were", n)
		}
		write(t, db, star(400, 100))
		write(t, db, inventory.Update{Connections: map[string]*inventory.Remembered{uuid(1, 1): nil}})
		closeDB(t, db)
		db, state = open(t, dir)
		if len(state.Connections) != 399 {
			rt.Fatalf("%d connections were written", len(state.Connections))
		}
		closeDB(t, db)
	})
}
