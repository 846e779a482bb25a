package collector

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/policy"
)

// Judge holds what is known against a policy: the consumer's side of
// [policy.Judge].
type Judge interface {
	Judge(view inventory.View, now time.Time) (*policy.Policy, *policy.Judgement)
}

// Expectation shows what a policy makes of an inventory. It is a
// [prometheus.Collector] of its own: only who has a policy shows it.
type Expectation struct {
	inventory Inventory
	judge     Judge
}

// NewExpectation makes one that shows the inventory as it is known, without
// refreshing it.
func NewExpectation(i Inventory, judge Judge) *Expectation {
	return &Expectation{inventory: i, judge: judge}
}

// Describe implements [prometheus.Collector].
func (*Expectation) Describe(ch chan<- *prometheus.Desc) {
	describe(ch, expectationTable)
}

// Collect implements [prometheus.Collector].
func (e *Expectation) Collect(ch chan<- prometheus.Metric) {
	rules, judgement := e.judge.Judge(e.inventory.View(), time.Now())
	output{ch}.families(PolicyFamilies(rules, judgement))
}
