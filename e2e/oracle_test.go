package e2e

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/datadog/fake"
)

// These tests compare our client with Datadog's official one, row by row.

func TestClient_AgreesWithOfficialOnOrdinaryAccounts(t *testing.T) {
	large, hub := fake.Star(fake.Options{}, 2500, 1)
	for name, test := range map[string]struct {
		account *fake.Server
		org     string
		sizes   []int
	}{
		"many pages":          {large, hub, []int{1000, 999, 2500, 2501}},
		"pages that are full": {starOf(60, 2, fake.Options{}), "", []int{1, 7, 20, 59, 60, 61}},
		"one connection":      {starOf(1, 3, fake.Options{}), "", []int{1, 2}},
		"no connection":       {starOf(0, 4, fake.Options{}), "", []int{1, 1000}},
		"smaller pages than asked for": {
			starOf(60, 5, fake.Options{PageCap: 7}), "", []int{5, 7, 8, 1000},
		},
		"nothing included": {starOf(60, 6, fake.Options{OmitIncluded: true}), "", []int{25}},
	} {
		t.Run(name, func(t *testing.T) {
			org := test.org
			if org == "" {
				org = test.account.Orgs()[0].ID
			}
			a := serveAccount(t, test.account)
			for _, size := range test.sizes {
				compareClients(t, a, listingQuery{org: org, pageSize: size})
			}
		})
	}
}

// starOf returns a star's server.
func starOf(connections int, seed uint64, opts fake.Options) *fake.Server {
	server, _ := fake.Star(opts, connections, seed)
	return server
}

func TestClient_AgreesWithOfficialOnFilters(t *testing.T) {
	a := serveAccount(t, fake.Mesh(fake.Options{}, 12, 100, 1))
	orgs := a.Orgs()
	asking, other, third := orgs[0].ID, orgs[1].ID, orgs[2].ID
	for _, q := range []listingQuery{
		{source: asking},
		{sink: asking},
		{source: other},
		{sink: other},
		{source: asking, sink: other},
		{source: other, sink: asking},
		{source: other, sink: third}, // which the asking org does not see
	} {
		q.org, q.pageSize = asking, 4
		compareClients(t, a, q)
	}
}

func TestClient_AgreesWithOfficialOnOrgs(t *testing.T) {
	simulated := fake.Mesh(fake.Options{}, 12, 20, 1)
	simulated.AddOrg(fake.Org{Name: `Acme "東京" \ C:\temp`, Sharing: "none"})
	simulated.AddOrg(fake.Org{Disabled: true})
	simulated.AddOrg(fake.Org{NotIncluded: true})
	a := serveAccount(t, simulated)
	for n, org := range a.Orgs()[:2] { // the parent, and another
		current, orgs := officialOrgs(t, a, org.ID)
		if want := []int{15, 1}[n]; current != org.ID || len(orgs) != want {
			t.Errorf("to the official client, the org is %s of %d, want %s of %d", current, len(orgs), org.ID, want)
		}
		account, err := ourClient(t, a, org.ID, datadog.Options{}).ListOrgs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if account.Current != current || !slices.Equal(account.Orgs, orgs) {
			t.Errorf("our client differs:\n%s, %+v, expected\n%s, %+v", account.Current, account.Orgs, current, orgs)
		}
	}
}

// oddity changes a connection to something that the API is not known to send.
type oddity struct {
	what string
	// unsupported is true where the official client cannot represent the row. Ours keeps
	// it.
	unsupported bool
	apply       func(*fake.Connection)
}

var oddities = []oddity{
	{"null names", false, func(c *fake.Connection) { c.Quirks.Names = fake.NullNames }},
	{"no names", false, func(c *fake.Connection) { c.Quirks.Names = fake.NoNames }},
	{"empty names", false, func(c *fake.Connection) { c.Quirks.Names = fake.EmptyNames }},
	{"null source", false, func(c *fake.Connection) { c.Quirks.NullSource = true }},
	{"null sink", false, func(c *fake.Connection) { c.Quirks.NullSink = true }},
	{"null creator", false, func(c *fake.Connection) { c.Quirks.NullCreator = true }},
	{"no creator", false, func(c *fake.Connection) { c.Quirks.NoCreator = true }},
	{"no type", false, func(c *fake.Connection) { c.Types = []string{} }},
	{"type never seen before", false, func(c *fake.Connection) { c.Types = append(c.Types, "séances") }},
	{"type that has to be escaped", false, func(c *fake.Connection) { c.Types = []string{"a \"b\" \\ c\t\u2028"} }},
	{"type listed twice", false, func(c *fake.Connection) { c.Types = []string{"metrics", "logs", "metrics"} }},
	{"date that ends in Z", false, func(c *fake.Connection) { c.Quirks.CreatedAt = "2024-05-06T07:08:09Z" }},
	{"date of another zone", false, func(c *fake.Connection) { c.Quirks.CreatedAt = "2024-05-06T07:08:09.25+05:30" }},
	{"date that is none", true, func(c *fake.Connection) { c.Quirks.CreatedAt = "yesterday" }},
	{"date without a zone", true, func(c *fake.Connection) { c.Quirks.CreatedAt = "2024-05-06T07:08:09" }},
	{"no date", true, func(c *fake.Connection) { c.Quirks.NoCreatedAt = true }},
	{"null types", true, func(c *fake.Connection) { c.Quirks.NullTypes = true }},
	{"id that is no UUID", true, func(c *fake.Connection) { c.ID = c.SourceID + " to " + c.SinkID }},
}

func TestClient_AgreesWithOfficialOnOddRows(t *testing.T) {
	for _, odd := range oddities {
		t.Run(odd.what, func(t *testing.T) {
			simulated := fake.New(fake.Options{})
			hub := simulated.AddOrg(fake.Org{Name: `Acme "Hub" \ 東京`})
			creator := simulated.AddUser(fake.User{Name: "Robin Sample"})
			var unsupported []fake.Connection
			for n := range 5 { // one odd row among others
				c := fake.Connection{SourceID: hub, SinkID: simulated.AddOrg(fake.Org{}), CreatorID: creator, Types: []string{"audit"}}
				if n == 2 {
					odd.apply(&c)
				}
				simulated.AddConnection(c)
				if n == 2 && odd.unsupported {
					unsupported = append(unsupported, lastConnection(simulated))
				}
			}
			compareClients(t, serveAccount(t, simulated), listingQuery{org: hub, pageSize: 2}, unsupported...)
		})
	}
}

func TestClient_AgreesWithOfficialOnRandomAccounts(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			simulated, hub, unsupported := oddAccount(random)
			a := serveAccount(t, simulated)
			for range 3 {
				compareClients(t, a, listingQuery{org: hub, pageSize: 1 + random.IntN(80)}, unsupported...)
			}
		})
	}
}

// lastConnection returns the connection that was added last, with its generated values.
func lastConnection(simulated *fake.Server) fake.Connection {
	all := simulated.Connections()
	return all[len(all)-1]
}

// oddAccount returns a random account in which every third row is odd, with the rows
// that the official client cannot represent.
func oddAccount(random *rand.Rand) (simulated *fake.Server, hub string, unsupported []fake.Connection) {
	simulated = fake.New(fake.Options{PageCap: 1 + random.IntN(100), OmitIncluded: random.IntN(4) == 0})
	hub = simulated.AddOrg(fake.Org{NotIncluded: random.IntN(2) == 0})
	creators := []string{
		simulated.AddUser(fake.User{ServiceAccount: true}),
		simulated.AddUser(fake.User{Disabled: true}),
		simulated.AddUser(fake.User{NotIncluded: true}),
	}
	names := []string{"", `Acme "東京" \ C:\temp`, "Acme\u2028\tTeam", "<Acme> & Söhne"}
	for range random.IntN(120) {
		c := fake.Connection{
			SourceID:  simulated.AddOrg(fake.Org{Name: names[random.IntN(len(names))], NotIncluded: random.IntN(3) == 0}),
			SinkID:    hub,
			Types:     [][]string{{"logs"}, {"metrics", "logs"}, {"audit", "metrics"}}[random.IntN(3)],
			CreatorID: creators[random.IntN(len(creators))],
		}
		if random.IntN(2) == 0 {
			c.SourceID, c.SinkID = c.SinkID, c.SourceID
		}
		c.Quirks.Names = fake.Names(random.IntN(4))
		var odd oddity
		if random.IntN(3) == 0 {
			odd = oddities[random.IntN(len(oddities))]
			odd.apply(&c)
		}
		simulated.AddConnection(c)
		if odd.unsupported {
			unsupported = append(unsupported, lastConnection(simulated))
		}
	}
	return simulated, hub, unsupported
}

// compareClients requires the same result from both clients, except for the rows that
// the official one does not support: our client must return those as they are.
func compareClients(t *testing.T, a account, q listingQuery, unsupported ...fake.Connection) {
	t.Helper()
	want, names, unreadable := q.official(t, a)
	var ids []string
	for _, c := range unsupported {
		ids = append(ids, c.ID)
		want[c.ID] = rowOf(c)
	}
	if slices.Sort(ids); !slices.Equal(slices.Sorted(slices.Values(unreadable)), ids) {
		t.Errorf("%+v: the official client cannot represent %q, want %q", q, unreadable, ids)
	}
	got, ourNames := q.ours(t, a)
	if !maps.Equal(got, want) {
		t.Errorf("%+v: our client differs:\n%s", q, difference(got, want))
	}
	for id, name := range names {
		if ourNames[id] != name {
			t.Errorf("%+v: org %s is %q to our client, %q to the official one", q, id, ourNames[id], name)
		}
	}
}

// rowOf returns what a connection's row says, quirks included.
func rowOf(c fake.Connection) connectionRow {
	r := connectionRow{c.ID, c.SourceID, c.SinkID, c.CreatorID, eachTypeOnce(c.Types), c.CreatedAt}
	quirks := c.Quirks
	if quirks.NullSource {
		r.Source = ""
	}
	if quirks.NullSink {
		r.Sink = ""
	}
	if quirks.NullCreator || quirks.NoCreator {
		r.Creator = ""
	}
	if quirks.NullTypes {
		r.Types = ""
	}
	if quirks.CreatedAt != "" {
		at, _ := time.Parse(time.RFC3339, quirks.CreatedAt) // zero if it is invalid
		r.CreatedAt = at.UTC()
	}
	if quirks.NoCreatedAt {
		r.CreatedAt = time.Time{}
	}
	return r
}

// difference describes the first rows that differ.
func difference(got, want map[string]connectionRow) (text string) {
	ids := map[string]bool{}
	for id := range got {
		ids[id] = got[id] != want[id]
	}
	for id := range want {
		ids[id] = got[id] != want[id]
	}
	maps.DeleteFunc(ids, func(_ string, differs bool) bool { return !differs })
	for n, id := range slices.Sorted(maps.Keys(ids)) {
		if n == 5 {
			return text + fmt.Sprintf("  and so on, %d rows in all\n", len(ids))
		}
		text += fmt.Sprintf("  %s is  %+v,\n  expected %+v\n", id, got[id], want[id])
	}
	return text
}
