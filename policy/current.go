package policy

import (
	"sync"
	"time"

	"datadog_org_connections_exporter/inventory"
)

// Current is the policy in force, which may be replaced. Judging the same snapshot
// again costs nothing until a rule expires.
type Current struct {
	mu     sync.Mutex
	policy *Policy
	last   judged
}

// judged is a judgement and what it holds for.
type judged struct {
	judgement Judgement
	snapshot  *inventory.Snapshot
	whole     bool
	from      time.Time
	until     time.Time // when the next rule expires, zero where none does
}

// Set puts a policy in force.
func (c *Current) Set(p *Policy) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.policy = p
	c.last = judged{}
}

// Judge holds what is known now against the policy in force. Both are nil before a
// policy is set.
func (c *Current) Judge(view inventory.View, now time.Time) (*Policy, *Judgement) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.policy == nil {
		return nil, nil
	}
	whole := view.Whole()
	if !c.last.holds(view.Snapshot, whole, now) {
		c.last = judged{
			judgement: c.policy.Judge(view.Snapshot, whole, now),
			snapshot:  view.Snapshot,
			whole:     whole,
			from:      now,
			until:     c.policy.nextExpiry(now),
		}
	}
	judgement := c.last.judgement
	return c.policy, &judgement
}

func (j judged) holds(snapshot *inventory.Snapshot, whole bool, now time.Time) bool {
	return j.snapshot == snapshot && j.whole == whole && !now.Before(j.from) && (j.until.IsZero() || now.Before(j.until))
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
