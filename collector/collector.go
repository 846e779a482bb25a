package collector

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"datadog_org_connections_exporter/internal/inventory"
)

// Inventory is what the collector shows: the consumer's side of
// [inventory.Inventory].
type Inventory interface {
	// Refresh brings up to date what is due, as long as ctx lasts.
	Refresh(ctx context.Context)
	// View tells what is known now.
	View() inventory.View
}

// Collector shows an inventory as metrics. It can be registered anywhere.
type Collector struct {
	inventory Inventory
	wait      time.Duration
}

// New makes a collector. wait is how long a collection waits for a refresh that
// is due; what is known is shown when it is over. Zero does not wait: for those
// who refresh the inventory themselves before they gather.
func New(i Inventory, wait time.Duration) *Collector {
	return &Collector{inventory: i, wait: wait}
}

// Describe implements [prometheus.Collector].
func (*Collector) Describe(ch chan<- *prometheus.Desc) {
	describe(ch, inventoryTable, listingTable)
}

// Collect implements [prometheus.Collector].
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	if c.wait > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), c.wait)
		defer cancel()
		c.inventory.Refresh(ctx)
	}
	view := c.inventory.View()
	out := output{ch}
	out.families(InventoryFamilies(view.Snapshot))
	out.listings(view)
}

// ListingsCollector shows the state of the orgs' listings, and nothing of what they
// list. It is the part of [Collector] that changes with every refresh.
type ListingsCollector struct{ View inventory.View }

// Describe implements [prometheus.Collector].
func (ListingsCollector) Describe(ch chan<- *prometheus.Desc) {
	describe(ch, listingTable)
}

// Collect implements [prometheus.Collector].
func (l ListingsCollector) Collect(ch chan<- prometheus.Metric) {
	output{ch}.listings(l.View)
}

// output is the channel of one collection.
type output struct{ ch chan<- prometheus.Metric }

func (o output) families(families []Family) {
	for _, f := range families {
		for n := range f.Size {
			labels := make([]string, len(f.Labels))
			o.put(f.Metric, f.Row(n, labels), labels...)
		}
	}
}

// put shows one value. Labels are in the order of the metric's.
func (o output) put(m Metric, value float64, labels ...string) {
	kind := prometheus.GaugeValue
	if m.Type == counter {
		kind = prometheus.CounterValue
	}
	desc := descs[m.Name]
	metric, err := prometheus.NewConstMetric(desc, kind, value, labels...)
	if err != nil {
		metric = prometheus.NewInvalidMetric(desc, err)
	}
	o.ch <- metric
}

func (o output) putBool(m Metric, value bool, labels ...string) {
	if value {
		o.put(m, 1, labels...)
	} else {
		o.put(m, 0, labels...)
	}
}

// putTime shows a Unix time, and nothing where there is none.
func (o output) putTime(m Metric, t time.Time, labels ...string) {
	if !t.IsZero() {
		o.put(m, unixTime(t), labels...)
	}
}

func (o output) listings(view inventory.View) {
	o.putBool(inventoryComplete, view.Complete)
	for _, org := range view.Orgs {
		o.org(org)
		o.api(org)
	}
}

func (o output) org(org inventory.OrgState) {
	o.putBool(up, org.Up, org.Name)
	o.put(listings, float64(org.Listings), org.Name)
	for reason, count := range org.Failures {
		o.put(failures, float64(count), org.Name, string(reason))
	}
	if org.Listing == nil {
		return
	}
	o.putBool(complete, org.Listing.Complete, org.Name)
	o.putTime(lastSuccess, org.Listing.Began.Add(org.Listing.Duration), org.Name)
	o.put(duration, org.Listing.Duration.Seconds(), org.Name)
	o.put(pages, float64(org.Listing.Pages), org.Name)
	o.put(listed, float64(len(org.Listing.Connections)), org.Name)
}

func (o output) api(org inventory.OrgState) {
	for reason, count := range org.Stats.Retries {
		o.put(retries, float64(count), org.Name, string(reason))
	}
	limit := org.Stats.RateLimit
	if limit == nil {
		return
	}
	o.putGiven(rateLimit, limit.Limit, org.Name, limit.Name)
	o.putGiven(rateRemaining, limit.Remaining, org.Name, limit.Name)
	if limit.Period > 0 {
		o.put(ratePeriod, limit.Period.Seconds(), org.Name, limit.Name)
	}
	o.putTime(rateReset, limit.ResetAt, org.Name, limit.Name)
}

// putGiven shows a number that the API gave, and nothing where it gave none.
func (o output) putGiven(m Metric, value int, labels ...string) {
	if value >= 0 {
		o.put(m, float64(value), labels...)
	}
}
