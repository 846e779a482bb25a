package datadog_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/datadog/fake"
)

func TestList_ReadsEveryPage(t *testing.T) {
	for _, test := range []struct {
		connections, pageSize, requests int
	}{
		{0, 1000, 1},
		{1, 1000, 2}, // the first page may have one after it
		{999, 1000, 2},
		{1000, 1000, 2},
		{1001, 1000, 2},
		{2000, 1000, 3},
		{2500, 1000, 3},
		{1998, 1000, 2},
		{1999, 1000, 3}, // a page more than without the overlap of two pages
		{95, 10, 11},
		{25, 2, 25},
	} {
		runSynctest(t, fmt.Sprintf("%d connections by %d", test.connections, test.pageSize), func(t *testing.T) {
			server, org := fake.Star(fake.Options{}, test.connections, 1)
			client := newClient(t, server, org, func(o *datadog.Options) { o.PageSize = test.pageSize })
			listing := list(t, client)
			wantAllConnections(t, listing, server, org)
			if !listing.Complete || len(listing.Warnings) > 0 {
				t.Errorf("complete %v, warnings %q", listing.Complete, listing.Warnings)
			}
			if server.Requests() != test.requests || listing.Pages != test.requests {
				t.Errorf("%d requests for %d pages, want %d", server.Requests(), listing.Pages, test.requests)
			}
		})
	}
}

// Pages of a single row cannot overlap.
func TestList_ReadsPagesOfOneRowTwice(t *testing.T) {
	runSynctest(t, "", func(t *testing.T) {
		server, org := fake.Star(fake.Options{}, 25, 1)
		client := newClient(t, server, org, func(o *datadog.Options) { o.PageSize = 1 })
		listing := list(t, client)
		wantAllConnections(t, listing, server, org)
		if !listing.Complete || len(listing.Warnings) > 0 || server.Requests() != 2*26 {
			t.Errorf("complete %v after %d requests, warnings %q", listing.Complete, server.Requests(), listing.Warnings)
		}
	})
}

func TestList_ReadsAgainAfterAnyPageOfOneRow(t *testing.T) {
	runSynctest(t, "", func(t *testing.T) {
		server, org := fake.Star(fake.Options{}, 25, 1)
		server.Inject(fake.ShortPages(1).Once())
		listing := list(t, newClient(t, server, org))
		wantAllConnections(t, listing, server, org)
		firstPages := 0
		for _, request := range server.RequestLog() {
			if request.Offset == 0 {
				firstPages++
			}
		}
		if firstPages != 2 || !listing.Complete {
			t.Errorf("complete %v after %d reads, want 2", listing.Complete, firstPages)
		}
	})
}

// addToTotal returns a fault that adds n to the totals.
func addToTotal(n int) fake.Fault {
	return fake.Total(func(truth int) any { return truth + n })
}

func fixedTotal(total any) fake.Fault {
	return fake.Total(func(int) any { return total })
}

func TestList_OddServersLoseAndRepeatNoRow(t *testing.T) {
	for _, test := range []struct {
		name     string
		faults   []fake.Fault
		complete bool
		requests int
	}{
		{"the server returns fewer rows than requested", []fake.Fault{fake.ShortPages(30)}, true, 9},
		{"the last short page is full", []fake.Fault{fake.ShortPages(50)}, true, 6},
		{"one page is short", []fake.Fault{fake.ShortPages(7).From(100).Once()}, true, 5},
		{"a page is repeated, once", []fake.Fault{fake.RepeatPage().From(100).Once()}, true, 6},
		{"a page is empty, once", []fake.Fault{fake.EmptyPage().From(100).Once()}, true, 6},
		{"the total is too low", []fake.Fault{addToTotal(-1)}, false, 10},
		{"the total is far too low", []fake.Fault{fixedTotal(3)}, false, 10},
		{"the total is zero", []fake.Fault{fixedTotal(0)}, false, 10},
		{"the total is too high", []fake.Fault{addToTotal(1)}, false, 10},
		{"the total is negative", []fake.Fault{fixedTotal(-250)}, false, 10},
		{"the total is null", []fake.Fault{fixedTotal(nil)}, false, 10},
		{"the total is a string", []fake.Fault{fixedTotal("250")}, false, 10},
		{"the total is missing", []fake.Fault{fake.NoMeta()}, false, 10},
		{"the total is the page's own length", []fake.Fault{fixedTotal(100)}, false, 10},
		{"later pages have a single row", []fake.Fault{fake.ShortPages(1).From(150)}, true, 120},
		{"later pages have a single row, and no total", []fake.Fault{fake.ShortPages(1).From(150), fake.NoMeta()}, false, 120},
		{"the total is wrong, once", []fake.Fault{addToTotal(1).From(100).Once()}, true, 7},
		{"short pages, and their length as the total", []fake.Fault{fake.ShortPages(60), fixedTotal(60)}, false, 14},
		{"no total and short pages", []fake.Fault{fake.NoMeta(), fake.ShortPages(60)}, false, 14},
	} {
		runSynctest(t, test.name, func(t *testing.T) {
			server, org := fake.Star(fake.Options{}, 250, 1)
			for _, fault := range test.faults {
				server.Inject(fault)
			}
			client := newClient(t, server, org, func(o *datadog.Options) { o.PageSize = 100 })
			listing := list(t, client)
			wantAllConnections(t, listing, server, org)
			if listing.Complete != test.complete {
				t.Errorf("complete is %v", listing.Complete)
			}
			if warned := len(listing.Warnings) > 0; warned == listing.Complete {
				t.Errorf("warnings %q of a listing that is complete: %v", listing.Warnings, listing.Complete)
			}
			if server.Requests() > test.requests {
				t.Errorf("%d requests, %d are enough", server.Requests(), test.requests)
			}
		})
	}
}

func TestList_FailsWithoutTwoEqualReads(t *testing.T) {
	for _, test := range []struct {
		name  string
		fault func(server *fake.Server) fake.Fault
	}{
		{"rows are removed all the time", func(server *fake.Server) fake.Fault {
			return fake.AfterPage(func() { server.RemoveConnection(server.Connections()[0].ID) })
		}},
		{"each request sees another order", func(*fake.Server) fake.Fault { return fake.ShuffledOrder() }},
		{"one goes and one comes all the time", func(server *fake.Server) fake.Fault {
			server.Inject(fake.NoMeta())
			return fake.AfterPage(func() {
				gone := server.Connections()[0]
				server.RemoveConnection(gone.ID)
				gone.ID = ""
				server.AddConnection(gone)
			})
		}},
		{"one is widened all the time", func(server *fake.Server) fake.Fault {
			server.Inject(fake.NoMeta())
			types := []string{"logs"}
			return fake.AfterPage(func() {
				types = append(types, fmt.Sprint("type-", len(types)))
				server.SetTypes(server.Connections()[0].ID, types...)
			})
		}},
	} {
		runSynctest(t, test.name, func(t *testing.T) {
			server, org := fake.Star(fake.Options{}, 250, 1)
			server.Inject(test.fault(server))
			client := newClient(t, server, org, func(o *datadog.Options) { o.PageSize = 100 })
			listing, err := client.List(t.Context())
			if !errors.Is(err, datadog.Incomplete) {
				t.Fatalf("got %d pages and the error %v, want %v", listing.Pages, err, datadog.Incomplete)
			}
			synctest.Wait() // the API still answers requests that were canceled
			server.ClearFaults()
			wantAllConnections(t, list(t, client), server, org)
		})
	}
}

func TestList_ReadsAgainAfterChanges(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(server *fake.Server, org string)
	}{
		{"one before is removed: the next page begins too late", func(server *fake.Server, _ string) {
			server.RemoveConnection(server.Connections()[0].ID)
		}},
		{"one is added before: the next page repeats a row", func(server *fake.Server, org string) {
			peer := server.AddOrg(fake.Org{Name: "Newcomer"})
			server.MoveConnection(server.AddConnection(fake.Connection{SourceID: peer, SinkID: org}), 0)
		}},
		{"one is added at the end", func(server *fake.Server, org string) {
			peer := server.AddOrg(fake.Org{Name: "Newcomer"})
			server.AddConnection(fake.Connection{SourceID: org, SinkID: peer})
		}},
		{"one goes and one comes: the total stays", func(server *fake.Server, _ string) {
			gone := server.Connections()[0]
			server.RemoveConnection(gone.ID)
			gone.ID = ""
			server.AddConnection(gone)
		}},
		{"one comes and one goes, after the page's end", func(server *fake.Server, org string) {
			peer := server.AddOrg(fake.Org{Name: "Newcomer"})
			server.MoveConnection(server.AddConnection(fake.Connection{SourceID: peer, SinkID: org}), 0)
			server.RemoveConnection(server.Connections()[240].ID)
		}},
		{"the last row of a page goes", func(server *fake.Server, _ string) {
			gone := server.Connections()[99]
			server.RemoveConnection(gone.ID)
			gone.ID = ""
			server.AddConnection(gone)
		}},
		{"two rows of different pages are swapped", func(server *fake.Server, _ string) {
			connections := server.Connections()
			server.MoveConnection(connections[10].ID, 200)
			server.MoveConnection(connections[200].ID, 10)
		}},
		{"one goes from the front to the end", func(server *fake.Server, _ string) {
			server.MoveConnection(server.Connections()[0].ID, 249)
		}},
	} {
		runSynctest(t, test.name, func(t *testing.T) {
			server, org := fake.Star(fake.Options{}, 250, 1)
			server.Inject(fake.AfterPage(func() { test.do(server, org) }).Once())
			client := newClient(t, server, org, func(o *datadog.Options) { o.PageSize = 100 })
			listing := list(t, client)
			wantAllConnections(t, listing, server, org)
			if !listing.Complete {
				t.Error("the listing is not complete")
			}
		})
	}
}

func TestList_FailsIfPagesRepeatRows(t *testing.T) {
	for _, test := range []struct {
		name   string
		faults []fake.Fault
	}{
		{"every page is the first", []fake.Fault{fake.RepeatPage()}},
		{"every page is the first, and of one row", []fake.Fault{fake.RepeatPage(), fake.ShortPages(1)}},
		{"later pages are the first", []fake.Fault{fake.RepeatPage().From(150)}},
		{"the total is the number of distinct rows", []fake.Fault{fake.RepeatPage(), fixedTotal(100)}},
		{"no total", []fake.Fault{fake.RepeatPage(), fake.NoMeta()}},
		{"all pages are empty", []fake.Fault{fake.EmptyPage()}},
		{"later pages are empty", []fake.Fault{fake.EmptyPage().From(99)}},
		{"later pages are empty, and no total", []fake.Fault{fake.EmptyPage().From(99), fake.NoMeta()}},
	} {
		runSynctest(t, test.name, func(t *testing.T) {
			server, org := fake.Star(fake.Options{}, 250, 1)
			for _, fault := range test.faults {
				server.Inject(fault)
			}
			client := newClient(t, server, org, func(o *datadog.Options) { o.PageSize = 100 })
			if _, err := client.List(t.Context()); !errors.Is(err, datadog.Incomplete) {
				t.Errorf("the error is %v", err)
			}
			if server.Requests() > 15 {
				t.Errorf("%d requests", server.Requests())
			}
		})
	}
}

func TestList_EndsDespiteHugeTotal(t *testing.T) {
	runSynctest(t, "", func(t *testing.T) {
		server, org := fake.Star(fake.Options{}, 250, 1)
		server.Inject(fixedTotal(50_000_000))
		client := newClient(t, server, org, func(o *datadog.Options) { o.PageSize = 100 })
		wantAllConnections(t, list(t, client), server, org)
		if server.Requests() > 2*(5+9) {
			t.Errorf("%d requests for two reads of five pages", server.Requests())
		}
	})
}

func TestList_FailsWithAnyPage(t *testing.T) {
	for offset := 0; offset < 550; offset += 99 {
		runSynctest(t, fmt.Sprint(offset), func(t *testing.T) {
			server, org := fake.Star(fake.Options{}, 550, 1)
			server.Inject(fake.Status(400).From(offset))
			client := newClient(t, server, org, func(o *datadog.Options) { o.PageSize = 100 })
			if listing, err := client.List(t.Context()); !errors.Is(err, datadog.ClientError) {
				t.Errorf("got %d pages and the error %v", listing.Pages, err)
			}
		})
	}
}

// A row that is widened between its two pages is listed as the later page has it.
func TestList_TakesTheLaterOfOverlappingRows(t *testing.T) {
	runSynctest(t, "", func(t *testing.T) {
		server, org := fake.Star(fake.Options{}, 150, 1)
		widened := server.Connections()[99].ID
		server.Inject(fake.AfterPage(func() { server.SetTypes(widened, "logs", "wide") }).Once())
		listing := list(t, newClient(t, server, org, func(o *datadog.Options) { o.PageSize = 100 }))
		for _, c := range listing.Connections {
			if c.ID == widened && !slices.Contains(c.Types, "wide") {
				t.Errorf("its types are %q", c.Types)
			}
		}
		if server.Requests() != 2 {
			t.Errorf("%d requests", server.Requests())
		}
	})
}

func TestList_ConfirmsADrop(t *testing.T) {
	for _, test := range []struct {
		name           string
		left           int          // connections that are not removed after the first listing
		faults         []fake.Fault // of the second listing
		want, requests int
	}{
		{"nothing is left", 0, nil, 0, 2},
		{"less than half is left", 119, nil, 119, 2 * 2},
		{"half is left", 120, nil, 120, 2},
		{"an empty page with the total 0, once", 240, []fake.Fault{fake.EmptyPage().Once(), fixedTotal(0).Once()}, 240, 1 + 3},
		{"a short page with its length as the total, once", 240, []fake.Fault{fake.ShortPages(50).Once(), fixedTotal(50).Once()}, 240, 3 + 3},
	} {
		runSynctest(t, test.name, func(t *testing.T) {
			server, org := fake.Star(fake.Options{}, 240, 1)
			client := newClient(t, server, org, func(o *datadog.Options) { o.PageSize = 100 })
			list(t, client)
			for _, c := range server.Connections()[test.left:] {
				server.RemoveConnection(c.ID)
			}
			for _, fault := range test.faults {
				server.Inject(fault)
			}
			before := server.Requests()
			listing := list(t, client)
			if !listing.Complete || len(listing.Connections) != test.want || len(listing.Warnings) > 0 {
				t.Errorf("complete %v with %d connections, want %d; warnings %q", listing.Complete, len(listing.Connections), test.want, listing.Warnings)
			}
			if got := server.Requests() - before; got != test.requests {
				t.Errorf("%d requests, want %d", got, test.requests)
			}
			// The smaller listing is the one to compare with now.
			before = server.Requests()
			if pages := list(t, client).Pages; server.Requests()-before != pages {
				t.Errorf("%d requests for %d pages", server.Requests()-before, pages)
			}
		})
	}
}

func TestList_Filters(t *testing.T) {
	runSynctest(t, "", func(t *testing.T) {
		server, org := fake.Star(fake.Options{}, 30, 1)
		client := newClient(t, server, org, func(o *datadog.Options) { o.SourceOrgID = org })
		listing := list(t, client)
		if !listing.Complete || len(listing.Connections) != 15 {
			t.Errorf("complete %v with %d connections, want all 15 from the org", listing.Complete, len(listing.Connections))
		}
		other := newClient(t, server, org, func(o *datadog.Options) {
			o.SinkOrgID = org
			o.SourceOrgID = listing.Connections[0].SinkID
		})
		list(t, other)
		if query := server.RequestLog()[2].Query; query.Get("sink_org_id") != org || query.Get("source_org_id") == "" {
			t.Errorf("the query was %v", query)
		}
	})
}

func TestList_DecodesTypesCreatorsAndOrgs(t *testing.T) {
	runSynctest(t, "", func(t *testing.T) {
		server := fake.New(fake.Options{})
		source, sink := server.AddOrg(fake.Org{Name: "Source", Sharing: "public"}), server.AddOrg(fake.Org{Name: "Sink", Disabled: true})
		person := server.AddUser(fake.User{Name: "A Person"})
		robot := server.AddUser(fake.User{Name: "robot", ServiceAccount: true, Disabled: true})
		stranger := server.AddUser(fake.User{NotIncluded: true})
		for _, c := range []fake.Connection{
			{ID: "1", CreatorID: person, Types: []string{"metrics", "logs", "metrics"}},
			{ID: "2", CreatorID: robot, Types: []string{"traces-of-tomorrow"}},
			{ID: "3", CreatorID: stranger, Types: []string{}},
			{ID: "4", CreatorID: person, Quirks: fake.Quirks{NoCreator: true, NullTypes: true}},
			{ID: "5", CreatorID: person, Quirks: fake.Quirks{NullCreator: true, NoCreatedAt: true}},
			{ID: "6", CreatorID: person, Quirks: fake.Quirks{CreatedAt: "yesterday", Names: fake.NullNames}},
			{ID: "7", CreatorID: person, Quirks: fake.Quirks{NullSource: true, CreatedAt: "2026-01-02T03:04:05Z"}},
		} {
			c.SourceID, c.SinkID = source, sink
			server.AddConnection(c)
		}
		listing := list(t, newClient(t, server, source))
		var got []string
		for _, c := range listing.Connections {
			created := "at some time"
			switch {
			case c.CreatedAt.IsZero():
				created = "at no time"
			case c.ID == "7":
				created = "at " + c.CreatedAt.String()
			}
			got = append(got, fmt.Sprintf("%s [%s] by %s (known: %v) disabled %v %s", c.ID, strings.Join(c.Types, " "), c.Creator.Kind, c.Creator.ID != "", c.Creator.Disabled, created))
		}
		want := []string{
			"1 [logs metrics] by user (known: true) disabled 1 at some time",
			"2 [traces-of-tomorrow] by service_account (known: true) disabled 2 at some time",
			"3 [] by unknown (known: true) disabled 0 at some time",
			"4 [] by unknown (known: false) disabled 0 at some time",
			"5 [logs] by unknown (known: false) disabled 0 at no time",
			"6 [logs] by user (known: true) disabled 1 at no time",
			"7 [logs] by user (known: true) disabled 1 at 2026-01-02 03:04:05 +0000 UTC",
		}
		if !slices.Equal(got, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		wantOrgs := map[string]datadog.Org{
			source: {ID: source, Name: "Source", Sharing: "public", Disabled: datadog.No},
			sink:   {ID: sink, Name: "Sink", Sharing: "all_private", Disabled: datadog.Yes},
		}
		if len(listing.Orgs) != len(wantOrgs) {
			t.Errorf("orgs %+v", listing.Orgs)
		}
		for _, org := range listing.Orgs {
			org.PublicID = ""
			if org != wantOrgs[org.ID] {
				t.Errorf("org %+v, want %+v", org, wantOrgs[org.ID])
			}
		}
	})
}
