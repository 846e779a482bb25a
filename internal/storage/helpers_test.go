package storage_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/storage"
)

// open opens a state directory that is all right.
func open(t testing.TB, dir string) (*storage.DB, *inventory.State) {
	t.Helper()
	db, state, logged, err := tryOpen(dir)
	if err != nil || logged != "" {
		t.Fatalf("open: %v, log %s", err, logged)
	}
	return db, state
}

// tryOpen opens a state directory, and returns what was logged.
func tryOpen(dir string) (*storage.DB, *inventory.State, string, error) {
	var logged strings.Builder
	db, state, err := storage.Open(dir, log.NewLogfmtLogger(&logged))
	return db, state, logged.String(), err
}

func closeDB(t testing.TB, db *storage.DB) {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
}

func write(t testing.TB, db *storage.DB, u inventory.Update) {
	t.Helper()
	if err := db.Write(u); err != nil {
		t.Fatalf("write: %v", err)
	}
}

func stateFile(dir string) string { return filepath.Join(dir, "state") }

// model is a state that updates are applied to.
type model struct{ inventory.State }

func newModel() *model {
	return &model{inventory.State{
		Memory:      inventory.Memory{Names: map[string]string{}},
		Connections: map[string]*inventory.Remembered{},
		Listings:    map[string]*inventory.StoredListing{},
	}}
}

func (m *model) apply(u inventory.Update) {
	if u.Memory != nil {
		m.Memory = *u.Memory
	}
	for id, r := range u.Connections {
		if m.Connections[id] = r; r == nil {
			delete(m.Connections, id)
		}
	}
	for org, l := range u.Listings {
		if l == nil {
			delete(m.Listings, org)
			continue
		}
		stored := *l
		stored.First = false
		stored.Connections = map[string]bool{}
		if before := m.Listings[org]; before != nil && !l.First {
			maps.Copy(stored.Connections, before.Connections)
		}
		maps.Copy(stored.Connections, l.Connections)
		maps.DeleteFunc(stored.Connections, func(_ string, in bool) bool { return !in })
		m.Listings[org] = &stored
	}
	m.Changes = append(m.Changes, u.Changes...)
	for len(m.Changes) > 0 && m.Changes[0].Found.Before(u.Expired) {
		m.Changes = m.Changes[1:]
	}
	if len(m.Changes) == 0 {
		m.Changes = nil
	}
}

var epoch = time.Date(2026, 3, 4, 5, 6, 7, 89_000_000, time.UTC)

func uuid(kind, n int) string {
	return fmt.Sprintf("%08x-%04x-4000-8000-%012x", n*2654435761%(1<<32), kind, n)
}

// star returns an update with connections from as many orgs to one, and changes, as the
// first listing and later ones would make them.
func star(connections, changes int) inventory.Update {
	hub := uuid(2, 0)
	u := inventory.Update{
		Memory: &inventory.Memory{
			Start:  epoch,
			Looks:  []inventory.Look{{OrgID: hub, Ended: epoch}, {Credentials: uuid(9, 1), Ended: epoch}},
			Names:  map[string]string{hub: "Acme Security"},
			Totals: map[inventory.ChangeKind]uint64{inventory.Added: uint64(changes)},
		},
		Connections: map[string]*inventory.Remembered{},
	}
	listing := &inventory.StoredListing{OrgID: hub, First: true, Connections: map[string]bool{}, Listing: datadog.Listing{
		Complete: true, Credentials: uuid(9, 1), Began: epoch, Duration: 12_345 * time.Microsecond, Pages: 1,
		Orgs: []datadog.Org{{ID: hub, Name: "Acme Security", PublicID: "abcdef123", Sharing: "all_private", Disabled: datadog.No}},
	}}
	for i := range connections {
		source := uuid(2, i+1)
		c := datadog.Connection{
			ID: uuid(1, i), SourceID: source, SinkID: hub, Types: []string{"logs", "metrics"}, CreatedAt: epoch.Add(time.Duration(i) * time.Second),
			Creator: datadog.Creator{ID: uuid(3, i%100), Kind: datadog.CreatorServiceAccount, Disabled: datadog.No},
		}
		u.Connections[c.ID] = &inventory.Remembered{Connection: c}
		listing.Connections[c.ID] = true
		name := fmt.Sprintf("Acme Subsidiary %d", i)
		listing.Listing.Orgs = append(listing.Listing.Orgs, datadog.Org{ID: source, Name: name, PublicID: "abcdef123", Sharing: "all_private", Disabled: datadog.No})
		u.Memory.Names[source] = name
		if i < changes {
			u.Changes = append(u.Changes, inventory.Change{
				Kind: inventory.Added, At: c.CreatedAt, Found: c.CreatedAt, Org: "default", Connection: c, Types: c.Types, SourceName: name, SinkName: "Acme Security",
			})
		}
	}
	slices.SortFunc(listing.Listing.Orgs, func(a, b datadog.Org) int { return strings.Compare(a.ID, b.ID) })
	u.Listings = map[string]*inventory.StoredListing{"default": listing}
	return u
}
