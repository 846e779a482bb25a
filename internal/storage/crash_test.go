package storage_test

import (
	"bufio"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/storage"
)

var kills = flag.Int("kills", 25, "how often TestDB_SurvivesKill kills the process that writes")

// writerEnv is set in the process that TestDB_SurvivesKill kills: its state directory.
const writerEnv = "STORAGE_TEST_WRITER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerEnv); dir != "" {
		writeUntilKilled(dir)
	}
	os.Exit(m.Run())
}

// step returns the n-th update of a story that depends on nothing else, in which changes
// expire.
func step(n int) inventory.Update {
	random := rand.New(rand.NewPCG(uint64(n), 1))
	u := inventory.Update{
		Memory:      &inventory.Memory{Start: epoch, Names: map[string]string{}, Totals: map[inventory.ChangeKind]uint64{inventory.Added: uint64(n)}},
		Connections: map[string]*inventory.Remembered{},
		Listings:    map[string]*inventory.StoredListing{},
		Expired:     epoch.Add(time.Duration(n-50) * time.Minute),
	}
	members := map[string]bool{}
	for range random.IntN(40) {
		c := datadog.Connection{ID: uuid(1, random.IntN(400)), SourceID: uuid(2, random.IntN(20)), SinkID: uuid(2, 0), Types: []string{strings.Repeat("t", random.IntN(300))}}
		if members[c.ID] = random.IntN(3) > 0; members[c.ID] {
			u.Connections[c.ID] = &inventory.Remembered{Connection: c}
			u.Memory.Names[c.SourceID] = c.ID
		} else {
			u.Connections[c.ID] = nil
		}
		u.Changes = append(u.Changes, inventory.Change{Kind: inventory.Added, Found: epoch.Add(time.Duration(n) * time.Minute), Connection: c})
	}
	u.Listings["default"] = &inventory.StoredListing{First: n%100 == 0, Connections: members, Listing: datadog.Listing{Began: epoch, Pages: n}}
	return u
}

// writeUntilKilled goes on with the story, and prints the number of each update that was
// written.
func writeUntilKilled(dir string) {
	db, state, err := storage.Open(dir, log.NewLogfmtLogger(os.Stderr))
	if err != nil {
		panic(err)
	}
	fmt.Fprintln(os.Stdout, "open")
	n := 0
	if l := state.Listings["default"]; l != nil {
		n = l.Listing.Pages + 1
	}
	for ; ; n++ {
		if err := db.Write(step(n)); err != nil {
			panic(err)
		}
		fmt.Fprintln(os.Stdout, n)
	}
}

// A process that is killed at any moment loses no update that was written, and at most
// leaves one more.
func TestDB_SurvivesKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	want, next := newModel(), 0
	for range *kills {
		acknowledged := next - 1
		writer := exec.CommandContext(t.Context(), os.Args[0])
		writer.Env = append(os.Environ(), writerEnv+"="+dir)
		writer.Stderr = os.Stderr
		out, err := writer.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := writer.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		if lines.Scan(); rand.IntN(20) > 0 { // else it is killed while it opens the file
			time.AfterFunc(time.Duration(rand.IntN(60_000))*time.Microsecond, func() { _ = writer.Process.Kill() })
		} else {
			_ = writer.Process.Kill()
		}
		for lines.Scan() {
			if acknowledged, err = strconv.Atoi(lines.Text()); err != nil {
				t.Fatal(err)
			}
		}
		_ = writer.Wait() // it was killed

		db, state := open(t, dir)
		closeDB(t, db)
		written := -1
		if l := state.Listings["default"]; l != nil {
			written = l.Listing.Pages
		}
		if written != acknowledged && written != acknowledged+1 {
			t.Fatalf("the state is after update %d, the last that was acknowledged is %d", written, acknowledged)
		}
		for ; next <= written; next++ {
			want.apply(step(next))
		}
		wantState(t, fmt.Sprintf("after update %d", written), state, want)
	}
	if n := len(asides(t, dir)); n > 0 || next < *kills {
		t.Errorf("%d updates, %d files set aside", next, n)
	}
	t.Logf("%d kills, %d updates, %d bytes", *kills, next, fileSize(t, dir))
}
