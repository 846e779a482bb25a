package inventory_test

import (
	"slices"
	"testing"
	"time"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
)

func TestSnapshot_ReplacedOnlyIfContentDiffers(t *testing.T) {
	runOneOrg(t, inventory.Options{}, func(t *testing.T, l *fakeLister, inv testInventory) {
		inv.Refresh(t.Context())
		before := inv.View().Snapshot
		inv.refreshAfterTTL(t)
		if inv.View().Snapshot != before || l.calls() != 2 {
			t.Error("an unchanged listing made another snapshot")
		}
		for _, change := range []func(c *datadog.Connection){
			func(c *datadog.Connection) { c.ID = "other" },
			func(c *datadog.Connection) { c.Types = []string{"audit"} },
			func(c *datadog.Connection) { c.CreatedAt = time.Now() },
			func(c *datadog.Connection) { c.Creator.Disabled = datadog.Yes },
			func(c *datadog.Connection) { c.SinkID = "c" },
			func(c *datadog.Connection) { c.SourceID = "c" },
		} {
			before := inv.View().Snapshot
			changed := connection("a", "b", "logs")
			change(&changed)
			l.returns(nil, changed)
			inv.refreshAfterTTL(t)
			if inv.View().Snapshot == before {
				t.Errorf("%+v did not make another snapshot", changed)
			}
		}
	})
}

func TestSnapshot_OrgNameFallsBackToID(t *testing.T) {
	runOneOrg(t, inventory.Options{}, func(t *testing.T, l *fakeLister, inv testInventory) {
		l.listing.Orgs = []datadog.Org{{ID: "a"}, {ID: "z", Name: "Zed"}}
		inv.Refresh(t.Context())
		s := inv.View().Snapshot
		if s.Orgs[0].Name != "a" || s.OrgName("a") != "a" || s.OrgName("z") != "Zed" || s.OrgName("never heard of") != "never heard of" {
			t.Errorf("orgs %+v", s.Orgs)
		}
	})
}

func TestMerge_ConnectionListedByBothEndsIsOne(t *testing.T) {
	runOrgs(t, func(t *testing.T, inv testInventory) {
		inv.setConnections(triangle)
		inv.refreshAfterTTL(t)
		inv.wantConnections(t, "after the first listings", "a-b", "b-c", "c-a", "d-a", "d-b")
		wantObserved(t, "after the first listings", inv.View(), "a+ b+ c+ d-")
	}, "a", "b", "c")
}

func TestMerge_KeepsConnectionsWhileOneOrgFails(t *testing.T) {
	runOrgs(t, func(t *testing.T, inv testInventory) {
		inv.setConnections(triangle)
		inv.refreshAfterTTL(t)
		before := inv.View().Snapshot
		inv.listers["b"].returns(outage)
		inv.refreshAfterTTL(t)
		if inv.View().Snapshot != before {
			t.Error("an outage of one org changed the snapshot")
		}
		inv.listers["b"].returns(forbidden)
		for range 59 {
			inv.refreshAfterTTL(t)
		}
		inv.wantConnections(t, "within max-stale", "a-b", "b-c", "c-a", "d-a", "d-b")
		wantObserved(t, "with b's credentials revoked", inv.View(), "a+ b- c+ d-")
		inv.refreshAfterTTL(t)
		inv.wantConnections(t, "past max-stale: what only b lists is gone", "a-b", "b-c", "c-a", "d-a")
		for _, o := range inv.View().Orgs {
			if o.Up != (o.Name != "b") {
				t.Errorf("org %s: up is %v", o.Name, o.Up)
			}
		}
		inv.setConnections(triangle, "b")
		inv.refreshAfterTTL(t)
		inv.wantConnections(t, "after the outage", "a-b", "b-c", "c-a", "d-a", "d-b")
	}, "a", "b", "c")
}

func TestMerge_NewerListingWins(t *testing.T) {
	runOrgs(t, func(t *testing.T, inv testInventory) {
		inv.setConnections(triangle)
		inv.refreshAfterTTL(t)
		inv.listers["b"].returns(outage)
		inv.setConnections([]datadog.Connection{connection("b", "c", "logs"), connection("c", "a", "logs", "metrics"), connection("d", "a", "logs"), connection("b", "a", "logs")}, "a", "c")
		inv.refreshAfterTTL(t)
		// The listing of a is newer than that of b: a-b was removed and b-a added.
		// Only b lists d-b, which stays.
		inv.wantConnections(t, "with a newer listing of a", "b-a", "b-c", "c-a", "d-a", "d-b")
		for _, c := range inv.View().Snapshot.Connections {
			if c.ID == "c-a" && len(c.Types) != 2 {
				t.Errorf("%s has types %v", c.ID, c.Types)
			}
		}
	}, "a", "b", "c")
}

func TestMerge_OnlyAuthoritativeListingsRemoveConnections(t *testing.T) {
	for name, test := range map[string]struct {
		change  func(l *datadog.Listing) // of org a, which no longer lists a-b
		unknown bool                     // it is not inferred that the listing is org a's
		removed bool
	}{
		"authoritative":  {change: func(*datadog.Listing) {}, removed: true},
		"filtered":       {change: func(l *datadog.Listing) { l.Filter = datadog.Filter{SinkOrgID: "elsewhere"} }},
		"not complete":   {change: func(l *datadog.Listing) { l.Complete = false }},
		"of unknown org": {change: func(l *datadog.Listing) { l.Connections = l.Connections[:1] }, unknown: true},
		"no connections": {change: func(l *datadog.Listing) { *l = datadog.Listing{Complete: true} }, removed: true},
	} {
		t.Run(name, func(t *testing.T) {
			runOrgs(t, func(t *testing.T, inv testInventory) {
				inv.setConnections(triangle)
				if test.unknown {
					inv.setConnections([]datadog.Connection{connection("a", "b", "logs")}, "a")
				}
				inv.refreshAfterTTL(t)
				inv.listers["b"].returns(outage)
				inv.setConnections([]datadog.Connection{connection("c", "a", "logs"), connection("d", "a", "logs")}, "a")
				test.change(&inv.listers["a"].listing)
				inv.refreshAfterTTL(t)
				if got := inv.connectionIDs(); slices.Contains(got, "a-b") == test.removed {
					t.Errorf("connections %v, want a-b removed: %v", got, test.removed)
				}
			}, "a", "b")
		})
	}
}

// The configuration states another org for other keys. That says nothing about the last
// good listing, which the keys before have made.
func TestMerge_StatedOrgIsNotThatOfTheListingBefore(t *testing.T) {
	runOrgs(t, func(t *testing.T, inv testInventory) {
		inv.Configure([]inventory.Org{{Name: "a", Lister: inv.listers["a"], OrgID: "a"}, {Name: "b", Lister: inv.listers["b"]}})
		inv.setConnections(triangle)
		b, _ := inv.ForOrg("b")
		b.Refresh(t.Context())
		inv.refreshAfterTTL(t)
		inv.listers["b"].returns(outage)
		inv.refreshAfterTTL(t)
		other := &fakeLister{}
		other.returns(outage)
		inv.Configure([]inventory.Org{{Name: "a", Lister: other, OrgID: "d"}, {Name: "b", Lister: inv.listers["b"]}})
		inv.refreshAfterTTL(t)
		inv.wantConnections(t, "before d is listed", "a-b", "b-c", "c-a", "d-a", "d-b")
		wantObserved(t, "before d is listed", inv.View(), "a- b+ c- d+")
		other.returns(nil, triangle[3])
		inv.refreshAfterTTL(t)
		inv.wantConnections(t, "with d's listing", "a-b", "b-c", "d-a")
		inv.wantChanges(t, "with d's listing", "")
		inv.refreshAfterTTL(t)
		inv.wantChanges(t, "with d's second listing", "removed d-b")
	}, "a", "b")
}
