package e2e

import (
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// The queries that deploy/prometheus recommends, for any kind of targets.
const (
	countConnections = `count(count by (connection_id) (datadog_org_connection_info))`
	eachConnection   = `count by (connection_id) (datadog_org_connection_info)`
	perType          = `sum by (connection_type) (max by (source_org_id, sink_org_id, connection_type) (datadog_org_connections))`
	observed         = `max by (org_id) (datadog_org_observed)`
)

// prometheus is a running Prometheus server.
type prometheus struct {
	*process
	api v1.API
}

func startPrometheus(t *testing.T, config deployed) prometheus {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yml")
	write(t, file, config.text)
	// Scrape discovered targets after a second, not after the default of five.
	return runPrometheus(t, file, filepath.Join(dir, "data"), "--scrape.discovery-reload-interval=1s")
}

// runPrometheus starts Prometheus with the data in a directory, if any.
func runPrometheus(t *testing.T, config, data string, args ...string) prometheus {
	t.Helper()
	p := start(t, programs.prometheus, append([]string{
		"--config.file=" + config, "--storage.tsdb.path=" + data, "--web.listen-address=127.0.0.1:0",
	}, args...)...)
	connection, err := api.NewClient(api.Config{Address: p.base})
	if err != nil {
		t.Fatal(err)
	}
	return prometheus{process: p, api: v1.NewAPI(connection)}
}

// moment is a time at which to query a Prometheus, so that the results of several
// queries are consistent.
type moment struct {
	prometheus
	at time.Time
}

// recent returns a moment whose scrapes are complete.
func (p prometheus) recent() moment {
	const timeout = time.Second // of a scrape, see intervals
	return moment{prometheus: p, at: time.Now().Add(-2 * timeout)}
}

func (m moment) query(t *testing.T, query string) (model.Vector, error) {
	t.Helper()
	value, _, _, err := m.api.Query(t.Context(), query, m.at)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", query, err)
	}
	vector, ok := value.(model.Vector)
	if !ok {
		return nil, fmt.Errorf("%s returns a %s, want a vector", query, value.Type())
	}
	return vector, nil
}

// number returns the value of a query with one series.
func (m moment) number(t *testing.T, query string) (float64, error) {
	t.Helper()
	got, err := m.query(t, query)
	if err == nil && len(got) != 1 {
		err = fmt.Errorf("%s returns %d series, want one", query, len(got))
	}
	if err != nil {
		return 0, err
	}
	return float64(got[0].Value), nil
}

// numbers returns the values of a query by one of its labels.
func (m moment) numbers(t *testing.T, query, label string) (map[string]float64, error) {
	t.Helper()
	got, err := m.query(t, query)
	if err != nil {
		return nil, err
	}
	values := map[string]float64{}
	for _, sample := range got {
		values[string(sample.Metric[model.LabelName(label)])] = float64(sample.Value)
	}
	if len(values) != len(got) {
		return nil, fmt.Errorf("%s returns %d series for %d values of %s", query, len(got), len(values), label)
	}
	return values, nil
}

// targets returns the scraped addresses by instance label.
func (p prometheus) targets(t *testing.T) (map[string]string, error) {
	t.Helper()
	got, err := p.api.Targets(t.Context())
	if err != nil {
		return nil, err
	}
	addresses := map[string]string{}
	for _, target := range got.Active {
		scraped, err := url.Parse(target.ScrapeURL)
		if err != nil {
			return nil, err
		}
		instance := string(target.Labels[model.InstanceLabel])
		if before, taken := addresses[instance]; taken {
			return nil, fmt.Errorf("two targets have the instance label %s: %s and %s", instance, before, scraped.Host)
		}
		addresses[instance] = "http://" + scraped.Host
	}
	return addresses, nil
}

// scrapes returns an error unless exactly these instances, sorted, are targets, and all
// are up.
func (m moment) scrapes(t *testing.T, instances []string) error {
	t.Helper()
	targets, err := m.targets(t)
	if err != nil {
		return err
	}
	if got := slices.Sorted(maps.Keys(targets)); !slices.Equal(got, instances) {
		return fmt.Errorf("the targets are %q, want %q", got, instances)
	}
	up, err := m.numbers(t, "up", model.InstanceLabel)
	if err != nil {
		return err
	}
	if len(up) != len(instances) {
		return fmt.Errorf("%d targets have been scraped, want %d", len(up), len(instances))
	}
	for instance, value := range up {
		if value != 1 {
			return fmt.Errorf("%s is not up", instance)
		}
	}
	return nil
}

// shows returns an error unless the recommended queries show the whole account.
func (m moment) shows(t *testing.T, a account) error {
	t.Helper()
	count, err := m.number(t, countConnections)
	if err != nil {
		return err
	}
	if count != connections {
		return fmt.Errorf("%s is %v, want %d", countConnections, count, connections)
	}
	each, err := m.numbers(t, eachConnection, "connection_id")
	if err != nil {
		return err
	}
	if !slices.Equal(slices.Sorted(maps.Keys(each)), a.all()) {
		return fmt.Errorf("%s does not return the connections of the account", eachConnection)
	}
	types, err := m.numbers(t, perType, "connection_type")
	if err != nil {
		return err
	}
	if want := a.perType(); !maps.Equal(types, want) {
		return fmt.Errorf("%s is %v, want %v", perType, types, want)
	}
	seen, err := m.numbers(t, observed, "org_id")
	if err != nil {
		return err
	}
	for _, org := range a.Orgs() {
		if seen[org.ID] != 1 {
			return fmt.Errorf("%s is not observed: %v", org.ID, seen[org.ID])
		}
	}
	return nil
}
