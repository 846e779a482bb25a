package e2e

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
)

// Several Prometheus servers share the orgs among them with hashmod, as the
// comments in prometheus-probe.yml say.
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
			now := server.lately()
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
