package storage_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/storage"
)

// generators of what an inventory may remember.
var (
	anyID      = rapid.OneOf(rapid.Map(rapid.IntRange(0, 20), func(n int) string { return uuid(1, n) }), rapid.SampledFrom([]string{"a", "b", "\x00", "\x01", "\x00sixteen bytes..", "ünï", "AAAAAAAA-0000-4000-8000-000000000000"}))
	maybeID    = rapid.OneOf(rapid.Just(""), anyID)
	anyText    = rapid.OneOf(rapid.Just(""), rapid.SampledFrom([]string{"default", "Acme \"EU\"", "東京"}), rapid.String())
	anyTernary = rapid.SampledFrom([]datadog.Ternary{datadog.Unknown, datadog.No, datadog.Yes})
	anyKind    = rapid.SampledFrom(inventory.ChangeKinds())
	anyTypes   = rapid.SampledFrom([][]string{nil, {"logs"}, {"audit", "logs", "metrics"}})
	anyOrgName = rapid.SampledFrom([]string{"default", "b", "東京"})
	anyFilter  = rapid.Custom(func(t *rapid.T) datadog.Filter {
		return datadog.Filter{SourceOrgID: maybeID.Draw(t, "source"), SinkOrgID: maybeID.Draw(t, "sink")}
	})
	anyTime = rapid.OneOf(
		rapid.Just(time.Time{}),
		rapid.Map(rapid.Int64Range(-1e10, 1e10), func(ms int64) time.Time { return epoch.Add(time.Duration(ms) * 1_000_003).UTC() }),
		rapid.SampledFrom([]time.Time{time.Unix(0, 0).UTC(), time.Date(0, 1, 1, 0, 0, 0, 1, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC)}),
	)
	foundTime = rapid.Map(rapid.IntRange(0, 100), func(n int) time.Time { return epoch.Add(time.Duration(n) * time.Minute) })
)

var anyRemembered = rapid.Custom(func(t *rapid.T) *inventory.Remembered {
	return &inventory.Remembered{
		Connection: anyConnection.Draw(t, "connection"), Seen: anyTime.Draw(t, "seen"), Credentials: anyText.Draw(t, "credentials"), Missing: anyTime.Draw(t, "missing"),
	}
})

var anyConnection = rapid.Custom(func(t *rapid.T) datadog.Connection {
	return datadog.Connection{
		ID: anyID.Draw(t, "id"), SourceID: maybeID.Draw(t, "source"), SinkID: maybeID.Draw(t, "sink"), Types: anyTypes.Draw(t, "types"), CreatedAt: anyTime.Draw(t, "created"),
		Creator: datadog.Creator{ID: maybeID.Draw(t, "creator"), Kind: datadog.CreatorKind(anyText.Draw(t, "kind")), Disabled: anyTernary.Draw(t, "disabled")},
	}
})

var anyListing = rapid.Custom(func(t *rapid.T) *inventory.StoredListing {
	if rapid.IntRange(0, 4).Draw(t, "removed") == 0 {
		return nil
	}
	ids := rapid.SliceOfNDistinct(anyID, 0, 8, rapid.ID).Draw(t, "orgs")
	slices.Sort(ids)
	var orgs []datadog.Org
	for _, id := range ids {
		orgs = append(orgs, datadog.Org{ID: id, Name: anyText.Draw(t, "name"), PublicID: anyText.Draw(t, "public id"), Sharing: anyText.Draw(t, "sharing"), Disabled: anyTernary.Draw(t, "disabled")})
	}
	var warnings []string
	if rapid.Bool().Draw(t, "warn") {
		warnings = []string{"odd", ""}
	}
	return &inventory.StoredListing{
		OrgID: maybeID.Draw(t, "org id"), First: rapid.Bool().Draw(t, "first"),
		Connections: rapid.MapOf(anyID, rapid.Bool()).Draw(t, "members"),
		Listing: datadog.Listing{
			Orgs: orgs, Complete: rapid.Bool().Draw(t, "complete"), Filter: anyFilter.Draw(t, "filter"), Credentials: anyText.Draw(t, "credentials"), Warnings: warnings,
			Began: anyTime.Draw(t, "began"), Duration: time.Duration(rapid.Int64().Draw(t, "duration")), Pages: rapid.Int().Draw(t, "pages"),
		},
	}
})

var anyChange = rapid.Custom(func(t *rapid.T) inventory.Change {
	return inventory.Change{
		Kind: anyKind.Draw(t, "kind"), At: anyTime.Draw(t, "at"), Found: foundTime.Draw(t, "found"), Org: anyText.Draw(t, "org"), Connection: anyConnection.Draw(t, "connection"),
		Types: anyTypes.Draw(t, "types"), SourceName: anyText.Draw(t, "source"), SinkName: anyText.Draw(t, "sink"),
	}
})

var anyMemory = rapid.Custom(func(t *rapid.T) *inventory.Memory {
	if rapid.Bool().Draw(t, "as before") {
		return nil
	}
	m := &inventory.Memory{Start: anyTime.Draw(t, "start"), Names: rapid.MapOf(anyID, anyText).Draw(t, "names")}
	for range rapid.IntRange(0, 3).Draw(t, "looks") {
		m.Looks = append(m.Looks, inventory.Look{OrgID: maybeID.Draw(t, "org"), Credentials: anyText.Draw(t, "credentials"), Filter: anyFilter.Draw(t, "filter"), Ended: anyTime.Draw(t, "ended")})
	}
	if rapid.Bool().Draw(t, "counted") {
		m.Totals = rapid.MapOfN(anyKind, rapid.Uint64(), 1, -1).Draw(t, "totals")
	}
	return m
})

var anyUpdate = rapid.Custom(func(t *rapid.T) inventory.Update {
	u := inventory.Update{
		Memory: anyMemory.Draw(t, "memory"), Connections: map[string]*inventory.Remembered{},
		Listings: rapid.MapOfN(anyOrgName, anyListing, 0, 2).Draw(t, "listings"), Changes: rapid.SliceOfN(anyChange, 0, 3).Draw(t, "changes"),
	}
	for _, r := range rapid.SliceOfN(anyRemembered, 0, 5).Draw(t, "connections") {
		u.Connections[r.Connection.ID] = r
	}
	for _, id := range rapid.SliceOfN(anyID, 0, 3).Draw(t, "forgotten") {
		u.Connections[id] = nil
	}
	if rapid.IntRange(0, 3).Draw(t, "expire") == 0 {
		u.Expired = foundTime.Draw(t, "expired")
	}
	return u
})

// The state in a directory is what the updates make of it, also after it was closed and
// opened again, and to those who read it meanwhile.
func TestDB_StateIsWhatTheUpdatesMakeOfIt(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir := t.TempDir()
		db, state := open(t, dir)
		want := newModel()
		wantState(rt, "new", state, want)
		for range rapid.IntRange(1, 8).Draw(rt, "updates") {
			u := anyUpdate.Draw(rt, "update")
			write(t, db, u)
			want.apply(u)
			if rapid.Bool().Draw(rt, "reopen") {
				closeDB(t, db)
				db, state = open(t, dir)
				wantState(rt, "opened again", state, want)
			}
		}
		read, err := storage.Read(dir)
		if err != nil {
			rt.Fatal(err)
		}
		wantState(rt, "read", read, want)
		closeDB(t, db)
	})
}

func wantState(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, when string, got *inventory.State, want *model) {
	t.Helper()
	if !reflect.DeepEqual(*got, want.State) {
		g, _ := json.Marshal(got)
		w, _ := json.Marshal(want.State)
		t.Fatalf("%s: the state is\n%s\nwant\n%s", when, g, w)
	}
}
