package e2e

import (
	"context"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	official "github.com/DataDog/datadog-api-client-go/v2/api/datadog"
	"github.com/DataDog/datadog-api-client-go/v2/api/datadogV2"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/datadog/fake"
)

// connectionRow is a connection as a client returns it.
type connectionRow struct {
	ID, Source, Sink, Creator string // ids; empty where the API sends none
	Types                     string // sorted, distinct, joined by commas
	CreatedAt                 time.Time
}

// eachTypeOnce returns sorted, distinct types, as our client does.
func eachTypeOnce(types []string) string {
	return strings.Join(slices.Compact(slices.Sorted(slices.Values(types))), ",")
}

// listingQuery is a listing that both clients do.
type listingQuery struct {
	org          string // whose keys are used
	pageSize     int
	source, sink string // filters; empty: none
}

func serveAccount(t *testing.T, simulated *fake.Server) account {
	t.Helper()
	server := httptest.NewServer(simulated)
	t.Cleanup(server.Close)
	return account{Server: simulated, url: server.URL}
}

// ours returns our client's result: rows by id, and names of orgs by id.
func (q listingQuery) ours(t *testing.T, a account) (rows map[string]connectionRow, names map[string]string) {
	t.Helper()
	lister := ourClient(t, a, q.org, datadog.Options{PageSize: q.pageSize, SourceOrgID: q.source, SinkOrgID: q.sink})
	listing, err := lister.List(t.Context())
	if err != nil {
		t.Fatalf("our client, %+v: %v", q, err)
	}
	rows, names = map[string]connectionRow{}, map[string]string{}
	for _, c := range listing.Connections {
		rows[c.ID] = connectionRow{c.ID, c.SourceID, c.SinkID, c.Creator.ID, strings.Join(c.Types, ","), c.CreatedAt}
	}
	for _, org := range listing.Orgs {
		names[org.ID] = org.Name
	}
	return rows, names
}

// ourClient returns our client of an org.
func ourClient(t *testing.T, a account, org string, options datadog.Options) *datadog.Client {
	t.Helper()
	api, err := datadog.ParseAPIURL(a.url)
	if err != nil {
		t.Fatal(err)
	}
	options.API = api
	options.Credentials = datadog.Credentials{APIKey: secret(t, a.Keys(org).API), AppKey: secret(t, a.Keys(org).App)}
	options.Timeout = waitTimeout
	client, err := datadog.New(options)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func secret(t *testing.T, value string) *datadog.Secret {
	t.Helper()
	s, err := datadog.NewSecret("key of the test", value)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// official returns the official client's result, with the names of orgs from the rows.
// Rows that the client cannot represent, which it returns unparsed, are returned as ids.
func (q listingQuery) official(t *testing.T, a account) (rows map[string]connectionRow, names map[string]string, unreadable []string) {
	t.Helper()
	rows, names = map[string]connectionRow{}, map[string]string{}
	for _, c := range q.officialRows(t, a) {
		if c.UnparsedObject != nil {
			id, _ := c.UnparsedObject["id"].(string)
			unreadable = append(unreadable, id)
			continue
		}
		source := c.Relationships.GetSourceOrg().Data
		sink := c.Relationships.GetSinkOrg().Data
		creator := c.Relationships.GetCreatedBy().Data
		var types []string
		for _, kind := range c.Attributes.ConnectionTypes {
			types = append(types, string(kind))
		}
		id := c.Id.String()
		rows[id] = connectionRow{id, source.GetId(), sink.GetId(), creator.GetId(), eachTypeOnce(types), c.Attributes.CreatedAt.UTC()}
		names[source.GetId()], names[sink.GetId()] = source.GetName(), sink.GetName()
	}
	maps.DeleteFunc(names, func(id, name string) bool { return id == "" || name == "" })
	return rows, names, unreadable
}

// officialRows requests pages, which the official client leaves to its users, until one
// is empty. It ignores the totals.
func (q listingQuery) officialRows(t *testing.T, a account) (all []datadogV2.OrgConnection) {
	t.Helper()
	client, ctx := officialClient(t, a, q.org)
	api := datadogV2.NewOrgConnectionsApi(client)
	options := datadogV2.NewListOrgConnectionsOptionalParameters().WithLimit(int64(q.pageSize))
	if q.source != "" {
		options.WithSourceOrgId(q.source)
	}
	if q.sink != "" {
		options.WithSinkOrgId(q.sink)
	}
	for {
		page, _, err := api.ListOrgConnections(ctx, *options.WithOffset(int64(len(all)))) //nolint:bodyclose // the client has
		if err != nil {
			t.Fatalf("the official client, %+v: %v", q, err)
		}
		if len(page.Data) == 0 {
			return all
		}
		all = append(all, page.Data...)
	}
}

// officialClient returns the official client, and a context with an org's keys.
func officialClient(t *testing.T, a account, org string) (*official.APIClient, context.Context) {
	t.Helper()
	config := official.NewConfiguration()
	config.Servers = official.ServerConfigurations{{URL: a.url}}
	return official.NewAPIClient(config), context.WithValue(t.Context(), official.ContextAPIKeys, map[string]official.APIKey{
		"apiKeyAuth": {Key: a.Keys(org).API},
		"appKeyAuth": {Key: a.Keys(org).App},
	})
}

// officialOrgs returns the account as the official client sees it: the current org, and
// all orgs.
func officialOrgs(t *testing.T, a account, org string) (current string, orgs []datadog.Org) {
	t.Helper()
	client, ctx := officialClient(t, a, org)
	response, _, err := datadogV2.NewOrganizationsApi(client).ListOrgs(ctx) //nolint:bodyclose // the client has
	if err != nil || response.UnparsedObject != nil {
		t.Fatalf("the official client: %v, unparsed %v", err, response.UnparsedObject)
	}
	related := response.Data.Relationships
	byID := map[string]datadog.Org{}
	for _, reference := range append(related.ManagedOrgs.Data, related.CurrentOrg.Data) {
		byID[reference.Id.String()] = datadog.Org{ID: reference.Id.String()}
	}
	for _, included := range response.Included {
		if included.UnparsedObject != nil {
			t.Errorf("the official client cannot represent %v", included.UnparsedObject)
		}
		attributes, disabled := included.Attributes, datadog.No
		if attributes.Disabled {
			disabled = datadog.Yes
		}
		byID[included.Id.String()] = datadog.Org{
			ID: included.Id.String(), Name: attributes.Name, PublicID: attributes.PublicId, Sharing: attributes.Sharing, Disabled: disabled,
		}
	}
	return response.Data.Id.String(), slices.SortedFunc(maps.Values(byID), func(a, b datadog.Org) int { return strings.Compare(a.ID, b.ID) })
}
