package datadog_test

import (
	"errors"
	"strings"
	"testing"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/datadog/fake"
)

func TestParseOrgID(t *testing.T) {
	const id = "4dee724d-00cc-11ea-a77b-570c9d03c6c5"
	for _, s := range []string{id, strings.ToUpper(id), " " + id + "\n"} {
		if got, err := datadog.ParseOrgID(s); got != id || err != nil {
			t.Errorf("%q: %q, %v", s, got, err)
		}
	}
	for _, s := range []string{
		"", "default", "fasjyydbcgwwc2uc", id[1:], id + "0", "{" + id + "}", strings.ReplaceAll(id, "-", ""),
		strings.Replace(id, "4", "g", 1), "4dee724d0-0cc-11ea-a77b-570c9d03c6c5", id + "\n" + id,
	} {
		if got, err := datadog.ParseOrgID(s); err == nil || !strings.Contains(err.Error(), "expected a UUID") || s == "default" && strings.Contains(err.Error(), s) {
			t.Errorf("%q: %q, %v", s, got, err)
		}
	}
}

const (
	orgA = "a0000000-0000-4000-8000-00000000000a"
	orgB = "b0000000-0000-4000-8000-00000000000b"
	orgC = "c0000000-0000-4000-8000-00000000000c"
	orgD = "d0000000-0000-4000-8000-00000000000d"
)

// newAccount returns an account of four orgs with these connections.
func newAccount(connections ...fake.Connection) *fake.Server {
	server := fake.New(fake.Options{})
	for _, id := range []string{orgA, orgB, orgC, orgD} {
		server.AddOrg(fake.Org{ID: id, Name: "Acme " + id[:1]})
	}
	for _, c := range connections {
		server.AddConnection(c)
	}
	return server
}

func TestList_FailsWithAnotherOrgsCredentials(t *testing.T) {
	const neither = "the credentials are not those of the stated org "
	aToB, aToC := fake.Connection{ID: "1", SourceID: orgA, SinkID: orgB}, fake.Connection{ID: "2", SourceID: orgA, SinkID: orgC}
	for name, test := range map[string]struct {
		connections []fake.Connection
		org, stated string // whose credentials they are, and are said to be
		filter      func(*datadog.Options)
		says        []string // in the error, nil if the listing is good
		not         string   // not in the error
	}{
		"nothing stated":           {connections: []fake.Connection{aToB, aToC}, org: orgA},
		"the stated org":           {connections: []fake.Connection{aToB, aToC}, org: orgA, stated: orgA},
		"the stated org, the sink": {connections: []fake.Connection{aToB, aToC}, org: orgB, stated: orgB},
		"upper case":               {connections: []fake.Connection{aToB, aToC}, org: orgA, stated: strings.ToUpper(orgA)},
		"no connection":            {org: orgA, stated: orgB},
		"an unknown source":        {connections: []fake.Connection{{SourceID: orgA, SinkID: orgB, Quirks: fake.Quirks{NullSource: true}}}, org: orgA, stated: orgA},
		"an unknown sink":          {connections: []fake.Connection{{SourceID: orgB, SinkID: orgA, Quirks: fake.Quirks{NullSink: true}}}, org: orgA, stated: orgA},
		"another org, and all its connections": {
			connections: []fake.Connection{aToB, aToC}, org: orgA, stated: orgD,
			says: []string{neither + orgD, "connection 1 has it at neither end", "seem to be those of org " + orgA + ` ("Acme a"), which is an end of every connection`},
		},
		"another org, with which the stated one is connected": {
			connections: []fake.Connection{aToB, aToC}, org: orgA, stated: orgB,
			says: []string{neither + orgB, "connection 2 has it at neither end", "seem to be those of org " + orgA},
		},
		"another org with one connection": {
			connections: []fake.Connection{aToB}, org: orgA, stated: orgD,
			says: []string{neither + orgD}, not: "seem",
		},
		"another org, and a connection with an unknown end": {
			connections: []fake.Connection{aToB, aToC, {SourceID: orgA, SinkID: orgD, Quirks: fake.Quirks{NullSource: true}}}, org: orgA, stated: orgD,
			says: []string{neither + orgD, "seem to be those of org " + orgA},
		},
		"another org, filtered": {
			connections: []fake.Connection{aToB, aToC, {SourceID: orgD, SinkID: orgA}}, org: orgA, stated: orgD,
			filter: func(o *datadog.Options) { o.SourceOrgID = orgA },
			says:   []string{neither + orgD, "seem to be those of org " + orgA},
		},
		"another org, filtered to those of the stated one": {
			connections: []fake.Connection{aToB, aToC}, org: orgA, stated: orgB,
			filter: func(o *datadog.Options) { o.SinkOrgID = orgB },
		},
	} {
		runSynctest(t, name, func(t *testing.T) {
			server := newAccount(test.connections...)
			client := newClient(t, server, test.org, func(o *datadog.Options) {
				o.OrgID = test.stated
				if test.filter != nil {
					test.filter(o)
				}
			})
			_, err := client.List(t.Context())
			if test.says == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, datadog.WrongOrg) {
				t.Fatalf("the error is %v", err)
			}
			for _, says := range test.says {
				if !strings.Contains(err.Error(), says) {
					t.Errorf("the error is %q, want %q in it", err, says)
				}
			}
			if test.not != "" && strings.Contains(err.Error(), test.not) {
				t.Errorf("the error is %q, want no %q in it", err, test.not)
			}
			wantNoSecrets(t, err.Error(), server.Keys(test.org))
			if n := server.Requests(); n != 2 { // as for a good listing: a page, and that there is no other
				t.Errorf("%d requests", n)
			}
		})
	}
}

func TestList_RedactsTheNameOfTheOtherOrg(t *testing.T) {
	runSynctest(t, "", func(t *testing.T) {
		server := newAccount(fake.Connection{SourceID: orgA, SinkID: orgB}, fake.Connection{SourceID: orgA, SinkID: orgC})
		server.RenameOrg(orgA, "of somebody@example.com\n"+server.Keys(orgA).API)
		_, err := newClient(t, server, orgA, func(o *datadog.Options) { o.OrgID = orgD }).List(t.Context())
		if !errors.Is(err, datadog.WrongOrg) || !strings.Contains(err.Error(), `"of [address] [secret]"`) {
			t.Errorf("the error is %v", err)
		}
	})
}
