package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
)

// dashboard is one of dashboards/, as far as it asks Prometheus.
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

// question is what a dashboard asks.
type question struct {
	by   string // the panel, its type and its query, or the variable, or the annotation
	expr string // with variables
}

// queryResult is what asks for the values of a variable in PromQL.
var queryResult = regexp.MustCompile(`^query_result\((.+)\)$`)

func (d dashboard) questions(t *testing.T) []question {
	t.Helper()
	var all []question
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			all = append(all, question{fmt.Sprintf("%s (%s %s)", p.Title, p.Type, target.RefID), target.Expr})
		}
	}
	for _, v := range d.Templating.List {
		if found := queryResult.FindStringSubmatch(v.Definition); found != nil {
			all = append(all, question{"variable " + v.Name, found[1]})
		}
	}
	for _, a := range d.Annotations.List {
		if a.Expr != "" { // Grafana's own asks nothing
			all = append(all, question{"annotation " + a.Name, a.Expr})
		}
	}
	if len(all) < 30 {
		t.Fatalf("there are %d questions: is this test about anything?", len(all))
	}
	return all
}

// about puts something in the variables' place, as Grafana does: everything is
// chosen, the time range is as long as this, and scrapes are a second apart.
func (q question) about(timeRange string) string {
	return strings.NewReplacer(
		"$__range", timeRange, "$__rate_interval", "5s", "$__interval", "1s",
		"$job", ".+", "$instance", ".+", "$source", ".*", "$sink", ".*", "$type", ".*",
	).Replace(q.expr)
}

func (q question) parse(t *testing.T) parser.Expr {
	t.Helper()
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(q.about("1h"))
	if err != nil {
		t.Fatalf("%s: %v", q.by, err)
	}
	return expr
}

// documented is a line of docs/metrics.md: a metric, its type, its labels.
var documented = regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (\\w+) \\| ([^|]*) \\|")

// contract says which labels a metric has, and which metrics are counters. What
// Prometheus and the Go libraries add to ours is here as far as dashboards use it.
func contract(t *testing.T) (of map[string][]string, counters map[string]bool) {
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

// made are the labels that an expression can have: those of its metrics, and those
// that it adds.
func made(of map[string][]string, exprs ...parser.Expr) []string {
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
	of, _ := contract(t)
	for _, file := range []string{"inventory.json", "exporter.json"} {
		for _, q := range readDashboard(t, file).questions(t) {
			want := func(names []string, among []string) {
				for _, name := range names {
					if !slices.Contains(among, name) {
						t.Errorf("%s: %s goes by the label %s, which there is not", file, q.by, name)
					}
				}
			}
			parser.Inspect(q.parse(t), func(node parser.Node, _ []parser.Node) error {
				switch n := node.(type) {
				case *parser.VectorSelector:
					names, known := of[n.Name]
					if !known {
						t.Errorf("%s: %s asks for %s, which there is not", file, q.by, n.Name)
					}
					for _, m := range n.LabelMatchers {
						want([]string{m.Name}, append(slices.Clone(names), "job", "instance", model.MetricNameLabel))
					}
				case *parser.AggregateExpr:
					want(n.Grouping, made(of, n.Expr, n))
				case *parser.BinaryExpr:
					if n.VectorMatching != nil {
						want(n.VectorMatching.MatchingLabels, made(of, n.LHS, n.RHS))
						want(n.VectorMatching.Include, made(of, n.LHS, n.RHS))
					}
				case *parser.Call:
					if n.Func.Name == "label_replace" {
						if source, is := n.Args[3].(*parser.StringLiteral); is && source.Val != "" {
							want([]string{source.Val}, made(of, n.Args[0]))
						}
					}
				}
				return nil
			})
		}
	}
}

// The value of a counter says nothing: it begins anew with every start.
func TestDashboards_QueryRatesOfCounters(t *testing.T) {
	t.Parallel()
	_, counters := contract(t)
	seen := 0
	for _, file := range []string{"inventory.json", "exporter.json"} {
		for _, q := range readDashboard(t, file).questions(t) {
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
					t.Errorf("%s: %s shows the counter %s as it is", file, q.by, selector.Name)
				}
				return nil
			})
		}
	}
	if seen == 0 {
		t.Error("there are no counters: is this test about anything?")
	}
}

// one finds the question of a panel.
func one(t *testing.T, questions []question, by string) question {
	t.Helper()
	n := slices.IndexFunc(questions, func(q question) bool { return q.by == by })
	if n < 0 {
		t.Fatalf("nothing asks as %q", by)
	}
	return questions[n]
}
