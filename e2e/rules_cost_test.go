package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
)

// largeExposition returns what an exporter shows of an account: 50 orgs with credentials, two
// types per connection. Of the first 1,000 connections, 20 were created by a person, ten are
// unexpected, five have a disabled creator, and 29 have changed within seven days.
func largeExposition(connections int, now time.Time) []byte {
	var text bytes.Buffer
	add := func(value float64, name string, pairs ...string) {
		text.WriteString(name + "{")
		for n := 0; n < len(pairs); n += 2 {
			fmt.Fprintf(&text, "%s=%q,", pairs[n], pairs[n+1])
		}
		fmt.Fprintf(&text, "} %f\n", value)
	}
	const orgs = 50
	nameOf := func(id string) string { return "Name of " + id }
	add(1, "datadog_inventory_complete")
	add(3, "datadog_org_connection_rules")
	add(0, "datadog_history_writes_failed_total")
	add(float64(now.AddDate(0, 0, 10).Unix()), "datadog_org_connection_rule_expiry_timestamp_seconds", "rule", "until soon")
	for n := range orgs {
		org, id := fmt.Sprintf("org %d", n), fmt.Sprintf("org-id-%d", n)
		add(1, "datadog_up", "org", org)
		add(1, "datadog_listing_complete", "org", org)
		for _, reason := range []string{"unauthorized", "forbidden", "rate_limited", "server_error", "client_error", "timeout", "network", "malformed", "incomplete"} {
			add(0, "datadog_listing_failures_total", "org", org, "reason", reason)
		}
		add(1, "datadog_org_observed", "org_id", id)
	}
	// A source has ten sinks, so that there are about as many orgs as a tenth of the connections.
	all := map[string]bool{}
	for n := range connections {
		id, source, sink := fmt.Sprintf("connection-%d", n), fmt.Sprintf("org-id-%d", n/10), fmt.Sprintf("org-id-%d", n/10+1+n%10)
		all[source], all[sink] = true, true
		ends := []string{"source_org_id", source, "sink_org_id", sink}
		connection := slices.Concat(ends, []string{"connection_id", id})
		special := n < 1000
		kind := "service_account"
		if special && n%50 == 0 {
			kind = "user"
		}
		add(1, "datadog_org_connection_info", slices.Concat(connection, []string{"creator_id", "creator", "creator_kind", kind})...)
		add(float64(now.AddDate(-1, 0, 0).Unix()), "datadog_org_connection_created_timestamp_seconds", connection...)
		disabled := 0.
		if special && n%200 == 0 {
			disabled = 1
		}
		add(disabled, "datadog_org_connection_creator_disabled", connection...)
		for _, connectionType := range []string{"logs", "metrics"} {
			typed := slices.Concat(ends, []string{"source_org_name", nameOf(source), "sink_org_name", nameOf(sink), "connection_type", connectionType})
			add(1, "datadog_org_connections", typed...)
			if special && n%100 == 0 && connectionType == "logs" {
				add(1, "datadog_org_connections_unexpected", typed...)
			}
		}
		if special && n%35 == 0 {
			ago := time.Duration(n/35%7)*24*time.Hour + time.Hour
			change := []string{"added", "removed", "widened", "narrowed", "discovered"}[n/35%5]
			add(float64(now.Add(-ago).Unix()), "datadog_org_connection_change_timestamp_seconds", slices.Concat(connection, []string{"change", change, "connection_type", "logs"})...)
		}
	}
	for id := range all {
		add(1, "datadog_org_info", "org_id", id, "org_name", nameOf(id), "public_id", "public", "sharing", "all_private")
	}
	return text.Bytes()
}

// ruleCost is what an evaluation of all rules costs.
type ruleCost struct {
	samples float64 // read
	took    time.Duration
}

// costOfRules evaluates the deployed rules every interval, for an account of so many
// connections in a real Prometheus, with a day of its history if wanted.
func costOfRules(t *testing.T, connections int, interval time.Duration, withHistory bool) ruleCost {
	t.Helper()
	page := largeExposition(connections, time.Now())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		_, _ = w.Write(page) // Prometheus reports a scrape that fails
	}))
	t.Cleanup(server.Close)
	address := strings.TrimPrefix(server.URL, "http://")
	dir := t.TempDir()
	data, file := filepath.Join(dir, "data"), filepath.Join(dir, "prometheus.yml")
	if withHistory {
		cmd := exec.Command(programs.backfill, data, job, address)
		cmd.Stdin = bytes.NewReader(page)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v:\n%s", cmd, err, out)
		}
	}
	rules, err := filepath.Abs(deployPath(filepath.Join(deployedFiles, "rules")))
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, fmt.Sprintf(`
global: {scrape_interval: %[1]s, scrape_timeout: %[1]s, evaluation_interval: %[1]s}
rule_files: [%[2]q]
scrape_configs:
  - {job_name: %[3]s, static_configs: [{targets: [%[4]q]}]}
`, model.Duration(interval), filepath.Join(rules, "*.yml"), job, address))
	p := runPrometheus(t, file, data)
	before := p.waitForEvaluations(t, 5) // recording rules are one evaluation behind, alerts fire
	after := p.waitForEvaluations(t, before.evaluations+20)
	cost := ruleCost{samples: (after.samples - before.samples) / float64(after.evaluations-before.evaluations)}
	for _, group := range after.shown.labelValues(groupDuration, "rule_group") {
		seconds, err := after.shown.value(groupDuration, "rule_group", group)
		if err != nil {
			t.Fatal(err)
		}
		cost.took += time.Duration(seconds * float64(time.Second))
	}
	return cost
}

const groupDuration = "prometheus_rule_group_last_duration_seconds"

// evaluated is how often all rules were evaluated, and how many samples that read.
type evaluated struct {
	evaluations int
	samples     float64
	shown       samples
}

// waitForEvaluations waits until all groups were evaluated so many times, with the data of
// a scrape.
func (p prometheus) waitForEvaluations(t *testing.T, wanted int) (e evaluated) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d evaluations", wanted), func() error {
		e = evaluated{shown: p.scrape(t)}
		groups := e.shown.labelValues("prometheus_rule_group_iterations_total", "rule_group")
		for n, group := range groups {
			all, err := e.shown.value("prometheus_rule_group_iterations_total", "rule_group", group)
			if err != nil {
				return err
			}
			missed, err := e.shown.value("prometheus_rule_group_iterations_missed_total", "rule_group", group)
			if err != nil {
				return err
			}
			if done := int(all - missed); n == 0 || done < e.evaluations {
				e.evaluations = done
			}
		}
		if e.evaluations < wanted {
			return fmt.Errorf("there were %d", e.evaluations)
		}
		var err error
		e.samples, err = e.shown.value("prometheus_engine_query_samples_total", "", "")
		return err
	})
	return e
}

// An evaluation must not read the history of every connection.
func TestRules_ReadFewSamplesPerConnection(t *testing.T) {
	const connections, limit = 1000, 60
	cost := costOfRules(t, connections, time.Second, true)
	perConnection := cost.samples / connections
	t.Logf("with a day of history of %d connections, an evaluation of all rules reads %.1f samples per connection, and takes %v",
		connections, perConnection, cost.took.Round(time.Millisecond))
	if perConnection > limit {
		t.Errorf("that is more than %d", limit)
	}
	if perConnection < 3 {
		t.Error("that is too few: the rules have no data")
	}
}

// Of a large account: E2E_LARGE=1 go test -v -run LargeAccount. It takes minutes, and
// gigabytes of memory.
func TestRules_EvaluateLargeAccountInTime(t *testing.T) {
	if os.Getenv("E2E_LARGE") == "" {
		t.Skip("E2E_LARGE is not set")
	}
	const connections, limit = 100_000, 3 * time.Second
	cost := costOfRules(t, connections, 10*time.Second, false)
	t.Logf("of %d connections, an evaluation of all rules reads %.1f samples per connection, and takes %v",
		connections, cost.samples/connections, cost.took.Round(time.Millisecond))
	if cost.took > limit {
		t.Errorf("that is more than %v", limit)
	}
}
