package e2e

import (
	"errors"
	"fmt"
	"math"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"datadog_org_connections_exporter/datadog/fake"
)

// stack is everything from the simulated API to the receiver of notifications, as in
// deploy/ but scaled: exporters, Prometheus with the rules, Alertmanager.
type stack struct {
	t *testing.T
	*fake.Server
	api          string            // URL of the simulated API
	configNames  map[string]string // names of orgs in the configuration, by org id
	dir          string
	exporters    []*process // targets of Prometheus
	prometheus   prometheus
	alertmanager *process
	receiver     *receiver
	checked      int    // number of notifications that were checked
	storage      string // state directory of the exporters, if any
	memory       int    // for how many hours the rules go on with what is out of sight; 0: as deployed
	steps        []step
}

// newStack returns a stack with an empty account, in which no program runs yet.
func newStack(t *testing.T) *stack {
	t.Helper()
	s := &stack{t: t, Server: fake.New(fake.Options{}), configNames: map[string]string{}, dir: t.TempDir(), receiver: newReceiver(t)}
	server := httptest.NewServer(s.Server)
	t.Cleanup(server.Close)
	s.api = server.URL
	s.setPolicy()
	return s
}

// org adds an org to the account.
func (s *stack) org(o fake.Org) (id string) {
	id = s.AddOrg(o)
	s.configNames[id] = "keys of " + o.Name
	return id
}

// nameOf returns the current name of an org.
func (s *stack) nameOf(id string) string {
	return account{Server: s.Server}.org(s.t, id).Name
}

func (s *stack) file(name string) string { return filepath.Join(s.dir, name) }

// configuration is the default configuration file of an exporter.
const configuration = "exporter.yml"

// configure writes the configuration file, with the keys of these orgs.
func (s *stack) configure(orgs ...string) {
	s.t.Helper()
	s.configureAs(configuration, orgs...)
}

func (s *stack) configureAs(name string, orgs ...string) {
	s.t.Helper()
	var text strings.Builder
	// A listing has several pages. The pause before a retry, half a second and more,
	// cannot be scaled.
	text.WriteString("defaults: {timeout: 2s, page_size: 2}\norgs:\n")
	for _, id := range orgs {
		write(s.t, s.file(id), s.Keys(id).Token+"\n")
		fmt.Fprintf(&text, "  - name: %q\n    api_url: %q\n    access_token_file: %q\n", s.configNames[id], s.api, id)
	}
	write(s.t, s.file(name), text.String())
}

// rule is a rule of the policy.
type rule struct {
	name, source, sink string
	types              []string
	more               string // further settings
}

// setPolicy writes the policy file.
func (s *stack) setPolicy(rules ...rule) {
	s.t.Helper()
	var text strings.Builder
	text.WriteString("rules:\n")
	for _, r := range rules {
		fmt.Fprintf(&text, "  - {name: %q, source: %q, sink: %q, types: [%s]%s}\n", r.name, r.source, r.sink, strings.Join(r.types, ", "), r.more)
	}
	if len(rules) == 0 {
		text.WriteString("  []\n")
	}
	write(s.t, s.file("policy.yml"), text.String())
}

const anyAddress = "127.0.0.1:0"

// startExporter starts an exporter with the default configuration.
func (s *stack) startExporter(address string) *process {
	s.t.Helper()
	return s.startExporterWith(configuration, address)
}

func (s *stack) startExporterWith(configuration, address string) *process {
	s.t.Helper()
	args := []string{
		"--web.listen-address=" + address, "--config.file=" + s.file(configuration), "--policy.file=" + s.file("policy.yml"),
		"--cache.ttl=" + scale(s.t, "1m"), "--cache.max-stale=" + scale(s.t, "1h"),
	}
	if s.storage != "" {
		args = append(args, "--storage.path="+s.storage)
	}
	return start(s.t, programs.exporter, args...)
}

// reload makes the exporters reload their files.
func (s *stack) reload() {
	for _, exporter := range s.exporters {
		exporter.sendSIGHUP(s.t)
	}
}

// start starts all programs, with one exporter.
func (s *stack) start() {
	s.t.Helper()
	s.alertmanager = s.startAlertmanager(anyAddress)
	s.exporters = []*process{s.startExporter(anyAddress)}
	s.configurePrometheus()
	s.prometheus = s.startPrometheus("prometheus")
}

func (s *stack) startAlertmanager(address string) *process {
	s.t.Helper()
	write(s.t, s.file("alertmanager.yml"), adaptAlertmanager(s.t, s.receiver.url))
	return start(s.t, programs.alertmanager, "--config.file="+s.file("alertmanager.yml"),
		"--storage.path="+s.file("alertmanager"), "--web.listen-address="+address, "--cluster.listen-address=")
}

// configurePrometheus makes Prometheus scrape the exporters, each with all its orgs.
func (s *stack) configurePrometheus() {
	s.t.Helper()
	var targets []string
	for _, exporter := range s.exporters {
		targets = append(targets, address(exporter))
	}
	s.writePrometheus(readDeployed(s.t, "prometheus.yml").replace("localhost:10187", strings.Join(targets, `", "`)))
}

// writePrometheus writes Prometheus's configuration and the rules.
func (s *stack) writePrometheus(config deployed) {
	s.t.Helper()
	rules := s.file("rules")
	if err := os.MkdirAll(rules, 0o700); err != nil {
		s.t.Fatal(err)
	}
	for name, text := range ruleFiles(s.t) {
		if s.memory != 0 {
			text = strings.ReplaceAll(text, "24 * 3600", strconv.Itoa(s.memory)+" * 3600")
		}
		write(s.t, filepath.Join(rules, name), scaleRules(s.t, text))
	}
	config = config.replace("localhost:9093", address(s.alertmanager))
	write(s.t, s.file("prometheus.yml"), "global: {evaluation_interval: "+scale(s.t, "1m")+"}\n"+config.text)
}

func address(p *process) string { return strings.TrimPrefix(p.base, "http://") }

// startPrometheus starts Prometheus with the data in a directory.
func (s *stack) startPrometheus(data string) prometheus {
	s.t.Helper()
	return runPrometheus(s.t, s.file("prometheus.yml"), s.file(data),
		// The defaults, scaled.
		"--query.lookback-delta="+scale(s.t, "5m"),
		"--rules.alert.for-grace-period="+scale(s.t, "10m"),
		"--rules.alert.for-outage-tolerance="+scale(s.t, "1h"),
		// Alertmanager resolves an alert that is not sent again within four times this
		// delay. Programs start no faster here, so it must be longer than a restart.
		"--rules.alert.resend-delay=15s")
}

// evaluations returns how often every rule was evaluated since Prometheus started.
func (s *stack) evaluations() int {
	s.t.Helper()
	const scheduled, missed = "prometheus_rule_group_iterations_total", "prometheus_rule_group_iterations_missed_total"
	shown := s.prometheus.scrape(s.t)
	groups := shown.labelValues(missed, "rule_group")
	if len(groups) == 0 {
		return 0 // the rules are not loaded yet
	}
	least := math.Inf(1)
	for _, group := range groups {
		all, _ := shown.value(scheduled, "rule_group", group) // 0 if there is none
		skipped, _ := shown.value(missed, "rule_group", group)
		least = min(least, all-skipped)
	}
	return int(least)
}

// waitFor waits until a query returns a result.
func (s *stack) waitFor(query string) {
	s.t.Helper()
	eventually(s.t, query, func() error {
		got, err := moment{prometheus: s.prometheus, at: time.Now()}.query(s.t, query)
		if err == nil && len(got) == 0 {
			err = errors.New("no result")
		}
		return err
	})
}
