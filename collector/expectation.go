package collector

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"datadog_org_connections_exporter/inventory"
	"datadog_org_connections_exporter/policy"
)

// Judge holds what is known against a policy: the consumer's side of
// [policy.Current].
type Judge interface {
	Judge(view inventory.View, now time.Time) (*policy.Policy, *policy.Judgement)
}

// Expectation shows what a policy makes of an inventory. It is a
// [prometheus.Collector] of its own: only who has a policy shows it.
type Expectation struct {
	inventory Inventory
	judge     Judge
	descs     map[string]*prometheus.Desc
}

// NewExpectation makes one that shows the inventory as it is known, without
// refreshing it.
func NewExpectation(i Inventory, judge Judge) *Expectation {
	return &Expectation{inventory: i, judge: judge, descs: descsOf(expectationTable)}
}

// Describe implements [prometheus.Collector].
func (e *Expectation) Describe(ch chan<- *prometheus.Desc) {
	for _, desc := range e.descs {
		ch <- desc
	}
}

// Collect implements [prometheus.Collector].
func (e *Expectation) Collect(ch chan<- prometheus.Metric) {
	rules, judgement := e.judge.Judge(e.inventory.View(), time.Now())
	if rules == nil {
		return
	}
	out := output{descs: e.descs, ch: ch}
	for _, s := range judgement.Unexpected {
		out.put(unexpected, float64(len(s.Connections)), s.Source.ID, s.Source.Name, s.Sink.ID, s.Sink.Name, s.Type)
	}
	for _, m := range judgement.Missing {
		out.put(missing, 1, m.Rule.Name, m.Type)
	}
	for _, rule := range rules.Rules {
		out.putTime(ruleExpiry, rule.Expires, rule.Name)
	}
	out.put(ruleCount, float64(len(rules.Rules)))
}
