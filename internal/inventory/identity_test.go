package inventory_test

import (
	"testing"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
)

func TestObserved_InferredFromConnections(t *testing.T) {
	runOneOrg(t, inventory.Options{}, func(t *testing.T, l *fakeLister, inv testInventory) {
		for _, step := range []struct {
			when        string
			err         error
			connections []datadog.Connection
			want        string
		}{
			{"one connection is ambiguous", nil, []datadog.Connection{connection("a", "b")}, "a? b?"},
			{"one each way is ambiguous", nil, []datadog.Connection{connection("a", "b"), connection("b", "a")}, "a? b?"},
			{"the end of all connections", nil, []datadog.Connection{connection("a", "b"), connection("c", "a"), connection("a", "d")}, "a+ b- c- d-"},
			{"remembered when one connection is left", nil, []datadog.Connection{connection("a", "b")}, "a+ b-"},
			{"an outage changes nothing", outage, nil, "a+ b-"},
			{"revoked credentials observe nothing", forbidden, nil, "a- b-"},
			{"other credentials may be another org's", nil, []datadog.Connection{connection("c", "b"), connection("d", "b")}, "b+ c- d-"},
			{"a connection without an end is ignored", nil, []datadog.Connection{connection("", "c"), connection("d", "b")}, "b+ c- d-"},
			{"no connections", nil, nil, ""},
			{"remembered when there were none", nil, []datadog.Connection{connection("c", "b")}, "b+ c-"},
		} {
			l.returns(step.err, step.connections...)
			inv.refreshAfterTTL(t)
			wantObserved(t, step.when, inv.View(), step.want)
		}
	})
}

func TestObserved_SingleConnectionIsResolvedByOtherListings(t *testing.T) {
	runOrgs(t, func(t *testing.T, inv testInventory) {
		inv.setConnections([]datadog.Connection{connection("a", "b", "logs"), connection("b", "c", "logs"), connection("x", "y", "logs")})
		inv.refreshAfterTTL(t)
		// Org a lists a-b only: credentials of b would list b-c too.
		wantObserved(t, "with b's listing", inv.View(), "a+ b+ c- x? y?")
	}, "a", "b", "x")
}

func TestObserved_FilteredListingIsNotResolvedByOthers(t *testing.T) {
	runOrgs(t, func(t *testing.T, inv testInventory) {
		inv.setConnections([]datadog.Connection{connection("a", "b", "logs"), connection("b", "c", "logs"), connection("d", "b", "logs")})
		inv.listers["a"].listing.Filter = datadog.Filter{SinkOrgID: "elsewhere"}
		inv.refreshAfterTTL(t)
		// Org a lists a-b only, but credentials of b may have been filtered to that.
		wantObserved(t, "with b's listing", inv.View(), "a? b+ c- d-")
	}, "a", "b")
}

func TestOrgInventory_ObservedByAllOrgs(t *testing.T) {
	runOrgs(t, func(t *testing.T, inv testInventory) {
		inv.setConnections([]datadog.Connection{connection("a", "b", "logs"), connection("b", "c", "logs"), connection("z", "c", "logs")})
		inv.refreshAfterTTL(t)
		for name, want := range map[string]string{"a": "a+ b+", "b": "a+ b+ c+", "c": "b+ c+ z-"} {
			org, _ := inv.ForOrg(name)
			wantObserved(t, "listed by "+name, org.View(), want)
		}
		org, _ := inv.ForOrg("a")
		before := org.View().Snapshot
		inv.listers["b"].returns(forbidden)
		inv.refreshAfterTTL(t)
		wantObserved(t, "with b's credentials revoked", org.View(), "a+ b-")
		inv.setConnections([]datadog.Connection{connection("a", "b", "logs"), connection("b", "c", "logs"), connection("c", "z", "logs")})
		inv.refreshAfterTTL(t)
		wantObserved(t, "with b's credentials restored", org.View(), "a+ b+")
		if org.View().Snapshot == before {
			t.Error("the snapshot is that of before the revocation")
		}
	}, "a", "b", "c")
}

func TestObserved_SurvivesLongOutage(t *testing.T) {
	runOrgs(t, func(t *testing.T, inv testInventory) {
		inv.setConnections(triangle)
		inv.refreshAfterTTL(t)
		inv.listers["b"].returns(outage)
		for range 62 {
			inv.refreshAfterTTL(t)
		}
		if !inv.View().Orgs[1].Stale {
			t.Error("the listing of b is not stale")
		}
		wantObserved(t, "with b's listing stale", inv.View(), "a+ b+ c- d-")
	}, "a", "b")
}

// Keys of another org may list one connection with the org before: that neither proves
// nor disproves that they are still its own.
func TestObserved_OtherCredentialsKeepNoIdentity(t *testing.T) {
	for name, reload := range map[string]bool{"after a reload": true, "in the key file": false} {
		runOrgs(t, func(t *testing.T, inv testInventory) {
			inv.setConnections(triangle)
			inv.refreshAfterTTL(t)
			wantObserved(t, name+", before", inv.View(), "a+ b- c- d-")
			other := inv.listers["a"]
			if reload {
				other = &fakeLister{}
				inv.Configure([]inventory.Org{{Name: "a", Lister: other}})
			}
			other.returns(nil, connection("z", "a", "logs"))
			other.listing.Credentials = "other keys"
			inv.refreshAfterTTL(t)
			wantObserved(t, name, inv.View(), "a? z?")
		}, "a")
	}
}
