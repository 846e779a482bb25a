package e2e

import (
	"errors"
	"fmt"
	"math"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"datadog_org_connections_exporter/datadog/fake"
)

// stack is all that stands between an account and those who are told, as deploy/ has
// it: exporters, a Prometheus with the rules, an Alertmanager; only faster.
type stack struct {
	t *testing.T
	*fake.Server
	api          string            // where the account is listed
	named        map[string]string // what the configuration calls an org, by its id
	dir          string
	exporters    []*process // that Prometheus knows
	prometheus   prometheus
	alertmanager *process
	told         *receiver
	heard        int    // notifications that were judged
	memory       string // of the rules, where a day is too long to wait for
	story        []row
}

// newStack has an account, and nothing runs yet.
func newStack(t *testing.T) *stack {
	t.Helper()
	s := &stack{t: t, Server: fake.New(fake.Options{}), named: map[string]string{}, dir: t.TempDir(), told: newReceiver(t)}
	server := httptest.NewServer(s.Server)
	t.Cleanup(server.Close)
	s.api = server.URL
	s.setPolicy()
	return s
}

// org adds one to the account.
func (s *stack) org(o fake.Org) (id string) {
	id = s.AddOrg(o)
	s.named[id] = "keys of " + o.Name
	return id
}

// nameOf is what an org is called now.
func (s *stack) nameOf(id string) string {
	return account{Server: s.Server}.org(s.t, id).Name
}

func (s *stack) file(name string) string { return filepath.Join(s.dir, name) }

// configuration is the file that an exporter loads; another may have its own.
const configuration = "exporter.yml"

// configure writes the configuration: the orgs of which the exporters have keys.
func (s *stack) configure(orgs ...string) {
	s.t.Helper()
	s.configureAs(configuration, orgs...)
}

func (s *stack) configureAs(name string, orgs ...string) {
	s.t.Helper()
	var text strings.Builder
	// A listing has several pages. Retries pause for half a second and more, which
	// cannot be cut.
	text.WriteString("defaults: {timeout: 2s, page_size: 2}\norgs:\n")
	for _, id := range orgs {
		write(s.t, s.file(id), s.Keys(id).Token+"\n")
		fmt.Fprintf(&text, "  - name: %q\n    api_url: %q\n    access_token_file: %q\n", s.named[id], s.api, id)
	}
	write(s.t, s.file(name), text.String())
}

// rule is one of a policy.
type rule struct {
	name, source, sink string
	types              []string
	more               string // further settings
}

// setPolicy writes the policy.
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

// startExporter serves what is configured.
func (s *stack) startExporter(address string) *process {
	s.t.Helper()
	return s.startExporterWith(configuration, address)
}

func (s *stack) startExporterWith(configuration, address string) *process {
	s.t.Helper()
	return start(s.t, programs.exporter, "--web.listen-address="+address,
		"--config.file="+s.file(configuration), "--policy.file="+s.file("policy.yml"),
		"--cache.ttl="+quick(s.t, "1m"), "--cache.max-stale="+quick(s.t, "1h"))
}

// reload has the exporters load their files again.
func (s *stack) reload() {
	for _, exporter := range s.exporters {
		exporter.hangUp(s.t)
	}
}

// start starts everything, with one exporter.
func (s *stack) start() {
	s.t.Helper()
	s.alertmanager = s.startAlertmanager(anyAddress)
	s.exporters = []*process{s.startExporter(anyAddress)}
	s.configurePrometheus()
	s.prometheus = s.startPrometheus("prometheus")
}

func (s *stack) startAlertmanager(address string) *process {
	s.t.Helper()
	write(s.t, s.file("alertmanager.yml"), adaptAlertmanager(s.t, s.told.url))
	return start(s.t, programs.alertmanager, "--config.file="+s.file("alertmanager.yml"),
		"--storage.path="+s.file("alertmanager"), "--web.listen-address="+address, "--cluster.listen-address=")
}

// configurePrometheus has Prometheus scrape the exporters, each with all its orgs.
func (s *stack) configurePrometheus() {
	s.t.Helper()
	var targets []string
	for _, exporter := range s.exporters {
		targets = append(targets, address(exporter))
	}
	s.writePrometheus(readDeployed(s.t, "prometheus.yml").replace("localhost:10187", strings.Join(targets, `", "`)))
}

// writePrometheus writes its configuration, and the rules.
func (s *stack) writePrometheus(config deployed) {
	s.t.Helper()
	rules := s.file("rules")
	if err := os.MkdirAll(rules, 0o700); err != nil {
		s.t.Fatal(err)
	}
	for name, text := range ruleFiles(s.t) {
		if s.memory != "" {
			text = strings.ReplaceAll(text, "[1d]", "["+s.memory+"]")
		}
		write(s.t, filepath.Join(rules, name), quickRules(s.t, text))
	}
	config = config.replace("localhost:9093", address(s.alertmanager))
	write(s.t, s.file("prometheus.yml"), "global: {evaluation_interval: "+quick(s.t, "1m")+"}\n"+config.text)
}

func address(p *process) string { return strings.TrimPrefix(p.base, "http://") }

// startPrometheus has one go on with the data in a directory.
func (s *stack) startPrometheus(data string) prometheus {
	s.t.Helper()
	return runPrometheus(s.t, s.file("prometheus.yml"), s.file(data),
		// The defaults, cut.
		"--query.lookback-delta="+quick(s.t, "5m"),
		"--rules.alert.for-grace-period="+quick(s.t, "10m"),
		"--rules.alert.for-outage-tolerance="+quick(s.t, "1h"),
		// Alertmanager takes an alert for resolved when it was not sent for four times as
		// long. Programs do not start any faster here: that has to last for a restart.
		"--rules.alert.resend-delay=15s")
}

// evaluations is how often every rule was evaluated since Prometheus was started.
func (s *stack) evaluations() int {
	s.t.Helper()
	const scheduled, missed = "prometheus_rule_group_iterations_total", "prometheus_rule_group_iterations_missed_total"
	shown := s.prometheus.scrape(s.t)
	groups := shown.labelled(missed, "rule_group")
	if len(groups) == 0 {
		return 0 // the rules are not loaded yet
	}
	least := math.Inf(1)
	for _, group := range groups {
		all, _ := shown.value(scheduled, "rule_group", group) // none: as good as 0
		skipped, _ := shown.value(missed, "rule_group", group)
		least = min(least, all-skipped)
	}
	return int(least)
}

// sees waits until a query gives something.
func (s *stack) sees(query string) {
	s.t.Helper()
	eventually(s.t, query, func() error {
		got, err := moment{prometheus: s.prometheus, at: time.Now()}.query(s.t, query)
		if err == nil && len(got) == 0 {
			err = errors.New("it gives nothing")
		}
		return err
	})
}
