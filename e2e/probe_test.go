package e2e

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"datadog_org_connections_exporter/datadog/fake"
)

// One target per org must show the same account as one target for all: users can change
// from one to the other.
func TestProbeConfig_ShowsSameAsSingleTarget(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	// Listed only once, so that both servers see the same listings.
	exporter := startExporter(t, a.configure(t, a.Orgs()), "--cache.ttl=1h")
	merged := startPrometheus(t, readDeployed(t, "prometheus.yml").from(exporter))
	perOrg := startPrometheus(t, readDeployed(t, "prometheus-probe.yml").from(exporter))

	eventually(t, "one target for all, which shows the account", func() error {
		now := merged.recent()
		return cmp.Or(now.scrapes(t, []string{strings.TrimPrefix(exporter.base, "http://")}), now.shows(t, a))
	})
	eventually(t, "one target per org, which show the account", func() error {
		now := perOrg.recent()
		return cmp.Or(now.scrapes(t, namesOf(a.Orgs())), now.shows(t, a), now.showsEachOrg(t, a))
	})
	if got := exporter.scrape(t).labelValues("datadog_org_connection_info", "connection_id"); !slices.Equal(got, a.all()) {
		t.Errorf("/metrics has %d connections, and not those of the account", len(got))
	}

	// The number of scrapes does not change the number of requests to Datadog.
	// A listing takes two: a page, and one that shows that there are no more.
	if n := a.Requests(); n != 2*orgs {
		t.Errorf("the API got %d requests, want two for each of %d orgs", n, orgs)
	}
}

// showsEachOrg returns an error unless each target shows exactly its org's connections.
// All orgs are configured, so each connection is shown twice: this is why
// deploy/prometheus says how to count.
func (m moment) showsEachOrg(t *testing.T, a account) error {
	t.Helper()
	const query = "count by (instance) (datadog_org_connection_info)"
	got, err := m.numbers(t, query, "instance")
	if err != nil {
		return err
	}
	want, ends := map[string]float64{}, 0
	for _, org := range a.Orgs() {
		seen := len(a.Visible(org.ID))
		want[nameOf(org)] = float64(seen)
		ends += seen
	}
	if ends != 2*connections {
		return fmt.Errorf("the orgs see %d ends of %d connections, want two of each", ends, connections)
	}
	if !maps.Equal(got, want) {
		return fmt.Errorf("%s is %v, want %v", query, got, want)
	}
	return nil
}

// Several exporters share the orgs, each with its own keys, as the comments in
// prometheus-probe.yml say.
func TestProbeConfig_SharesOrgsAmongExporters(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	halves := [][]fake.Org{a.Orgs()[:orgs/2], a.Orgs()[orgs/2:]}
	first := startExporter(t, a.configure(t, halves[0]))
	second := startExporter(t, a.configure(t, halves[1]))
	server := startPrometheus(t, readDeployed(t, "prometheus-probe.yml").from(first).
		uncomment("- url: http://exporter-b:10187/sd").replace("http://exporter-b:10187", second.base))

	eventually(t, "the orgs of both exporters, which show the account", func() error {
		now := server.recent()
		return cmp.Or(now.scrapes(t, namesOf(a.Orgs())), now.shows(t, a))
	})

	targets, err := server.targets(t)
	if err != nil {
		t.Fatal(err)
	}
	for n, exporter := range []*process{first, second} {
		for _, name := range namesOf(halves[n]) {
			if targets[name] != exporter.base {
				t.Errorf("%s is probed at %s, want %s, which has its keys", name, targets[name], exporter.base)
			}
		}
	}
}

// Several Prometheus servers share the orgs with hashmod, as the comments in
// prometheus-probe.yml say.
func TestProbeConfig_SharesOrgsAmongServers(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	exporter := startExporter(t, a.configure(t, a.Orgs()))
	sharded := readDeployed(t, "prometheus-probe.yml").from(exporter).uncomment("relabel_configs:")
	servers := []prometheus{
		startPrometheus(t, sharded),
		startPrometheus(t, sharded.replace(`regex: "0"`, `regex: "1"`)),
	}

	eventually(t, "each org to have one server, and the account to be in both together", func() error {
		var shared []string
		ids := map[string]bool{}
		for _, server := range servers {
			targets, err := server.targets(t)
			if err != nil {
				return err
			}
			if len(targets) == 0 || len(targets) == orgs {
				return fmt.Errorf("a server has %d targets, want some", len(targets))
			}
			share := slices.Sorted(maps.Keys(targets))
			now := server.recent()
			if err := now.scrapes(t, share); err != nil {
				return err
			}
			each, err := now.numbers(t, eachConnection, "connection_id")
			if err != nil {
				return err
			}
			shared = append(shared, share...)
			for id := range each {
				ids[id] = true
			}
		}
		slices.Sort(shared)
		if want := namesOf(a.Orgs()); !slices.Equal(shared, want) {
			return fmt.Errorf("the servers have %q, want %q", shared, want)
		}
		if !slices.Equal(slices.Sorted(maps.Keys(ids)), a.all()) {
			return errors.New("they show other connections than the account has")
		}
		return nil
	})
}

// An org that is removed from the configuration is no longer a target in Prometheus.
func TestReload_RemovesTargetOfRemovedOrg(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	file := a.configure(t, a.Orgs())
	exporter := startExporter(t, file)
	server := startPrometheus(t, readDeployed(t, "prometheus-probe.yml").from(exporter))
	eventually(t, "all orgs", func() error { return server.recent().scrapes(t, namesOf(a.Orgs())) })

	gone := a.Orgs()[orgs/3]
	left := a.without(gone.ID)
	if slices.Contains(namesOf(left), nameOf(gone)) {
		t.Fatal("the org has the name of another")
	}
	a.reconfigure(t, file, left)
	exporter.sendSIGHUP(t)
	eventually(t, "all orgs but the one that is gone", func() error { return server.recent().scrapes(t, namesOf(left)) })
	// Its connections are still listed with the keys of the orgs at their other ends.
	if got := exporter.scrape(t).labelValues("datadog_org_connection_info", "connection_id"); !slices.Equal(got, a.seenBy(left)) {
		t.Errorf("/metrics has %d connections, and not the %d that the orgs left see", len(got), len(a.seenBy(left)))
	}
}
