package e2e

import (
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"datadog_org_connections_exporter/datadog/fake"
)

// The account's size. Each org has connections with about fifteen others.
const (
	orgs        = 40
	connections = 300
)

// account is a simulated account, served on the loopback network.
type account struct {
	*fake.Server
	url string
}

func newAccount(t *testing.T) account {
	t.Helper()
	simulated := fake.Mesh(fake.Options{}, orgs, connections, 1)
	server := httptest.NewServer(simulated)
	t.Cleanup(server.Close)
	return account{Server: simulated, url: server.URL}
}

// nameOf returns an org's name in the configuration. It has characters that must be
// escaped in URLs.
func nameOf(org fake.Org) string { return org.Name + " & Söhne/東京" }

// namesOf returns the orgs' names in the configuration, sorted.
func namesOf(orgs []fake.Org) []string {
	var names []string
	for _, org := range orgs {
		names = append(names, nameOf(org))
	}
	slices.Sort(names)
	return names
}

// configure writes a configuration file with these orgs, each with its access token in a
// file.
func (a account) configure(t *testing.T, orgs []fake.Org) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "exporter.yml")
	for _, org := range orgs {
		write(t, filepath.Join(filepath.Dir(file), org.ID), a.Keys(org.ID).Token+"\n")
	}
	a.reconfigure(t, file, orgs)
	return file
}

// reconfigure replaces a configuration file by one with fewer orgs.
func (a account) reconfigure(t *testing.T, file string, orgs []fake.Org) {
	t.Helper()
	var text strings.Builder
	text.WriteString("orgs:\n")
	for _, org := range orgs {
		fmt.Fprintf(&text, "  - name: %q\n    api_url: %q\n    access_token_file: %q\n", nameOf(org), a.url, org.ID)
	}
	write(t, file, text.String())
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// seenBy returns the sorted ids of the connections that the orgs' keys list.
func (a account) seenBy(orgs []fake.Org) []string {
	ids := map[string]bool{}
	for _, org := range orgs {
		for _, c := range a.Visible(org.ID) {
			ids[c.ID] = true
		}
	}
	return slices.Sorted(maps.Keys(ids))
}

// all returns the sorted ids of all connections.
func (a account) all() []string {
	var ids []string
	for _, c := range a.Connections() {
		ids = append(ids, c.ID)
	}
	slices.Sort(ids)
	return ids
}

// perType counts the connections of each type.
func (a account) perType() map[string]float64 {
	counts := map[string]float64{}
	for _, c := range a.Connections() {
		for _, kind := range c.Types {
			counts[kind]++
		}
	}
	return counts
}

// without returns the orgs except those with these ids.
func (a account) without(ids ...string) []fake.Org {
	return slices.DeleteFunc(a.Orgs(), func(o fake.Org) bool { return slices.Contains(ids, o.ID) })
}

// org returns the org with this id.
func (a account) org(t *testing.T, id string) fake.Org {
	t.Helper()
	for _, org := range a.Orgs() {
		if org.ID == id {
			return org
		}
	}
	t.Fatalf("there is no org %s", id)
	return fake.Org{}
}
