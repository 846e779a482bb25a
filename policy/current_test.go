package policy_test

import (
	"testing"
	"time"

	"datadog_org_connections_exporter/inventory"
	"datadog_org_connections_exporter/policy"
)

func TestTheCurrentPolicyJudgesAnewWhenSomethingIsAnother(t *testing.T) {
	rules := "{name: r, source: <a>, sink: <c>, types: [logs], required: true, expires: 2026-12-01}"
	there, gone := snapshot("a>c logs"), snapshot()
	whole := []inventory.OrgState(nil)
	partly := []inventory.OrgState{{Name: "never listed"}}
	var current policy.Current
	judge := policy.NewJudge(&current)
	if p, j := judge.Judge(inventory.View{Snapshot: there}, today); p != nil || j != nil {
		t.Errorf("without a policy: %+v, %+v", p, j)
	}
	current.Set(parse(t, rules))
	for _, step := range []struct {
		name                         string
		snapshot                     *inventory.Snapshot
		orgs                         []inventory.OrgState
		now                          time.Time
		unexpected, missing, expired int
	}{
		{"all is well", there, whole, today, 0, 0, 0},
		{"and stays so", there, whole, today.Add(time.Hour), 0, 0, 0},
		{"another snapshot", gone, whole, today.Add(time.Hour), 0, 1, 0},
		{"which is not whole", gone, partly, today.Add(time.Hour), 0, 0, 0},
		{"and whole again", gone, whole, today.Add(time.Hour), 0, 1, 0},
		{"the rule expires", gone, whole, time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), 0, 0, 1},
		{"and allows nothing", there, whole, time.Date(2026, 12, 2, 0, 0, 0, 0, time.UTC), 1, 0, 1},
		{"the clock goes back", there, whole, today, 0, 0, 0},
	} {
		_, j := judge.Judge(inventory.View{Snapshot: step.snapshot, Orgs: step.orgs}, step.now)
		if len(j.Unexpected) != step.unexpected || len(j.Missing) != step.missing || len(j.Expired) != step.expired {
			t.Errorf("%s: %+v", step.name, j)
		}
	}
	current.Set(parse(t, ""))
	if _, j := judge.Judge(inventory.View{Snapshot: there}, today); len(j.Unexpected) != 1 {
		t.Errorf("with another policy: %+v", j)
	}
}
