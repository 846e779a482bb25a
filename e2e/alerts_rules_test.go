package e2e

import (
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// deployPath returns the path of a file of deploy/, or of the directory in E2E_DEPLOY:
// with broken rules there, the tests must fail.
func deployPath(file string) string {
	if instead := os.Getenv("E2E_DEPLOY"); instead != "" {
		return filepath.Join(instead, strings.TrimPrefix(file, "../deploy"))
	}
	return file
}

// ruleFiles returns the deployed rules by file name.
func ruleFiles(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(deployPath(filepath.Join(deployedFiles, "rules", "*.yml")))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("there are no rules")
	}
	rules := map[string]string{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		rules[filepath.Base(file)] = string(content)
	}
	return rules
}

// parseRules returns the rules of a file.
func parseRules(t *testing.T, text string) (rules []rulefmt.Rule) {
	t.Helper()
	groups, errs := rulefmt.Parse([]byte(text), false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	for _, err := range errs {
		t.Fatal(err)
	}
	for _, group := range groups.Groups {
		if group.Interval != 0 {
			t.Fatalf("group %s has an interval of its own: its evaluations are not those of the others", group.Name)
		}
		rules = append(rules, group.Rules...)
	}
	return rules
}

// times returns all durations in a rule.
func times(t *testing.T, rule rulefmt.Rule) []time.Duration {
	t.Helper()
	all := []time.Duration{time.Duration(rule.For), time.Duration(rule.KeepFiringFor)}
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(rule.Expr)
	if err != nil {
		t.Fatal(err)
	}
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.VectorSelector:
			all = append(all, n.OriginalOffset)
		case *parser.MatrixSelector:
			all = append(all, n.Range)
		case *parser.SubqueryExpr:
			all = append(all, n.Range, n.Step, n.OriginalOffset)
		}
		return nil
	})
	return all
}

// A duration that is not scaled would make the scenarios test other rules than the
// deployed.
func TestScaleRules_ScalesEveryDuration(t *testing.T) {
	for name, text := range ruleFiles(t) {
		deployed, scaled := parseRules(t, text), parseRules(t, scaleRules(t, text))
		for n := range deployed {
			want := times(t, deployed[n])
			for i := range want {
				want[i] /= speedup
			}
			if got := times(t, scaled[n]); !slices.Equal(got, want) {
				t.Errorf("%s: the times of %s%s are %v, want %v", name, deployed[n].Record, deployed[n].Alert, got, want)
			}
		}
	}
}

// When Prometheus restarts, an alert with a for of ten minutes or more keeps firing. One
// with less is pending again, and Alertmanager resolves it after four minutes (in the
// scenarios, later).
func TestAlertRules_SurvivePrometheusRestart(t *testing.T) {
	const forgotten, restored = 4 * time.Minute, 10 * time.Minute
	for _, rule := range readAlerts(t) {
		if rule.For == "" {
			continue
		}
		pending, err := model.ParseDuration(rule.For)
		if err != nil {
			t.Fatal(err)
		}
		if time.Duration(pending) >= forgotten-time.Minute && time.Duration(pending) < restored {
			t.Errorf("%s would be resolved and fire again: it is pending for %v", rule.Alert, pending)
		}
	}
}

// alertKinds lists exactly the deployed alerts, with their severities.
func TestAlertKinds_MatchDeployedRules(t *testing.T) {
	deployed := map[string]string{}
	for _, alert := range readAlerts(t) {
		deployed[strings.TrimPrefix(alert.Alert, alertPrefix)] = alert.Labels["severity"]
	}
	listed := map[string]string{}
	for name, kind := range alertKinds {
		listed[name] = kind.severity
	}
	if !maps.Equal(deployed, listed) {
		t.Errorf("deployed are %v, listed are %v", deployed, listed)
	}
}
