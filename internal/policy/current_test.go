package policy_test

import (
	"testing"
	"time"

	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/policy"
)

func TestJudge_JudgesAgainAfterEveryChange(t *testing.T) {
	rules := "{name: r, source: <a>, sink: <c>, types: [logs], required: true, expires: 2026-12-01}"
	there, gone := snapshot("a>c logs"), snapshot()
	const complete, partly = true, false
	var current policy.Current
	judge := policy.NewJudge(&current)
	if p, j := judge.Judge(inventory.View{Snapshot: there}, today); p != nil || j != nil {
		t.Errorf("without a policy: %+v, %+v", p, j)
	}
	current.Set(parse(t, rules))
	for _, step := range []struct {
		name                         string
		snapshot                     *inventory.Snapshot
		complete                     bool
		now                          time.Time
		unexpected, missing, expired int
	}{
		{"all is well", there, complete, today, 0, 0, 0},
		{"and stays so", there, complete, today.Add(time.Hour), 0, 0, 0},
		{"another snapshot", gone, complete, today.Add(time.Hour), 0, 1, 0},
		{"which is not complete", gone, partly, today.Add(time.Hour), 0, 0, 0},
		{"and complete again", gone, complete, today.Add(time.Hour), 0, 1, 0},
		{"the rule expires", gone, complete, time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), 0, 0, 1},
		{"and allows nothing", there, complete, time.Date(2026, 12, 2, 0, 0, 0, 0, time.UTC), 1, 0, 1},
		{"the clock goes back", there, complete, today, 0, 0, 0},
	} {
		_, j := judge.Judge(inventory.View{Snapshot: step.snapshot, Gaps: gaps(step.complete)}, step.now)
		if len(j.Unexpected) != step.unexpected || len(j.Missing) != step.missing || len(j.Expired) != step.expired {
			t.Errorf("%s: %+v", step.name, j)
		}
	}
	current.Set(parse(t, ""))
	if _, j := judge.Judge(inventory.View{Snapshot: there}, today); len(j.Unexpected) != 1 {
		t.Errorf("with another policy: %+v", j)
	}
}

func TestJudge_ForOrgReportsWhatAllOrgsMiss(t *testing.T) {
	var current policy.Current
	all := inventory.View{Snapshot: snapshot("a>c logs", "b>c logs", "b>c audit")}
	org := inventory.View{Snapshot: snapshot("a>c logs", "a>c audit")}
	judge := policy.NewJudge(&current).ForOrg(func() inventory.View { return all })
	if p, j := judge.Judge(org, today); p != nil || j != nil {
		t.Errorf("without a policy: %+v, %+v", p, j)
	}
	wanted := parse(t, "{name: both, source: [<a>, <b>], sink: <c>, types: [logs], required: true, expires: 2026-12-01}")
	current.Set(wanted)
	judged := func(when string, now time.Time, unexpected, missing, expired int) {
		t.Helper()
		p, j := judge.Judge(org, now)
		if p != wanted || len(j.Unexpected) != unexpected || len(j.Missing) != missing || len(j.Expired) != expired {
			t.Errorf("%s: %+v, %+v", when, p, j)
		}
		if _, again := judge.Judge(org, now); again != j {
			t.Errorf("%s: the same is judged again", when)
		}
	}
	judged("others see the rest", today, 1, 0, 0)
	all.Snapshot = snapshot("a>c logs")
	judged("nobody sees the rest", today, 1, 1, 0)
	all.Gaps = gaps(false)
	judged("somebody may see it", today, 1, 0, 0)
	org.Snapshot = snapshot("a>c audit", "a>b audit")
	judged("another snapshot of the org", today, 2, 0, 0)
	all.Gaps = gaps(true)
	judged("the rule has expired", time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), 2, 0, 1)
}

func gaps(complete bool) []inventory.Gap {
	if complete {
		return nil
	}
	return []inventory.Gap{{Org: "a", Reason: inventory.Stale}}
}
