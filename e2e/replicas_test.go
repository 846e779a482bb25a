package e2e

import (
	"cmp"
	"testing"

	"datadog_org_connections_exporter/datadog/fake"
)

// Several exporters list the orgs, each with the keys of its own only, as the
// comments in prometheus-probe.yml say.
func TestProbeConfig_SharesOrgsAmongExporters(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	halves := [][]fake.Org{a.Orgs()[:orgs/2], a.Orgs()[orgs/2:]}
	first := startExporter(t, a.configure(t, halves[0]))
	second := startExporter(t, a.configure(t, halves[1]))
	server := startPrometheus(t, readDeployed(t, "prometheus-probe.yml").from(first).
		uncomment("- url: http://exporter-b:10187/sd").replace("http://exporter-b:10187", second.base))

	eventually(t, "the orgs of both exporters, which show the account", func() error {
		now := server.lately()
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
