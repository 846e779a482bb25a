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
	descs     map[string]*prometheus.Desc // by metric name
}

// New makes a collector. wait is how long a collection waits for a refresh that
// is due; what is known is shown when it is over. Zero does not wait: for those
// who refresh the inventory themselves before they gather.
func New(i Inventory, wait time.Duration) *Collector {
	return &Collector{inventory: i, wait: wait, descs: descsOf(inventoryTable, listingTable)}
}

// Describe implements [prometheus.Collector].
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, desc := range c.descs {
		ch <- desc
	}
}

// Collect implements [prometheus.Collector].
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	if c.wait > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), c.wait)
		defer cancel()
		c.inventory.Refresh(ctx)
	}
	view := c.inventory.View()
	out := output{descs: c.descs, ch: ch}
	out.families(inventoryFamilies(view.Snapshot))
	out.listings(view)
}

// listingsOf shows how listing the orgs goes, and nothing of what they list.
type listingsOf struct {
	view  inventory.View
	descs map[string]*prometheus.Desc
}

// Describe implements [prometheus.Collector].
func (l listingsOf) Describe(ch chan<- *prometheus.Desc) {
	for _, desc := range l.descs {
		ch <- desc
	}
}

// Collect implements [prometheus.Collector].
func (l listingsOf) Collect(ch chan<- prometheus.Metric) {
	output{descs: l.descs, ch: ch}.listings(l.view)
}

// output takes the values of one collection.
type output struct {
	descs map[string]*prometheus.Desc
	ch    chan<- prometheus.Metric
}

func (o output) families(families []family) {
	for _, f := range families {
		for n := range f.size {
			labels := make([]string, len(f.Labels))
			o.put(f.Metric, f.row(n, labels), labels...)
		}
	}
}

// put shows one value. Labels are in the order of the metric's.
func (o output) put(m Metric, value float64, labels ...string) {
	kind := prometheus.GaugeValue
	if m.Type == counter {
		kind = prometheus.CounterValue
	}
	desc := o.descs[m.Name]
	for n := range labels {
		labels[n] = valid(labels[n])
	}
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
