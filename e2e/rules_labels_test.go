package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"datadog_org_connections_exporter/collector"
)

// labelSet are the possible labels of a series; nil: any.
type labelSet []string

func (s labelSet) String() string { return "{" + strings.Join(s, ", ") + "}" }

func (s labelSet) has(name string) bool { return s == nil || slices.Contains(s, name) }

func (s labelSet) with(names ...string) labelSet {
	if s == nil {
		return nil
	}
	all := slices.Concat(s, names)
	slices.Sort(all)
	return slices.Compact(all)
}

func (s labelSet) equal(other labelSet) bool {
	return s == nil || other == nil || slices.Equal(s, other)
}

// labelChecker computes the labels of PromQL expressions, and finds problems: a metric
// that does not exist, a label that the metric does not have, sides of an operator that
// never match.
type labelChecker struct {
	metrics  map[string]labelSet
	problems []string
}

// newLabelChecker returns a checker with the exporter's metrics, as Prometheus stores
// them, and with Prometheus's own.
func newLabelChecker() *labelChecker {
	r := &labelChecker{metrics: map[string]labelSet{
		"up":     labelSet{}.with("job", "instance"),
		"ALERTS": nil, // has the labels of the alert
	}}
	for _, m := range collector.Metrics() {
		r.metrics[m.Name] = labelSet(m.Labels).with("job", "instance")
	}
	return r
}

func (r *labelChecker) errorf(format string, args ...any) {
	r.problems = append(r.problems, fmt.Sprintf(format, args...))
}

// requireLabels reports names that are not in s.
func (r *labelChecker) requireLabels(s labelSet, names []string, of parser.Node) {
	for _, name := range names {
		if !s.has(name) {
			r.errorf("%s has no label %s", of, name)
		}
	}
}

// labels returns the labels of an expression's result.
func (r *labelChecker) labels(expr parser.Expr) labelSet {
	switch e := expr.(type) {
	case *parser.ParenExpr:
		return r.labels(e.Expr)
	case *parser.MatrixSelector:
		return r.labels(e.VectorSelector)
	case *parser.VectorSelector:
		return r.selectorLabels(e)
	case *parser.AggregateExpr:
		r.requireLabels(r.labels(e.Expr), e.Grouping, e.Expr)
		if e.Op == parser.TOPK {
			return r.labels(e.Expr)
		}
		return labelSet{}.with(e.Grouping...)
	case *parser.BinaryExpr:
		return r.binaryLabels(e)
	case *parser.Call:
		return r.callLabels(e)
	case *parser.NumberLiteral, *parser.StringLiteral:
		return labelSet{}
	}
	r.errorf("%s is a %T, which is not supported", expr, expr)
	return nil
}

func (r *labelChecker) selectorLabels(e *parser.VectorSelector) labelSet {
	has, ok := r.metrics[e.Name]
	if !ok {
		r.errorf("there is no metric %q", e.Name)
		return nil
	}
	for _, m := range e.LabelMatchers {
		if m.Name != model.MetricNameLabel {
			r.requireLabels(has, []string{m.Name}, e)
		}
	}
	return has
}

func (r *labelChecker) callLabels(e *parser.Call) labelSet {
	switch e.Func.Name {
	case "time":
		return labelSet{}
	case "absent":
		r.labels(e.Args[0])
		return labelSet{}
	case "label_replace":
		from := r.labels(e.Args[0])
		if source := text(e.Args[3]); source != "" { // else it sets a constant
			r.requireLabels(from, []string{source}, e.Args[0])
		}
		return from.with(text(e.Args[1]))
	}
	var of labelSet
	for _, arg := range e.Args {
		if kind := arg.Type(); kind == parser.ValueTypeVector || kind == parser.ValueTypeMatrix {
			of = r.labels(arg)
		}
	}
	return of
}

func text(e parser.Expr) string {
	literal, _ := e.(*parser.StringLiteral)
	return literal.Val
}

func (r *labelChecker) binaryLabels(e *parser.BinaryExpr) labelSet {
	left, right := r.labels(e.LHS), r.labels(e.RHS)
	switch {
	case e.LHS.Type() == parser.ValueTypeScalar:
		return right
	case e.RHS.Type() == parser.ValueTypeScalar:
		return left
	}
	m := e.VectorMatching
	switch {
	case m.On:
		r.requireLabels(left, m.MatchingLabels, e.LHS)
		if !strings.HasPrefix(e.RHS.String(), "absent(") {
			r.requireLabels(right, m.MatchingLabels, e.RHS)
		}
	case !left.equal(right):
		r.errorf("the sides of %s differ: %s and %s", e.Op, left, right)
	}
	switch {
	case e.Op == parser.LOR && left == nil:
		return right
	case e.Op.IsSetOperator(), !m.On, m.Card == parser.CardManyToOne:
		return left
	}
	return labelSet{}.with(m.MatchingLabels...)
}

// checkRules checks the rules in order, and returns the labels of each. A rule may use
// the metrics of the rules before it. A rule that uses its own metric is evaluated
// twice.
func (r *labelChecker) checkRules(t *testing.T, rules []deployedRule) map[string]labelSet {
	t.Helper()
	all := map[string]labelSet{}
	for _, rule := range rules {
		expr, err := parser.NewParser(parser.Options{}).ParseExpr(rule.Expr)
		if err != nil {
			t.Fatalf("%s: %v", rule.name(), err)
		}
		if rule.Record != "" {
			r.metrics[rule.Record] = nil
			r.metrics[rule.Record] = (&labelChecker{metrics: maps.Clone(r.metrics)}).labels(expr)
		}
		all[rule.name()] = r.labels(expr)
		for _, problem := range r.problems {
			t.Errorf("%s: %s: %s", rule.file, rule.name(), problem)
		}
		r.problems = nil
	}
	return all
}

func TestRules_UseExistingMetricsAndLabels(t *testing.T) {
	t.Parallel()
	labels := newLabelChecker().checkRules(t, readRules(t))
	if len(labels) < 20 {
		t.Fatalf("there are %d rules: the test would check nothing", len(labels))
	}

	// A target may move and an org may be renamed: instances and names must not identify
	// an alert.
	for _, alert := range readAlerts(t) {
		of := labels[alert.Alert]
		for _, label := range of {
			if label == "instance" || strings.HasSuffix(label, "_name") {
				t.Errorf("%s has the label %s", alert.Alert, label)
			}
		}
		if !of.has("job") {
			t.Errorf("%s has no label job", alert.Alert)
		}
	}
}

// A checker that finds nothing would make the other tests useless.
func TestLabelChecker_FindsErrors(t *testing.T) {
	t.Parallel()
	for expr, want := range map[string]string{
		`datadog_upp`:                               `there is no metric "datadog_upp"`,
		`datadog_up{organisation="a"}`:              `has no label organisation`,
		`sum by (reason) (datadog_up)`:              `datadog_up has no label reason`,
		`datadog_up and on (org_id) up`:             `datadog_up has no label org_id`,
		`up unless on (org) datadog_up`:             `up has no label org`,
		`datadog_up unless up`:                      `the sides of unless differ: {instance, job, org} and {instance, job}`,
		`max by (job) (up) or up`:                   `the sides of or differ`,
		`label_replace(up, "a", "$1", "b", "(.*)")`: `up has no label b`,
		`last_over_time(nothing[1h])`:               `there is no metric "nothing"`,
	} {
		r := newLabelChecker()
		parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
		if err != nil {
			t.Fatal(err)
		}
		r.labels(parsed)
		if got := strings.Join(r.problems, "; "); !strings.Contains(got, want) {
			t.Errorf("problems of %s: %q, want %q", expr, got, want)
		}
	}
}
