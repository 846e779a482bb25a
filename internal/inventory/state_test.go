package inventory_test

import (
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
)

// memoryStorage applies updates to a state.
type memoryStorage struct {
	mu    sync.Mutex
	state inventory.State
	err   error
}

func newMemoryStorage() *memoryStorage {
	return &memoryStorage{state: inventory.State{Connections: map[string]*inventory.Remembered{}, Listings: map[string]*inventory.StoredListing{}}}
}

func (m *memoryStorage) Write(u inventory.Update) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	if u.Memory != nil {
		m.state.Memory = *u.Memory
	}
	for id, r := range u.Connections {
		if m.state.Connections[id] = r; r == nil {
			delete(m.state.Connections, id)
		}
	}
	for org, l := range u.Listings {
		if l == nil {
			delete(m.state.Listings, org)
			continue
		}
		stored := *l
		stored.Connections = map[string]bool{}
		if before := m.state.Listings[org]; before != nil && !l.First {
			maps.Copy(stored.Connections, before.Connections)
		}
		maps.Copy(stored.Connections, l.Connections)
		maps.DeleteFunc(stored.Connections, func(_ string, in bool) bool { return !in })
		m.state.Listings[org] = &stored
	}
	m.state.Changes = append(m.state.Changes, u.Changes...)
	for len(m.state.Changes) > 0 && m.state.Changes[0].Found.Before(u.Expired) {
		m.state.Changes = m.state.Changes[1:]
	}
	return nil
}

// restart returns an inventory of the same orgs that continues from the storage, while
// the clock goes on. The one before has stopped.
func (inv testInventory) restart(t *testing.T, storage *memoryStorage, down time.Duration) testInventory {
	t.Helper()
	inv.stop()
	synctest.Wait()
	advance(down)
	next := inv
	var orgs []inventory.Org
	for name, l := range inv.listers {
		orgs = append(orgs, inventory.Org{Name: name, Lister: l})
	}
	storage.mu.Lock()
	state := storage.state
	storage.mu.Unlock()
	next.Inventory = inventory.New(t.Context(), orgs, inventory.Options{State: &state, Storage: storage, Logger: log.NewLogfmtLogger(inv.log)})
	return next
}

func runStored(t *testing.T, test func(t *testing.T, inv testInventory, storage *memoryStorage), names ...string) {
	t.Helper()
	storage := newMemoryStorage()
	run(t, inventory.Options{Storage: storage}, func(t *testing.T, inv testInventory) {
		go inv.Store()
		test(t, inv, storage)
	}, names...)
}

func TestState_LastGoodInventoryIsShownAfterARestart(t *testing.T) {
	runStored(t, func(t *testing.T, inv testInventory, storage *memoryStorage) {
		inv.setConnections(triangle)
		inv.Refresh(t.Context())
		before, began := inv.View(), time.Now()
		inv = inv.restart(t, storage, 10*time.Minute)
		after := inv.View()
		inv.wantConnections(t, "after a restart", "a-b", "b-c", "c-a", "d-a", "d-b")
		wantObserved(t, "after a restart", after, "a+ b+ c- d-")
		if err := after.Ready(); err != nil || !after.Complete() || !after.Orgs[0].Up || !after.Orgs[0].Listing.Began.Equal(began) {
			t.Errorf("after a restart: ready %v, gaps %v, %+v", err, after.Gaps, after.Orgs[0])
		}
		if !after.History.Start.Equal(before.History.Start) || before.History.Start.IsZero() {
			t.Errorf("the history begins %v, before the restart %v", after.History.Start, before.History.Start)
		}
	}, "a", "b")
}

func TestState_ChangesWhileDownAreTold(t *testing.T) {
	for _, down := range []time.Duration{10 * time.Minute, 3 * time.Hour, 72 * time.Hour} {
		runStored(t, func(t *testing.T, inv testInventory, storage *memoryStorage) {
			inv.setConnections(triangle)
			inv.Refresh(t.Context())
			created := connection("a", "e", "logs")
			created.CreatedAt = time.Now().Add(5 * time.Minute)
			inv = inv.restart(t, storage, down)
			inv.log.take()
			inv.setConnections([]datadog.Connection{connection("a", "b", "audit", "logs"), created, connection("b", "c", "metrics"), connection("d", "a", "logs"), connection("d", "b", "logs")})
			inv.Refresh(t.Context())
			inv.refreshAfterTTL(t)
			inv.wantChanges(t, down.String(), "added a-e, narrowed b-c, removed c-a, widened a-b, widened b-c")
			h := inv.View().History
			if h.Totals[inventory.Widened] != 2 || len(h.Changes) != 5 {
				t.Errorf("history %+v", h)
			}
			for _, c := range h.Changes {
				if c.Kind == inventory.Added && !c.At.Equal(created.CreatedAt) {
					t.Errorf("added at %v, want %v", c.At, created.CreatedAt)
				}
			}
			inv = inv.restart(t, storage, down)
			inv.Refresh(t.Context())
			inv.refreshAfterTTL(t)
			if again := inv.View().History; len(again.Changes) != len(h.Changes) && down < inventory.DefaultRetention {
				t.Errorf("%d changes after another restart, want %d", len(again.Changes), len(h.Changes))
			}
		}, "a", "b")
	}
}

// A removal whose first proof came before the restart is confirmed after it.
func TestState_FirstProofOfARemovalIsRemembered(t *testing.T) {
	runStored(t, func(t *testing.T, inv testInventory, storage *memoryStorage) {
		inv.setConnections(triangle)
		inv.Refresh(t.Context())
		inv.setConnections(triangle[1:])
		inv.refreshAfterTTL(t)
		found := time.Now()
		inv = inv.restart(t, storage, time.Hour)
		inv.wantChanges(t, "before the second listing", "")
		inv.Refresh(t.Context())
		inv.wantChanges(t, "with the second listing", "removed a-b")
		if at := inv.View().History.Changes[0].At; !at.Equal(found) {
			t.Errorf("removed at %v, want %v", at, found)
		}
	}, "a")
}

func TestState_ListingOfAnotherOrgIsNotUsed(t *testing.T) {
	runStored(t, func(t *testing.T, inv testInventory, storage *memoryStorage) {
		inv.setConnections(triangle)
		inv.Refresh(t.Context())
		inv.stop()
		synctest.Wait()
		next := inventory.New(t.Context(), []inventory.Org{{Name: "a", Lister: inv.listers["a"], OrgID: "z"}}, inventory.Options{State: &storage.state})
		if got := next.View(); len(got.Snapshot.Connections) != 0 || got.Ready() == nil {
			t.Errorf("shown as those of another org: %v", got.Snapshot.Connections)
		}
	}, "a")
}

func TestState_WritesAgainAfterAFailure(t *testing.T) {
	runStored(t, func(t *testing.T, inv testInventory, storage *memoryStorage) {
		inv.setConnections(triangle[1:])
		inv.Refresh(t.Context())
		synctest.Wait()
		storage.err = errors.New("no space left on device")
		inv.setConnections(triangle)
		inv.refreshAfterTTL(t)
		inv.refreshAfterTTL(t)
		synctest.Wait()
		if n, log := inv.View().WriteFailures, inv.log.take(); n != 2 || strings.Count(log, "no space left on device") != 1 {
			t.Errorf("%d failures, log\n%s", n, log)
		}
		storage.err = nil
		inv.refreshAfterTTL(t)
		synctest.Wait()
		if len(storage.state.Changes) != 1 || storage.state.Connections["a-b"] == nil || !strings.Contains(inv.log.take(), "can be written again") {
			t.Errorf("stored %+v", storage.state)
		}
	}, "a")
}

func TestHistory_ForgetsWhatIsOlderThanTheRetention(t *testing.T) {
	storage := newMemoryStorage()
	run(t, inventory.Options{Storage: storage, Retention: time.Hour}, func(t *testing.T, inv testInventory) {
		go inv.Store()
		inv.setConnections(triangle[1:])
		inv.Refresh(t.Context())
		inv.setConnections(triangle)
		inv.refreshAfterTTL(t)
		advance(time.Hour)
		inv.Refresh(t.Context())
		synctest.Wait()
		if len(inv.View().History.Changes) != 1 || len(storage.state.Changes) != 1 {
			t.Errorf("after an hour: %+v, stored %+v", inv.View().History, storage.state.Changes)
		}
		inv.refreshAfterTTL(t)
		synctest.Wait()
		if h := inv.View().History; len(h.Changes) != 0 || len(storage.state.Changes) != 0 || h.Totals[inventory.Added] != 1 {
			t.Errorf("later: %+v, stored %+v", h, storage.state.Changes)
		}
	}, "a")
}
