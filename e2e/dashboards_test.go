package e2e

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
)

// dashboard is the part of a dashboard's JSON with the queries to Prometheus.
type dashboard struct {
	Panels []struct {
		Title   string
		Type    string
		Targets []struct{ RefID, Expr string }
	}
	Templating struct {
		List []struct{ Name, Definition string }
	}
	Annotations struct{ List []struct{ Name, Expr string } }
}

func readDashboard(t *testing.T, file string) dashboard {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("../dashboards", file))
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(content, &d); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return d
}

// panelQuery is a query of a dashboard.
type panelQuery struct {
	by   string // its name: panel, type and query; or variable; or annotation
	expr string // with Grafana's variables
}

// queryResult matches the PromQL definition of a variable.
var queryResult = regexp.MustCompile(`^query_result\((.+)\)$`)

func (d dashboard) queries(t *testing.T) []panelQuery {
	t.Helper()
	var all []panelQuery
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			all = append(all, panelQuery{fmt.Sprintf("%s (%s %s)", p.Title, p.Type, target.RefID), target.Expr})
		}
	}
	for _, v := range d.Templating.List {
		if found := queryResult.FindStringSubmatch(v.Definition); found != nil {
			all = append(all, panelQuery{"variable " + v.Name, found[1]})
		}
	}
	for _, a := range d.Annotations.List {
		if a.Expr != "" { // Grafana's own annotation has no query
			all = append(all, panelQuery{"annotation " + a.Name, a.Expr})
		}
	}
	if len(all) < 30 {
		t.Fatalf("there are %d queries: the test would check nothing", len(all))
	}
	return all
}

// expand replaces the variables, as Grafana does: with all values selected, this time
// range, and a scrape interval of a second.
func (q panelQuery) expand(timeRange time.Duration) string {
	seconds := fmt.Sprint(math.Ceil(timeRange.Seconds()))
	return strings.NewReplacer(
		"$__range_s", seconds, "$__range", seconds+"s", "$__rate_interval", "5s", "$__interval_ms", "1000", "$__interval", "1s",
		"$job", ".+", "$instance", ".+", "$source", ".*", "$sink", ".*", "$type", ".*",
	).Replace(q.expr)
}

func (q panelQuery) parse(t *testing.T) parser.Expr {
	t.Helper()
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(q.expand(time.Hour))
	if err != nil {
		t.Fatalf("%s: %v", q.by, err)
	}
	return expr
}

// documented matches a line of docs/metrics.md: a metric, its type, its labels.
var documented = regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (\\w+) \\| ([^|]*) \\|")

// documentedMetrics returns the labels of each metric, and which metrics are counters.
// It includes those of Prometheus and the Go libraries that the dashboards use.
func documentedMetrics(t *testing.T) (of map[string][]string, counters map[string]bool) {
	t.Helper()
	of = map[string][]string{
		"up": nil, "scrape_duration_seconds": nil, "scrape_samples_scraped": nil,
		"go_goroutines": nil, "go_memstats_heap_inuse_bytes": nil,
		"process_resident_memory_bytes": nil, "process_start_time_seconds": nil, "process_cpu_seconds_total": nil,
		"promhttp_metric_handler_requests_total":      {"code"},
		"datadog_org_connections_exporter_build_info": {"version", "goversion"},
	}
	counters = map[string]bool{"process_cpu_seconds_total": true, "promhttp_metric_handler_requests_total": true}
	doc, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range documented.FindAllStringSubmatch(string(doc), -1) {
		name, kind, names := line[1], line[2], strings.FieldsFunc(line[3], func(r rune) bool { return strings.ContainsRune("`, ", r) })
		of[name] = names
		counters[name] = kind != "gauge"
		if kind == "histogram" {
			of[name+"_bucket"] = append(slices.Clone(names), "le")
			counters[name+"_bucket"] = true
		}
	}
	return of, counters
}

// possibleLabels returns the labels that expressions can have: those of their metrics,
// and those that they add.
func possibleLabels(of map[string][]string, exprs ...parser.Expr) []string {
	names := []string{"job", "instance"}
	text := func(e parser.Expr) string {
		literal, _ := e.(*parser.StringLiteral)
		return literal.Val
	}
	for _, expr := range exprs {
		parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
			switch n := node.(type) {
			case *parser.VectorSelector:
				names = append(names, of[n.Name]...)
			case *parser.Call:
				if n.Func.Name == "label_replace" || n.Func.Name == "label_join" {
					names = append(names, text(n.Args[1]))
				}
			case *parser.AggregateExpr:
				if n.Op == parser.COUNT_VALUES {
					names = append(names, text(n.Param))
				}
			}
			return nil
		})
	}
	return names
}

func TestDashboards_QueryExistingMetricsAndLabels(t *testing.T) {
	t.Parallel()
	of, _ := documentedMetrics(t)
	for _, file := range []string{"inventory.json", "exporter.json"} {
		for _, q := range readDashboard(t, file).queries(t) {
			want := func(names []string, among []string) {
				for _, name := range names {
					if !slices.Contains(among, name) {
						t.Errorf("%s: %s uses the label %s, which does not exist", file, q.by, name)
					}
				}
			}
			parser.Inspect(q.parse(t), func(node parser.Node, _ []parser.Node) error {
				switch n := node.(type) {
				case *parser.VectorSelector:
					names, ok := of[n.Name]
					if !ok {
						t.Errorf("%s: %s queries %s, which does not exist", file, q.by, n.Name)
					}
					for _, m := range n.LabelMatchers {
						want([]string{m.Name}, append(slices.Clone(names), "job", "instance", model.MetricNameLabel))
					}
				case *parser.AggregateExpr:
					want(n.Grouping, possibleLabels(of, n.Expr, n))
				case *parser.BinaryExpr:
					if n.VectorMatching != nil {
						want(n.VectorMatching.MatchingLabels, possibleLabels(of, n.LHS, n.RHS))
						want(n.VectorMatching.Include, possibleLabels(of, n.LHS, n.RHS))
					}
				case *parser.Call:
					if n.Func.Name == "label_replace" {
						if source, is := n.Args[3].(*parser.StringLiteral); is && source.Val != "" {
							want([]string{source.Val}, possibleLabels(of, n.Args[0]))
						}
					}
				}
				return nil
			})
		}
	}
}

// The value of a counter means nothing: it begins at 0 with every start.
func TestDashboards_QueryRatesOfCounters(t *testing.T) {
	t.Parallel()
	_, counters := documentedMetrics(t)
	seen := 0
	for _, file := range []string{"inventory.json", "exporter.json"} {
		for _, q := range readDashboard(t, file).queries(t) {
			parser.Inspect(q.parse(t), func(node parser.Node, path []parser.Node) error {
				selector, is := node.(*parser.VectorSelector)
				if !is || !counters[selector.Name] {
					return nil
				}
				seen++
				if !slices.ContainsFunc(path, func(around parser.Node) bool {
					call, is := around.(*parser.Call)
					return is && (call.Func.Name == "rate" || call.Func.Name == "increase")
				}) {
					t.Errorf("%s: %s shows the value of the counter %s, not its rate", file, q.by, selector.Name)
				}
				return nil
			})
		}
	}
	if seen == 0 {
		t.Error("there are no counters: the test would check nothing")
	}
}

// findQuery returns the query with this name.
func findQuery(t *testing.T, queries []panelQuery, by string) panelQuery {
	t.Helper()
	n := slices.IndexFunc(queries, func(q panelQuery) bool { return q.by == by })
	if n < 0 {
		t.Fatalf("there is no query %q", by)
	}
	return queries[n]
}
