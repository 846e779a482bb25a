package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/goccy/go-yaml"
)

// deployedRule is one of deploy/prometheus/rules: it records or it alerts.
type deployedRule struct {
	Record, Alert, Expr string
	For                 string
	KeepFiringFor       string `yaml:"keep_firing_for"`
	Labels, Annotations map[string]string

	file string
}

// name is what the rule records, or its alert.
func (r deployedRule) name() string { return r.Record + r.Alert }

// recordingRules and alertingRules are the files, in the order in which one stands
// on another.
var (
	recordingRules = []string{"recording.yml"}
	alertingRules  = []string{"connections.yml", "exporter.yml"}
)

// readRules gives the rules of files in the order in which they are written.
func readRules(t *testing.T, files ...string) (rules []deployedRule) {
	t.Helper()
	for _, file := range files {
		content := readFile(t, filepath.Join(deployedFiles, "rules", file))
		var written struct {
			Groups []struct{ Rules []deployedRule }
		}
		if err := yaml.Unmarshal(content, &written); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, group := range written.Groups {
			for _, rule := range group.Rules {
				rule.file = file
				rules = append(rules, rule)
			}
		}
	}
	return rules
}

func readFile(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// No file is left out above.
func TestRuleFiles_AreAllTested(t *testing.T) {
	t.Parallel()
	found := globbed(t, "rules/*")
	if want := len(recordingRules) + len(alertingRules); len(found) != want {
		t.Errorf("there are %q, want %d files", found, want)
	}
}

func globbed(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(deployedFiles, pattern))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// promtools are that of the Prometheus that everything here runs, and that of the
// oldest one that the rules are for.
func promtools() map[string]string {
	return map[string]string{"pinned": programs.promtool, "2.42": programs.oldestPromtool}
}

func TestRules_PassPromtoolLint(t *testing.T) {
	t.Parallel()
	for version, promtool := range promtools() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			accepts(t, promtool, append([]string{"check", "rules", "--lint=all", "--lint-fatal"}, globbed(t, "rules/*.yml")...)...)
		})
	}
}

// The tests of the rules are theirs: hours and days, in which alerts begin and end, or
// never do. Each version of Prometheus evaluates all rules in them.
func TestRules_PassUnitTests(t *testing.T) {
	t.Parallel()
	files := globbed(t, "tests/*.yml")
	if len(files) < 6 {
		t.Fatalf("there are only %q: is this test about anything?", files)
	}
	for version, promtool := range promtools() {
		for _, file := range files {
			t.Run(version+"/"+filepath.Base(file), func(t *testing.T) {
				t.Parallel()
				accepts(t, promtool, "test", "rules", file)
			})
		}
	}
}

// accepts runs a program that must not complain, and gives what it says.
func accepts(t *testing.T, program string, args ...string) (said string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v:\n%s", cmd, err, bytes.TrimSpace(out))
	}
	return string(out)
}
