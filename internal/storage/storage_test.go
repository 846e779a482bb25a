package storage_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/storage"
)

// What is read while the state is written is the state after one of the updates, and
// never older than the last one that was written before.
func TestRead_WhileTheStateIsWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db, _ := open(t, dir)
	write(t, db, step(0))
	ended := make(chan struct{})
	written := make(chan int, 1)
	written <- 0
	go func() {
		defer close(ended)
		for n := 1; n < 100; n++ {
			if err := db.Write(step(n)); err != nil {
				t.Error(err)
				return
			}
			<-written
			written <- n
		}
	}()
	want, next, reads := newModel(), 0, 0
	for running := true; running; reads++ {
		select {
		case <-ended:
			running = false
		default:
		}
		before := <-written
		written <- before
		state, err := storage.Read(dir)
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		n := state.Listings["default"].Listing.Pages
		if n < before {
			t.Fatalf("the state after update %d was read, when %d was written", n, before)
		}
		for ; next <= n; next++ {
			want.apply(step(next))
		}
		wantState(t, "read", state, want)
	}
	closeDB(t, db)
	t.Logf("%d reads", reads)
}

func TestRead_NeedsAState(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	if _, err := storage.Read(dir); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), stateFile(dir)) {
		t.Errorf("read: %v", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("reading created the directory")
	}
}

func TestOpen_OneProcessAtATime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db, _ := open(t, dir)
	write(t, db, star(10, 1))
	wantFailure(t, dir, "another process uses it")
	if n := len(asides(t, dir)); n > 0 {
		t.Errorf("%d files set aside", n)
	}
	closeDB(t, db)
	db, state := open(t, dir)
	closeDB(t, db)
	if len(state.Connections) != 10 {
		t.Errorf("%d connections", len(state.Connections))
	}
}

// wantFailure wants opening to fail, with an error in one line that holds the parts.
func wantFailure(t *testing.T, dir string, parts ...string) {
	t.Helper()
	_, _, logged, err := tryOpen(dir)
	if err == nil || logged != "" {
		t.Fatalf("open: %v, log %q", err, logged)
	}
	for _, part := range append(parts, dir) {
		if !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "\n") {
			t.Errorf("open: %v: want %q in it", err, part)
		}
	}
}

func TestOpen_CreatesWhatOnlyItsOwnerCanRead(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no modes")
	}
	dir := filepath.Join(t.TempDir(), "state")
	db, _ := open(t, dir)
	closeDB(t, db)
	for path, want := range map[string]os.FileMode{dir: os.ModeDir | 0o700, stateFile(dir): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v %v, want %v", path, info.Mode(), err, want)
		}
	}
}

func TestOpen_SaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	wantFailure(t, filepath.Join(dir, "not", "there"), "create the directory that it is in")
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	wantFailure(t, file, "it is not a directory")
	if os.Geteuid() == 0 {
		return // whom no mode keeps out
	}
	closed := filepath.Join(dir, "closed")
	if err := os.Mkdir(closed, 0o500); err != nil {
		t.Fatal(err)
	}
	wantFailure(t, closed, "permission denied", "must be allowed to write")
}

func TestOpen_LeavesALaterVersionAlone(t *testing.T) {
	dir := t.TempDir()
	before := []byte("datadog_org_connections_exporter state 2\nwho knows")
	put(t, dir, before)
	wantFailure(t, dir, "version", "run that version")
	if after, err := os.ReadFile(stateFile(dir)); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file is another: %v", err)
	}
	if n := len(asides(t, dir)); n > 0 {
		t.Errorf("%d files set aside", n)
	}
}

func TestOpen_SetsAForeignFileAside(t *testing.T) {
	for name, content := range map[string][]byte{
		"text":       []byte("hello\n"),
		"zeros":      make([]byte, 100_000),
		"long":       bytes.Repeat([]byte("hello "), 100_000),
		"no version": []byte("datadog_org_connections_exporter state" + strings.Repeat(" ", 100)),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, dir, content)
			db, state, logged, err := tryOpen(dir)
			if err != nil {
				t.Fatal(err)
			}
			if aside := asides(t, dir); len(aside) != 1 || !bytes.Equal(aside[0], content) || len(state.Connections) != 0 || strings.Count(logged, "\n") != 1 {
				t.Errorf("%d files set aside, state %+v, log %s", len(aside), state, logged)
			}
			write(t, db, star(3, 1))
			closeDB(t, db)
		})
	}
}

// A file that another program shortens is an error, and not filled up with zeros.
func TestDB_FailsWhereTheFileIsDamagedMeanwhile(t *testing.T) {
	dir := t.TempDir()
	db, _ := open(t, dir)
	write(t, db, star(1_000, 100))
	if err := os.Truncate(stateFile(dir), 100); err != nil {
		t.Fatal(err)
	}
	u := star(1_000, 0)
	u.Connections[uuid(1, 3)] = nil
	for range 2 {
		if err := db.Write(u); err == nil || !strings.Contains(err.Error(), stateFile(dir)) {
			t.Fatalf("write: %v", err)
		}
	}
	closeDB(t, db)
	db, state := open(t, dir) // the end is missing, as after a crash
	closeDB(t, db)
	if len(state.Connections) != 0 {
		t.Errorf("%d connections", len(state.Connections))
	}
}

// An update that does not fit on the disk leaves what is there, and is written as soon
// as there is room.
func TestDB_WritesAgainAfterAFailure(t *testing.T) {
	dir := t.TempDir()
	db, _ := open(t, dir)
	first, second := star(10, 10), star(1_000, 20)
	write(t, db, first)
	restore := limitFileSize(t, 1<<16)
	err := db.Write(second)
	restore()
	if err == nil || !strings.Contains(err.Error(), "file too large") {
		t.Fatalf("write: %v", err)
	}
	want := newModel()
	want.apply(first)
	read := func(when string) {
		t.Helper()
		state, err := storage.Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		wantSameCounts(t, when, state, want)
	}
	read("after the failure")
	write(t, db, second)
	want.apply(second)
	read("after the second attempt")
	closeDB(t, db)
}

func wantSameCounts(t *testing.T, when string, got *inventory.State, want *model) {
	t.Helper()
	if len(got.Connections) != len(want.Connections) || len(got.Changes) != len(want.Changes) || len(got.Names) != len(want.Names) {
		t.Errorf("%s: %d connections, %d changes; want %d, %d", when, len(got.Connections), len(got.Changes), len(want.Connections), len(want.Changes))
	}
}

// A refresh that finds nothing new writes little, however many connections there are.
func TestDB_WritesOnlyWhatIsNew(t *testing.T) {
	dir := t.TempDir()
	db, _ := open(t, dir)
	u := star(2_000, 0)
	write(t, db, u)
	listing := *u.Listings["default"]
	listing.First, listing.Connections, listing.Listing.Began = false, nil, epoch.Add(time.Minute)
	before := fileSize(t, dir)
	write(t, db, inventory.Update{Memory: u.Memory, Listings: map[string]*inventory.StoredListing{"default": &listing}})
	if grown := fileSize(t, dir) - before; grown > 1000 {
		t.Errorf("%d bytes were written", grown)
	}
	closeDB(t, db)
}

// The file does not grow for ever, and holds the same afterwards.
func TestDB_ReplacesUpdatesByTheState(t *testing.T) {
	dir := t.TempDir()
	db, _ := open(t, dir)
	want := newModel()
	largest, shrunk := int64(0), 0
	for n := range 500 {
		u := step(n)
		write(t, db, u)
		want.apply(u)
		if n%10 == 0 { // a restart begins no new account of what was written
			closeDB(t, db)
			db, _ = open(t, dir)
		}
		size := fileSize(t, dir)
		if size < largest/2 {
			shrunk++
		}
		largest = max(size, largest)
	}
	closeDB(t, db)
	_, state := open(t, dir)
	wantState(t, "in the end", state, want)
	if shrunk == 0 || largest > 1<<20 {
		t.Errorf("the file had up to %d bytes, and shrank %d times", largest, shrunk)
	}
}
