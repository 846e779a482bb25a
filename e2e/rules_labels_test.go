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

// labelSet are the names of the labels that a series may have; nil where anything is
// possible.
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

// reader follows the labels through an expression, and takes note of what cannot be:
// a metric that nobody shows, a label that the metric does not have, sides of an
// operator that never match.
type reader struct {
	metrics  map[string]labelSet
	mistakes []string
}

// newReader knows the metrics of the exporter, as Prometheus has them, and what
// Prometheus itself adds.
func newReader() *reader {
	r := &reader{metrics: map[string]labelSet{
		"up":     labelSet{}.with("job", "instance"),
		"ALERTS": nil, // those of the alert
	}}
	for _, m := range collector.Metrics() {
		r.metrics[m.Name] = labelSet(m.Labels).with("job", "instance")
	}
	return r
}

func (r *reader) complain(format string, args ...any) {
	r.mistakes = append(r.mistakes, fmt.Sprintf(format, args...))
}

// need says that something goes by labels, which must be there.
func (r *reader) need(s labelSet, names []string, of parser.Node) {
	for _, name := range names {
		if !s.has(name) {
			r.complain("%s has no label %s", of, name)
		}
	}
}

// read gives the labels of what an expression gives.
func (r *reader) read(expr parser.Expr) labelSet {
	switch e := expr.(type) {
	case *parser.ParenExpr:
		return r.read(e.Expr)
	case *parser.MatrixSelector:
		return r.read(e.VectorSelector)
	case *parser.VectorSelector:
		return r.selected(e)
	case *parser.AggregateExpr:
		r.need(r.read(e.Expr), e.Grouping, e.Expr)
		if e.Op == parser.TOPK {
			return r.read(e.Expr)
		}
		return labelSet{}.with(e.Grouping...)
	case *parser.BinaryExpr:
		return r.combined(e)
	case *parser.Call:
		return r.called(e)
	case *parser.NumberLiteral, *parser.StringLiteral:
		return labelSet{}
	}
	r.complain("%s is a %T, which these rules do not need", expr, expr)
	return nil
}

func (r *reader) selected(e *parser.VectorSelector) labelSet {
	has, known := r.metrics[e.Name]
	if !known {
		r.complain("there is no metric %q", e.Name)
		return nil
	}
	for _, m := range e.LabelMatchers {
		if m.Name != model.MetricNameLabel {
			r.need(has, []string{m.Name}, e)
		}
	}
	return has
}

func (r *reader) called(e *parser.Call) labelSet {
	switch e.Func.Name {
	case "time":
		return labelSet{}
	case "absent":
		r.read(e.Args[0])
		return labelSet{}
	case "label_replace":
		from := r.read(e.Args[0])
		r.need(from, []string{text(e.Args[3])}, e.Args[0])
		return from.with(text(e.Args[1]))
	}
	var of labelSet
	for _, arg := range e.Args {
		if kind := arg.Type(); kind == parser.ValueTypeVector || kind == parser.ValueTypeMatrix {
			of = r.read(arg)
		}
	}
	return of
}

func text(e parser.Expr) string {
	literal, _ := e.(*parser.StringLiteral)
	return literal.Val
}

func (r *reader) combined(e *parser.BinaryExpr) labelSet {
	left, right := r.read(e.LHS), r.read(e.RHS)
	switch {
	case e.LHS.Type() == parser.ValueTypeScalar:
		return right
	case e.RHS.Type() == parser.ValueTypeScalar:
		return left
	}
	m := e.VectorMatching
	switch {
	case m.On:
		r.need(left, m.MatchingLabels, e.LHS)
		if !strings.HasPrefix(e.RHS.String(), "absent(") {
			r.need(right, m.MatchingLabels, e.RHS)
		}
	case !left.equal(right):
		r.complain("the sides of %s differ: %s and %s", e.Op, left, right)
	}
	switch {
	case e.Op == parser.LOR && left == nil:
		return right
	case e.Op.IsSetOperator(), !m.On, m.Card == parser.CardManyToOne:
		return left
	}
	return labelSet{}.with(m.MatchingLabels...)
}

// readAll reads the rules in their order; what one records, others may name. It gives
// the labels of each rule. A rule that reads what it recorded itself is read twice.
func (r *reader) readAll(t *testing.T, rules []deployedRule) map[string]labelSet {
	t.Helper()
	all := map[string]labelSet{}
	for _, rule := range rules {
		expr, err := parser.NewParser(parser.Options{}).ParseExpr(rule.Expr)
		if err != nil {
			t.Fatalf("%s: %v", rule.name(), err)
		}
		if rule.Record != "" {
			r.metrics[rule.Record] = nil
			r.metrics[rule.Record] = (&reader{metrics: maps.Clone(r.metrics)}).read(expr)
		}
		all[rule.name()] = r.read(expr)
		for _, mistake := range r.mistakes {
			t.Errorf("%s: %s: %s", rule.file, rule.name(), mistake)
		}
		r.mistakes = nil
	}
	return all
}

func TestRules_UseExistingMetricsAndLabels(t *testing.T) {
	t.Parallel()
	r := newReader()
	recorded := r.readAll(t, readRules(t, recordingRules...))
	told := r.readAll(t, readRules(t, alertingRules...))
	if len(recorded) < 10 || len(told) < 10 {
		t.Fatalf("there are %d and %d rules: is this test about anything?", len(recorded), len(told))
	}

	// A target that moves is the same, and so is an org that is renamed: neither may be
	// part of what tells an alert from others.
	for name, of := range told {
		for _, label := range of {
			if label == "instance" || strings.HasSuffix(label, "_name") {
				t.Errorf("%s goes by the label %s", name, label)
			}
		}
		if !of.has("job") {
			t.Errorf("%s does not say of which job it is", name)
		}
	}
}

// It would not do to test with something that finds nothing.
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
		r := newReader()
		parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
		if err != nil {
			t.Fatal(err)
		}
		r.read(parsed)
		if got := strings.Join(r.mistakes, "; "); !strings.Contains(got, want) {
			t.Errorf("about %s it says %q, want %q", expr, got, want)
		}
	}
}
