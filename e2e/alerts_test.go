package e2e

import (
	"sync"
	"testing"
)

// scenarios have one account each, and run in parallel.
var scenarios = []struct {
	name string
	run  func(s *stack)
}{
	{"connections change", connectionsChange},
	{"creators and policy change", creatorsAndPolicyChange},
	{"the API fails for hours", apiFailsForHours},
	{"orgs fail differently", orgsFailDifferently},
	{"short failures", shortFailures},
	{"keys are revoked", keysAreRevoked},
	{"exporters restart", exportersRestart},
	{"an exporter with a state directory is down", exporterRemembers},
	{"an exporter without a state directory is down", exporterForgets},
	{"Prometheus and Alertmanager restart", prometheusAndAlertmanagerRestart},
	{"an org is removed from the configuration", orgIsRemovedFromConfiguration},
	{"the exporter was never started", exporterNeverStarted},
	{"one target per org", oneTargetPerOrg},
}

// A change must never be missed. An outage, a restart, a rename or a rate limit must
// never look like a change.
//
// This test runs alone, before the parallel tests: its time is scaled, and a busy
// machine would distort it.
func TestAlerts_MatchEvents(t *testing.T) {
	stacks := make([]*stack, len(scenarios))
	var all sync.WaitGroup
	for n, scenario := range scenarios {
		all.Go(func() {
			t.Run(scenario.name, func(t *testing.T) {
				s := newStack(t)
				stacks[n] = s
				t.Cleanup(func() { t.Logf("%s:\n%s", scenario.name, table(s.steps)) })
				scenario.run(s)
				s.expectNoAlerts("the end", 18)
			})
		})
	}
	all.Wait()
	checkEveryAlertFired(t, stacks)
}

// checkEveryAlertFired fails if no scenario expects an alert.
func checkEveryAlertFired(t *testing.T, stacks []*stack) {
	t.Helper()
	expected := map[string]bool{}
	for _, s := range stacks {
		if s == nil {
			return // -run selected only some scenarios
		}
		for _, happened := range s.steps {
			for _, n := range happened.alerts {
				expected[n.alert] = true
			}
		}
	}
	for alert := range alertKinds {
		if !expected[alert] {
			t.Errorf("no scenario expects %s", alert)
		}
	}
}
