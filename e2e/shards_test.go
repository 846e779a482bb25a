package e2e

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// Each org as a target of its own must add up to what the one target with all of
// them shows: who changes from one to the other sees the same account.
func TestProbeConfig_ShowsSameAsSingleTarget(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	// Listed once: what is compared is as old in all places.
	exporter := startExporter(t, a.configure(t, a.Orgs()), "--cache.ttl=1h")
	merged := startPrometheus(t, readDeployed(t, "prometheus.yml").from(exporter))
	perOrg := startPrometheus(t, readDeployed(t, "prometheus-probe.yml").from(exporter))

	eventually(t, "one target for all, which shows the account", func() error {
		now := merged.lately()
		return cmp.Or(now.scrapes(t, []string{strings.TrimPrefix(exporter.base, "http://")}), now.shows(t, a))
	})
	eventually(t, "one target per org, which show the account", func() error {
		now := perOrg.lately()
		return cmp.Or(now.scrapes(t, namesOf(a.Orgs())), now.shows(t, a), now.showsEachApart(t, a))
	})
	if got := exporter.scrape(t).labelled("datadog_org_connection_info", "connection_id"); !slices.Equal(got, a.all()) {
		t.Errorf("/metrics has %d connections, and not those of the account", len(got))
	}

	// However many scrape, and whatever: Datadog is asked no more often.
	if n := a.Requests(); n != orgs {
		t.Errorf("the API got %d requests, want one for each of %d orgs", n, orgs)
	}
}

// showsEachApart tells what keeps each target from showing the connections of its
// org, and no others. All orgs are configured, so that each connection is there
// twice: why deploy/prometheus says how to count.
func (m moment) showsEachApart(t *testing.T, a account) error {
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
