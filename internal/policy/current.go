package policy

import (
	"sync"
	"time"

	"datadog_org_connections_exporter/internal/inventory"
)

// Current is the policy in force, which may be replaced.
type Current struct {
	mu     sync.Mutex
	policy *Policy
}

// Set puts a policy in force.
func (c *Current) Set(p *Policy) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.policy = p
}

func (c *Current) get() *Policy {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.policy
}

// Judge holds one inventory against the policy in force. Judging the same snapshot
// again costs nothing until a rule expires.
type Judge struct {
	current *Current

	mu   sync.Mutex
	last judged
}

// NewJudge makes one for one inventory.
func NewJudge(current *Current) *Judge { return &Judge{current: current} }

// judged is a judgement and what it holds for.
type judged struct {
	judgement *Judgement
	policy    *Policy
	snapshot  *inventory.Snapshot
	complete  bool
	from      time.Time
	until     time.Time // when the next rule expires, zero where none does
}

// Judge holds what is known now against the policy in force. Both are nil before a
// policy is set. What is given is the same pointer as long as it is the same, and
// not to be changed.
func (j *Judge) Judge(view inventory.View, now time.Time) (*Policy, *Judgement) {
	policy := j.current.get()
	if policy == nil {
		return nil, nil
	}
	return policy, j.by(policy, view.Snapshot, view.Complete, now)
}

func (j *Judge) by(policy *Policy, snapshot *inventory.Snapshot, complete bool, now time.Time) *Judgement {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.last.holds(policy, snapshot, complete, now) {
		judgement := policy.Judge(snapshot, complete, now)
		j.last = judged{
			judgement: &judgement,
			policy:    policy,
			snapshot:  snapshot,
			complete:  complete,
			from:      now,
			until:     policy.nextExpiry(now),
		}
	}
	return j.last.judgement
}

// PartJudge judges a part of an inventory: what is unexpected in the part, and what
// is missing in the account. What one org does not see is not missing for that.
type PartJudge struct {
	account *Judge
	view    func() inventory.View // of the account
	part    *Judge

	mu            sync.Mutex
	inPart, inAll *Judgement // the last ones
	together      *Judgement
}

// Part makes one for a part of the inventory that j judges. view tells what is known
// of the account.
func (j *Judge) Part(view func() inventory.View) *PartJudge {
	return &PartJudge{account: j, view: view, part: NewJudge(j.current)}
}

// Judge is [Judge.Judge] of the part.
func (p *PartJudge) Judge(part inventory.View, now time.Time) (*Policy, *Judgement) {
	policy := p.account.current.get()
	if policy == nil {
		return nil, nil
	}
	all := p.view()
	inPart := p.part.by(policy, part.Snapshot, false, now)
	inAll := p.account.by(policy, all.Snapshot, all.Complete, now)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.inPart != inPart || p.inAll != inAll {
		together := *inPart
		together.Missing = inAll.Missing
		p.inPart, p.inAll, p.together = inPart, inAll, &together
	}
	return policy, p.together
}

func (j judged) holds(policy *Policy, snapshot *inventory.Snapshot, complete bool, now time.Time) bool {
	return j.policy == policy && j.snapshot == snapshot && j.complete == complete &&
		!now.Before(j.from) && (j.until.IsZero() || now.Before(j.until))
}

// nextExpiry is when the next rule expires; zero where none will.
func (p *Policy) nextExpiry(now time.Time) time.Time {
	var next time.Time
	for _, rule := range p.Rules {
		if rule.Expires.After(now) && (next.IsZero() || rule.Expires.Before(next)) {
			next = rule.Expires
		}
	}
	return next
}
