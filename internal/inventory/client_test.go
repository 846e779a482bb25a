package inventory_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/datadog/fake"
	"datadog_org_connections_exporter/internal/inventory"
)

// These tests list a simulated account with the real client.

// newClient returns a client with the keys of an org. It reaches the server through the
// handler, and memory.
func newClient(t *testing.T, s *fake.Server, org string, h http.Handler) *datadog.Client {
	t.Helper()
	transport, stop := fake.InMemory(h)
	t.Cleanup(stop)
	keys := s.Keys(org)
	var secrets []*datadog.Secret
	for _, key := range []string{keys.API, keys.App} {
		secret, err := datadog.NewSecret("key of the test", key)
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, secret)
	}
	client, err := datadog.New(datadog.Options{Credentials: datadog.Credentials{APIKey: secrets[0], AppKey: secrets[1]}, Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// withoutIncluded answers as the handler, but for the undocumented part of a page that
// describes orgs and users.
func withoutIncluded(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorded := httptest.NewRecorder()
		h.ServeHTTP(recorded, r)
		var page map[string]json.RawMessage
		if err := json.Unmarshal(recorded.Body.Bytes(), &page); err != nil {
			panic(err)
		}
		delete(page, "included")
		if err := json.NewEncoder(w).Encode(page); err != nil {
			panic(err)
		}
	})
}

// lateLister begins its listings late in every other round, so that of two such listers
// now the one and now the other begins first.
type lateLister struct {
	inventory.Lister
	lateIn, round int
}

func (l *lateLister) List(ctx context.Context) (*datadog.Listing, error) {
	l.round++
	if l.round%2 == l.lateIn {
		time.Sleep(time.Microsecond) // virtual
	}
	return l.Lister.List(ctx)
}

// alternating returns an org a and an org b, of which now the one and now the other is
// listed first.
func alternating(a, b inventory.Lister) []inventory.Org {
	return []inventory.Org{{Name: "a", Lister: &lateLister{Lister: a, lateIn: 0}}, {Name: "b", Lister: &lateLister{Lister: b, lateIn: 1}}}
}

// wantSameSnapshot refreshes 200 times and expects the snapshot of the first time.
func wantSameSnapshot(t *testing.T, inv *inventory.Inventory) {
	t.Helper()
	var first *inventory.Snapshot
	flips := 0
	for range 200 {
		advance(inventory.DefaultTTL)
		inv.Refresh(t.Context())
		switch s := inv.View().Snapshot; {
		case first == nil:
			first = s
		case s != first:
			flips++
		}
	}
	if flips > 0 {
		t.Errorf("the snapshot was another one after %d of 200 refreshes", flips)
	}
}

func TestMerge_EndThatDoesNotKnowTheCreatorFlipsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fake.New(fake.Options{Latency: time.Second})
		a, b := s.AddOrg(fake.Org{Name: "A"}), s.AddOrg(fake.Org{Name: "B"})
		s.AddConnection(fake.Connection{SourceID: a, SinkID: b, CreatorID: s.AddUser(fake.User{ServiceAccount: true})})
		inv := inventory.New(t.Context(), alternating(newClient(t, s, a, s), newClient(t, s, b, withoutIncluded(s))), inventory.Options{})
		wantSameSnapshot(t, inv)
		if kind := inv.View().Snapshot.Connections[0].Creator.Kind; kind != datadog.CreatorServiceAccount {
			t.Errorf("the creator is a %s, though one end knows that it is a service account", kind)
		}
	})
}

// The keys of org a become those of org c, by a reload or in their file.
func TestMerge_KeysOfAnotherOrgFlipNothing(t *testing.T) {
	for name, reload := range map[string]bool{"after a reload": true, "in the key file": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := fake.New(fake.Options{Latency: time.Second})
				a, b, c, d := s.AddOrg(fake.Org{}), s.AddOrg(fake.Org{}), s.AddOrg(fake.Org{}), s.AddOrg(fake.Org{})
				for _, ends := range [][2]string{{a, b}, {c, a}, {b, d}, {c, d}} {
					s.AddConnection(fake.Connection{SourceID: ends[0], SinkID: ends[1]})
				}
				of := func(org string) *datadog.Client { return newClient(t, s, org, s) }
				logged := &logBuffer{}
				orgs := alternating(of(a), of(b))
				inv := inventory.New(t.Context(), orgs, inventory.Options{Logger: log.NewLogfmtLogger(logged)})
				wantSameSnapshot(t, inv)
				if reload {
					inv.Configure(alternating(of(c), orgs[1].Lister))
				} else {
					orgs[0].Lister.(*lateLister).Lister = of(c) //nolint:forcetypeassert // a test may panic
				}
				wantSameSnapshot(t, inv)
				if l := logged.take(); strings.Contains(l, "Connection added") || strings.Contains(l, "Connection removed") {
					t.Errorf("logged changes though the account has none:\n%s", l)
				}
			})
		})
	}
}

// The API returns a consistent answer that is empty for org a, once or twice in a row,
// while org b lists what both have.
func TestMerge_GlitchAtOneEndHidesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fake.New(fake.Options{Latency: time.Second})
		a, b, d := s.AddOrg(fake.Org{}), s.AddOrg(fake.Org{}), s.AddOrg(fake.Org{})
		shared := s.AddConnection(fake.Connection{SourceID: a, SinkID: b})
		s.AddConnection(fake.Connection{SourceID: a, SinkID: d})
		s.AddConnection(fake.Connection{SourceID: b, SinkID: d})
		logged := &logBuffer{}
		inv := inventory.New(t.Context(), alternating(newClient(t, s, a, s), newClient(t, s, b, s)), inventory.Options{Logger: log.NewLogfmtLogger(logged)})
		inv.Refresh(t.Context())
		for round := range 40 {
			s.Inject(fake.EmptyPage().ForOrg(a))
			s.Inject(fake.Total(func(int) any { return 0 }).ForOrg(a))
			for range 1 + round%2 { // each of the orgs begins first
				advance(inventory.DefaultTTL)
				inv.Refresh(t.Context())
				v := inv.View()
				if _, found := findConnection(v.Snapshot, shared); !found {
					t.Errorf("round %d: the connection that b has just listed is gone", round)
				}
				if l := v.Orgs[0].Listing; len(l.Connections) != 0 || !l.Complete {
					t.Fatalf("round %d: the glitch did not work: %d connections, complete: %v", round, len(l.Connections), l.Complete)
				}
			}
			s.ClearFaults()
			advance(inventory.DefaultTTL)
			inv.Refresh(t.Context())
		}
		if l := logged.take(); strings.Contains(l, shared) {
			t.Errorf("logged changes of the connection that both ends have:\n%s", l)
		}
	})
}

func findConnection(s *inventory.Snapshot, id string) (c datadog.Connection, found bool) {
	for _, c := range s.Connections {
		if c.ID == id {
			return c, true
		}
	}
	return datadog.Connection{}, false
}
