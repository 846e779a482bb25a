package datadog_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/datadog/fake"
)

// runSynctest runs a subtest in the virtual time of a synctest bubble.
func runSynctest(t *testing.T, name string, test func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
}

// newClient returns a client of the org. Its requests reach the server in memory.
func newClient(t *testing.T, server *fake.Server, org string, with ...func(*datadog.Options)) *datadog.Client {
	t.Helper()
	transport, stop := fake.InMemory(server)
	t.Cleanup(stop)
	keys := server.Keys(org)
	options := datadog.Options{
		Credentials: datadog.Credentials{APIKey: secret(t, keys.API), AppKey: secret(t, keys.App)},
		Transport:   transport,
	}
	for _, set := range with {
		set(&options)
	}
	client, err := datadog.New(options)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func secret(t *testing.T, value string) *datadog.Secret {
	t.Helper()
	s, err := datadog.NewSecret("secret of the test", value)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func list(t *testing.T, client *datadog.Client) *datadog.Listing {
	t.Helper()
	listing, err := client.List(t.Context())
	if err != nil {
		t.Fatalf("List: %v", err)
	}
	return listing
}

// ids returns the ids of the connections, in their order.
func ids(listing *datadog.Listing) []string {
	found := []string{}
	for _, c := range listing.Connections {
		found = append(found, c.ID)
	}
	return found
}

// wantIDs returns the sorted ids of the connections that an org lists.
func wantIDs(server *fake.Server, org string) []string {
	expected := []string{}
	for _, c := range server.Visible(org) {
		expected = append(expected, c.ID)
	}
	slices.Sort(expected)
	return expected
}

func wantAllConnections(t *testing.T, listing *datadog.Listing, server *fake.Server, org string) {
	t.Helper()
	if got, want := ids(listing), wantIDs(server, org); !slices.Equal(got, want) {
		t.Errorf("the listing has %d connections, want the %d of the org", len(got), len(want))
	}
}

// wantNoSecrets fails if text contains a key or an e-mail address.
func wantNoSecrets(t *testing.T, text string, keys fake.Keys) {
	t.Helper()
	for _, secret := range []string{keys.API, keys.App, keys.Token, "@"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q contains %q", text, secret)
		}
	}
}

func header(pairs ...string) http.Header {
	h := http.Header{}
	for n := 0; n < len(pairs); n += 2 {
		h.Set(pairs[n], pairs[n+1])
	}
	return h
}

func mustURL(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
