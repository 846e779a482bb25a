package collector

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/policy"
)

// Inventory is the consumer's side of [inventory.Inventory].
type Inventory interface {
	// Refresh lists the orgs whose listings are due. It returns when they are done
	// or when ctx ends.
	Refresh(ctx context.Context)
	// View returns the present state without refreshing it.
	View() inventory.View
}

// Judge is the consumer's side of [policy.Judge]. What it returns is nil without a
// policy.
type Judge interface {
	Judge(view inventory.View, now time.Time) (*policy.Policy, *policy.Judgement)
}

// Collector shows an inventory as metrics. It can be registered with any registry.
type Collector struct {
	inventory Inventory
	wait      time.Duration
}

// New returns a collector of an inventory. Every collection refreshes the inventory
// first, and waits for that no longer than wait. If wait is 0, it does not refresh:
// that is for callers who do so themselves before they gather.
func New(inv Inventory, wait time.Duration) *Collector { return &Collector{inv, wait} }

// Describe implements [prometheus.Collector].
func (*Collector) Describe(ch chan<- *prometheus.Desc) {
	describe(ch, inventoryMetrics)
	describe(ch, changeMetrics)
	describe(ch, listingMetrics)
}

// Collect implements [prometheus.Collector].
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	if c.wait > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), c.wait)
		defer cancel()
		c.inventory.Refresh(ctx)
	}
	view := c.inventory.View()
	changes, _ := ChangeFamily(view.History, time.Now())
	output{ch}.families(append(InventoryFamilies(view.Snapshot), changes))
	output{ch}.listings(view)
}

// ListingsCollector shows how the listings of the orgs went, and what counts changes.
// It is the part of [Collector] that changes with every refresh.
type ListingsCollector struct{ View inventory.View }

// Describe implements [prometheus.Collector].
func (ListingsCollector) Describe(ch chan<- *prometheus.Desc) {
	describe(ch, changeMetrics)
	describe(ch, listingMetrics)
}

// Collect implements [prometheus.Collector].
func (c ListingsCollector) Collect(ch chan<- prometheus.Metric) { output{ch}.listings(c.View) }

// PolicyCollector shows how an inventory compares with a policy. It is separate from
// [Collector], so that its metrics are only there where a policy is.
type PolicyCollector struct {
	inventory Inventory
	judge     Judge
}

// NewPolicyCollector returns a collector that never refreshes the inventory.
func NewPolicyCollector(inv Inventory, judge Judge) *PolicyCollector {
	return &PolicyCollector{inv, judge}
}

// Describe implements [prometheus.Collector].
func (*PolicyCollector) Describe(ch chan<- *prometheus.Desc) { describe(ch, policyMetrics) }

// Collect implements [prometheus.Collector].
func (c *PolicyCollector) Collect(ch chan<- prometheus.Metric) {
	output{ch}.families(PolicyFamilies(c.judge.Judge(c.inventory.View(), time.Now())))
}

// output sends the metrics of one collection.
type output struct{ ch chan<- prometheus.Metric }

func (o output) families(families []Family) {
	for _, f := range families {
		for n := range f.Size {
			labels := make([]string, len(f.Labels))
			o.put(f.Metric, f.Row(n, labels), labels...)
		}
	}
}

// put sends one series. Labels are in the order of the metric's.
func (o output) put(m Metric, value float64, labels ...string) {
	valueType := prometheus.GaugeValue
	if m.Type == counter {
		valueType = prometheus.CounterValue
	}
	desc := descs[m.Name]
	metric, err := prometheus.NewConstMetric(desc, valueType, value, labels...)
	if err != nil {
		metric = prometheus.NewInvalidMetric(desc, err)
	}
	o.ch <- metric
}

// putTime sends a Unix time in seconds, or nothing if t is zero.
func (o output) putTime(m Metric, t time.Time, labels ...string) {
	if !t.IsZero() {
		o.put(m, unixTime(t), labels...)
	}
}

func (o output) listings(view inventory.View) {
	o.put(inventoryComplete, boolValue(view.Complete()))
	o.history(view)
	for _, d := range view.Discoveries {
		if d.Account != nil || d.Err != nil {
			o.put(discoveryUp, boolValue(d.Err == nil), d.Name)
		}
	}
	for _, org := range view.Orgs {
		o.org(org)
		o.api(org)
	}
}

func (o output) history(view inventory.View) {
	o.put(historyWriteFailures, float64(view.WriteFailures))
	if view.History == nil {
		return
	}
	o.putTime(historyStart, view.History.Start)
	for kind, count := range view.History.Totals {
		o.put(connectionChanges, float64(count), string(kind))
	}
}

func (o output) org(org inventory.OrgState) {
	o.put(up, boolValue(org.Up), org.Name)
	o.put(listingsTotal, float64(org.Listings), org.Name)
	for reason, count := range org.Failures {
		o.put(listingFailures, float64(count), org.Name, string(reason))
	}
	if org.Listing == nil {
		return
	}
	o.put(listingComplete, boolValue(org.Listing.Complete), org.Name)
	o.putTime(listingLastSuccess, org.Listing.Began.Add(org.Listing.Duration), org.Name)
	o.put(listingDuration, org.Listing.Duration.Seconds(), org.Name)
	o.put(listingPages, float64(org.Listing.Pages), org.Name)
	o.put(listingConnections, float64(len(org.Listing.Connections)), org.Name)
}

func (o output) api(org inventory.OrgState) {
	for reason, count := range org.Stats.Retries {
		o.put(apiRetries, float64(count), org.Name, string(reason))
	}
	limit := org.Stats.RateLimit
	if limit == nil {
		return
	}
	// The API may leave out any of these: see datadog.RateLimit.
	if limit.Limit >= 0 {
		o.put(rateLimit, float64(limit.Limit), org.Name, limit.Name)
	}
	if limit.Remaining >= 0 {
		o.put(rateLimitRemaining, float64(limit.Remaining), org.Name, limit.Name)
	}
	if limit.Period > 0 {
		o.put(rateLimitPeriod, limit.Period.Seconds(), org.Name, limit.Name)
	}
	o.putTime(rateLimitReset, limit.ResetAt, org.Name, limit.Name)
}
