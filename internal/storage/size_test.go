package storage_test

import (
	"os"
	"testing"

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

// A large state, in which each connection has an org of its own: a tenth of the largest
// one that is promised, 100,000 connections and 10,000 changes in 50 MB.
func TestDB_SizeOfALargeState(t *testing.T) {
	dir := t.TempDir()
	db, _ := open(t, dir)
	write(t, db, star(10_000, 1_000))
	for i := range 50 { // 5% of them change
		u := inventory.Update{Connections: map[string]*inventory.Remembered{}}
		for n := i; n < 10_000; n += 1_000 {
			c := datadog.Connection{ID: uuid(1, n), SourceID: uuid(2, n+1), SinkID: uuid(2, 0), Types: []string{"audit", "logs", "metrics"}, CreatedAt: epoch, Creator: datadog.Creator{Kind: datadog.CreatorUser}}
			u.Connections[c.ID] = &inventory.Remembered{Connection: c}
		}
		write(t, db, u)
	}
	closeDB(t, db)
	if size := fileSize(t, dir); size > 5_000_000 {
		t.Errorf("%d bytes, want at most 5 MB", size)
	}
}

func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	db, _ := open(b, dir)
	write(b, db, star(100_000, 10_000))
	closeDB(b, db)
	b.ReportMetric(float64(fileSize(b, dir)), "bytes")
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
