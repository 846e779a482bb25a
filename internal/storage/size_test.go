package storage_test

import (
	"os"
	"testing"
	"time"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/storage"
)

func fileSize(t testing.TB, dir string) int64 {
	t.Helper()
	info, err := os.Stat(stateFile(dir))
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// The largest state: each connection has an org of its own.
func TestDB_SizeOfALargeState(t *testing.T) {
	dir := t.TempDir()
	db, _ := open(t, dir)
	began := time.Now()
	write(t, db, star(100_000, 10_000))
	t.Logf("first write: %v, %d MB", time.Since(began), fileSize(t, dir)>>20)
	for i := range 100 { // 1% of them change
		u := inventory.Update{Connections: map[string]*inventory.Remembered{}}
		for n := i; n < 100_000; n += 10_000 {
			c := datadog.Connection{ID: uuid(1, n), SourceID: uuid(2, n+1), SinkID: uuid(2, 0), Types: []string{"audit", "logs", "metrics"}, CreatedAt: epoch, Creator: datadog.Creator{Kind: datadog.CreatorUser}}
			u.Connections[c.ID] = &inventory.Remembered{Connection: c}
		}
		write(t, db, u)
	}
	closeDB(t, db)
	if size := fileSize(t, dir); size > 50_000_000 {
		t.Errorf("%d bytes, want at most 50 MB", size)
	} else {
		t.Logf("%d bytes", size)
	}
	began = time.Now()
	db, _ = open(t, dir)
	t.Logf("open: %v", time.Since(began))
	closeDB(t, db)
}

func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	db, _ := open(b, dir)
	write(b, db, star(100_000, 10_000))
	closeDB(b, db)
	b.ReportAllocs()
	for b.Loop() {
		db, _ := open(b, dir)
		closeDB(b, db)
	}
}

func BenchmarkRead(b *testing.B) {
	dir := b.TempDir()
	db, _ := open(b, dir)
	write(b, db, star(100_000, 10_000))
	defer closeDB(b, db)
	for b.Loop() {
		if _, err := storage.Read(dir); err != nil {
			b.Fatal(err)
		}
	}
}
