package policy

import (
	"sync"
	"sync/atomic"
	"time"

	"datadog_org_connections_exporter/internal/inventory"
)

// Current holds the policy that connections are judged by. The zero value holds none.
type Current struct{ policy atomic.Pointer[Policy] }

// Set replaces the policy.
func (c *Current) Set(p *Policy) { c.policy.Store(p) }

// Judge judges the views of one inventory by the current policy, and caches the last
// judgement. It is safe for concurrent use.
type Judge struct {
	current *Current

	// Of one org's judge only: the judge and the view of all orgs.
	all     *Judge
	allView func() inventory.View

	mu        sync.Mutex
	last      judgedBy
	judgement *Judgement
}

// judgedBy is all that a judgement depends on.
type judgedBy struct {
	policy   *Policy
	snapshot *inventory.Snapshot
	complete bool
	expiry   time.Time  // of the next rule to expire, zero without one
	all      *Judgement // of all orgs, of one org's judge only
}

// NewJudge returns a judge of one inventory.
func NewJudge(current *Current) *Judge { return &Judge{current: current} }

// ForOrg returns a judge of one org's view of the inventory of j: what is unexpected is
// that of the org's view, what is missing is that of all orgs, because one org's
// credentials do not see all connections. view returns the view of all orgs.
func (j *Judge) ForOrg(view func() inventory.View) *Judge {
	return &Judge{current: j.current, all: j, allView: view}
}

// Judge returns the current policy and its judgement of a view; nil without a policy.
// The judgement is the same pointer as long as it has not changed, and must not be
// modified.
func (j *Judge) Judge(view inventory.View, now time.Time) (*Policy, *Judgement) {
	policy := j.current.policy.Load()
	if policy == nil {
		return nil, nil
	}
	return policy, j.judge(policy, view, now)
}

func (j *Judge) judge(policy *Policy, view inventory.View, now time.Time) *Judgement {
	by := judgedBy{policy: policy, snapshot: view.Snapshot, complete: view.Complete(), expiry: policy.nextExpiry(now)}
	if j.all != nil {
		by.complete, by.all = false, j.all.judge(policy, j.allView(), now)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.judgement == nil || j.last != by {
		judgement := policy.Judge(by.snapshot, by.complete, now)
		if by.all != nil {
			judgement.Missing = by.all.Missing
		}
		j.last, j.judgement = by, &judgement
	}
	return j.judgement
}

// nextExpiry returns when the next rule expires, zero if none will.
func (p *Policy) nextExpiry(now time.Time) time.Time {
	var next time.Time
	for _, rule := range p.Rules {
		if rule.Expires.After(now) && (next.IsZero() || rule.Expires.Before(next)) {
			next = rule.Expires
		}
	}
	return next
}
