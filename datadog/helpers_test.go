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

// virtually runs a test in virtual time: hour-long waits take no time at all.
func virtually(t *testing.T, name string, test func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
}

// connect makes a client of the org that talks to the server through memory.
func connect(t *testing.T, server *fake.Server, org string, with ...func(*datadog.Options)) *datadog.Client {
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

// ids are the connections' ids, sorted.
func ids(listing *datadog.Listing) []string {
	found := []string{}
	for _, c := range listing.Connections {
		found = append(found, c.ID)
	}
	return found
}

// truth is what the listing of an org should hold: the ids in order.
func truth(server *fake.Server, org string) []string {
	expected := []string{}
	for _, c := range server.Visible(org) {
		expected = append(expected, c.ID)
	}
	slices.Sort(expected)
	return expected
}

func wantTruth(t *testing.T, listing *datadog.Listing, server *fake.Server, org string) {
	t.Helper()
	if got, want := ids(listing), truth(server, org); !slices.Equal(got, want) {
		t.Errorf("the listing has %d connections, not the %d that there are", len(got), len(want))
	}
}

// wantNoSecrets fails where a text holds a key or an e-mail address.
func wantNoSecrets(t *testing.T, text string, keys fake.Keys) {
	t.Helper()
	for _, hidden := range []string{keys.API, keys.App, keys.Token, "@"} {
		if strings.Contains(text, hidden) {
			t.Errorf("%q holds %q", text, hidden)
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
