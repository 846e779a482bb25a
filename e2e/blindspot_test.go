package e2e

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"

	"datadog_org_connections_exporter/datadog/fake"
)

// blindSpotAccount has one org that is not configured, connected with an org whose keys
// are about to be revoked. Only the latter's keys list that connection.
type blindSpotAccount struct {
	account
	outside, revoked fake.Org
	configured       []fake.Org
}

func newBlindSpotAccount(t *testing.T) blindSpotAccount {
	t.Helper()
	a := newAccount(t)
	hidden := a.Connections()[0]
	b := blindSpotAccount{account: a, outside: a.org(t, hidden.SourceID), revoked: a.org(t, hidden.SinkID)}
	b.configured = a.without(b.outside.ID)
	return b
}

// others are the orgs whose keys keep working.
func (b blindSpotAccount) others() []fake.Org { return b.without(b.outside.ID, b.revoked.ID) }

// unobserved returns an error if other orgs than these are shown as not observed.
func unobserved(observed map[string]float64, orgs ...fake.Org) error {
	var want, got []string
	for _, org := range orgs {
		want = append(want, org.ID)
	}
	slices.Sort(want)
	for _, id := range slices.Sorted(maps.Keys(observed)) {
		if observed[id] == 0 {
			got = append(got, id)
		}
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("not observed are %q, want %q", got, want)
	}
	return nil
}

func (s samples) observed() map[string]float64 {
	of := map[string]float64{}
	for _, id := range s.labelValues("datadog_org_observed", "org_id") {
		of[id], _ = s.value("datadog_org_observed", "org_id", id)
	}
	return of
}

// Revoked keys make an org unobserved. They do not mean that its connections are gone.
func TestRevokedKeys_MakeOrgUnobservedAndKeepConnections(t *testing.T) {
	t.Parallel()
	b := newBlindSpotAccount(t)
	exporter := startExporter(t, b.configure(t, b.configured), "--cache.ttl=1s")
	server := startPrometheus(t, readDeployed(t, "prometheus-probe.yml").from(exporter))
	eventually(t, "one org that is not observed", func() error { return unobserved(exporter.scrape(t).observed(), b.outside) })
	eventually(t, "one org that is not observed in Prometheus", func() error {
		of, err := server.recent().numbers(t, observed, "org_id")
		if err == nil && len(of) != orgs {
			err = fmt.Errorf("it knows %d orgs, want %d", len(of), orgs)
		}
		if err != nil {
			return err
		}
		return unobserved(of, b.outside)
	})

	b.RevokeKeys(b.revoked.ID)
	eventually(t, "two orgs that are not observed", func() error {
		shown := exporter.scrape(t)
		if got := shown.labelValues("datadog_org_connection_info", "connection_id"); !slices.Equal(got, b.all()) {
			t.Fatalf("%d connections are left, want all of %d", len(got), connections)
		}
		return unobserved(shown.observed(), b.outside, b.revoked)
	})
	eventually(t, "two orgs that are not observed in Prometheus", func() error {
		of, err := server.recent().numbers(t, observed, "org_id")
		if err != nil {
			return err
		}
		return unobserved(of, b.outside, b.revoked)
	})
	if up, err := exporter.scrape(t).value("datadog_up", "org", nameOf(b.revoked)); err != nil || up != 0 {
		t.Errorf("datadog_up of the org whose keys are revoked is %v (%v), want 0", up, err)
	}
	// Its scrapes still succeed: its target shows that the listing fails.
	eventually(t, "all targets to be up", func() error { return server.recent().scrapes(t, namesOf(b.configured)) })
}

// In the end, only connections that working keys list are shown.
func TestRevokedKeys_ExpireConnectionsAfterMaxStale(t *testing.T) {
	t.Parallel()
	b := newBlindSpotAccount(t)
	exporter := startExporter(t, b.configure(t, b.configured), "--cache.ttl=1s", "--cache.max-stale=5s")
	connectionIDs := func() []string {
		return exporter.scrape(t).labelValues("datadog_org_connection_info", "connection_id")
	}
	eventually(t, "all connections", func() error {
		if got := connectionIDs(); !slices.Equal(got, b.all()) {
			return fmt.Errorf("there are %d, want %d", len(got), connections)
		}
		return nil
	})
	seen := b.seenBy(b.others())
	if len(seen) >= connections {
		t.Fatal("the others list everything: the test would check nothing")
	}

	b.RevokeKeys(b.revoked.ID)
	eventually(t, "what others see, and no more", func() error {
		got := connectionIDs()
		for _, id := range seen {
			if _, shown := slices.BinarySearch(got, id); !shown {
				t.Fatalf("%s is gone, although other keys list it", id)
			}
		}
		if len(got) > len(seen) {
			return fmt.Errorf("there are %d connections, want the %d that others see", len(got), len(seen))
		}
		return nil
	})
}

// The account's own list of orgs shows a blind spot that has no connection yet.
func TestDiscovery_ShowsOrgsWithoutConnections(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	lonely := a.org(t, a.AddOrg(fake.Org{Name: "Acme Lonely"}))
	configured, parent := a.without(lonely.ID), a.Orgs()[0]
	file := a.configure(t, configured)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, fmt.Sprintf("%sdiscovery:\n  - api_url: %q\n    access_token_file: %q\n", text, a.url, parent.ID))
	exporter := startExporter(t, file, "--cache.ttl=1s")
	server := startPrometheus(t, readDeployed(t, "prometheus-probe.yml").from(exporter))
	eventually(t, "the org without connections to be the only blind spot", func() error {
		of, err := server.recent().numbers(t, observed, "org_id")
		if err == nil && len(of) != orgs+1 {
			err = fmt.Errorf("it knows %d orgs, want %d", len(of), orgs+1)
		}
		if err != nil {
			return err
		}
		return unobserved(of, lonely)
	})
	if got := exporter.scrape(t).labelValues("datadog_org_connection_info", "connection_id"); !slices.Equal(got, a.all()) {
		t.Errorf("%d connections are shown, want all %d", len(got), connections)
	}
}
