package e2e

import (
	"slices"
	"testing"
)

// An org that leaves the configuration leaves Prometheus by itself.
func TestReload_RemovesTargetOfRemovedOrg(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	file := a.configure(t, a.Orgs())
	exporter := startExporter(t, file)
	server := startPrometheus(t, readDeployed(t, "prometheus-probe.yml").from(exporter))
	eventually(t, "all orgs", func() error { return server.lately().scrapes(t, namesOf(a.Orgs())) })

	gone := a.Orgs()[orgs/3]
	left := a.without(gone.ID)
	if slices.Contains(namesOf(left), nameOf(gone)) {
		t.Fatal("the org has the name of another")
	}
	a.reconfigure(t, file, left)
	exporter.hangUp(t)
	eventually(t, "all orgs but the one that is gone", func() error { return server.lately().scrapes(t, namesOf(left)) })
	// Its connections are still seen from their other ends.
	if got := exporter.scrape(t).labelled("datadog_org_connection_info", "connection_id"); !slices.Equal(got, a.seenBy(left)) {
		t.Errorf("/metrics has %d connections, and not the %d that the orgs left see", len(got), len(a.seenBy(left)))
	}
}
