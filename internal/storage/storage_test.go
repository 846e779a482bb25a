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

	"go.etcd.io/bbolt"

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
		for n := 1; n < 500; n++ {
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
	db, _ := open(t, dir)
	closeDB(t, db)
	editFile(t, dir, func(tx *bbolt.Tx) error { return tx.Bucket([]byte("meta")).Put([]byte("version"), []byte("2")) })
	before, err := os.ReadFile(stateFile(dir))
	if err != nil {
		t.Fatal(err)
	}
	wantFailure(t, dir, "version 2", "run that version")
	if after, err := os.ReadFile(stateFile(dir)); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file is another: %v", err)
	}
	if n := len(asides(t, dir)); n > 0 {
		t.Errorf("%d files set aside", n)
	}
}

// editFile changes the file as another program might.
func editFile(t *testing.T, dir string, edit func(tx *bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(stateFile(dir), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(edit), db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestOpen_SetsAForeignFileAside(t *testing.T) {
	for name, make := range map[string]func(t *testing.T, dir string){
		"text":  func(t *testing.T, dir string) { put(t, dir, []byte("hello\n")) },
		"zeros": func(t *testing.T, dir string) { put(t, dir, bytes.Repeat([]byte{0}, 100_000)) },
		"long":  func(t *testing.T, dir string) { put(t, dir, bytes.Repeat([]byte("hello "), 100_000)) },
		"database": func(t *testing.T, dir string) {
			editFile(t, dir, func(tx *bbolt.Tx) error {
				b, err := tx.CreateBucket([]byte("users"))
				return errors.Join(err, b.Put([]byte("a"), []byte("b")))
			})
		},
		"values": func(t *testing.T, dir string) {
			db, _ := open(t, dir)
			write(t, db, star(3, 1))
			closeDB(t, db)
			editFile(t, dir, func(tx *bbolt.Tx) error { return tx.Bucket([]byte("connections")).Put([]byte("a"), []byte("x")) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			make(t, dir)
			content, err := os.ReadFile(stateFile(dir))
			if err != nil {
				t.Fatal(err)
			}
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

// A file that another program shortens while it is mapped is an error, and does not end
// the process.
func TestDB_FailsWhereTheFileIsDamagedMeanwhile(t *testing.T) {
	dir := t.TempDir()
	db, _ := open(t, dir)
	write(t, db, star(5_000, 100))
	if err := os.Truncate(stateFile(dir), 8192); err != nil {
		t.Fatal(err)
	}
	u := star(5_000, 0)
	u.Connections[uuid(1, 3)] = nil
	for range 2 {
		if err := db.Write(u); err == nil || !strings.Contains(err.Error(), stateFile(dir)) {
			t.Fatalf("write: %v", err)
		}
	}
	closeDB(t, db) // its lock is kept until the process ends
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

// A refresh that finds nothing new writes a few pages, however many connections there are.
func TestDB_WritesOnlyWhatIsNew(t *testing.T) {
	dir := t.TempDir()
	db, _ := open(t, dir)
	u := star(20_000, 0)
	write(t, db, u)
	listing := *u.Listings["default"]
	listing.First, listing.Connections, listing.Listing.Began = false, nil, epoch.Add(time.Minute)
	before, err := os.ReadFile(stateFile(dir))
	if err != nil {
		t.Fatal(err)
	}
	write(t, db, inventory.Update{Memory: u.Memory, Listings: map[string]*inventory.StoredListing{"default": &listing}})
	after, err := os.ReadFile(stateFile(dir))
	if err != nil {
		t.Fatal(err)
	}
	closeDB(t, db)
	const pageSize = 4096
	written := 0
	for at := 0; at < len(after); at += pageSize {
		if at >= len(before) || !bytes.Equal(before[at:at+pageSize], after[at:at+pageSize]) {
			written++
		}
	}
	if written == 0 || written > 20 {
		t.Errorf("%d pages were written of %d", written, len(after)/pageSize)
	}
}
