package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/goccy/go-yaml"
)

// deployedRule is a recording or alerting rule of deploy/prometheus/rules.
type deployedRule struct {
	Record, Alert, Expr string
	For                 string
	KeepFiringFor       string `yaml:"keep_firing_for"`
	Labels, Annotations map[string]string

	file string
}

// name returns the name of the recorded metric or of the alert.
func (r deployedRule) name() string { return r.Record + r.Alert }

// rulesFiles are all files of rules.
var rulesFiles = []string{"connections.yml", "exporter.yml"}

// readRules returns all rules in order: each uses only those before it.
func readRules(t *testing.T) (rules []deployedRule) {
	t.Helper()
	for _, file := range rulesFiles {
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

// readAlerts returns the alerting rules in order.
func readAlerts(t *testing.T) []deployedRule {
	t.Helper()
	return slices.DeleteFunc(readRules(t), func(r deployedRule) bool { return r.Alert == "" })
}

func readFile(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// rulesFiles lists all files.
func TestRuleFiles_AreAllTested(t *testing.T) {
	t.Parallel()
	if found := glob(t, "rules/*"); len(found) != len(rulesFiles) {
		t.Errorf("there are %q, want %q", found, rulesFiles)
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(deployedFiles, pattern))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// promtools returns the promtool of the Prometheus that the other tests run, and that of
// the oldest one that the rules support.
func promtools() map[string]string {
	return map[string]string{"pinned": programs.promtool, "2.42": programs.oldestPromtool}
}

func TestRules_PassPromtoolLint(t *testing.T) {
	t.Parallel()
	for version, promtool := range promtools() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			mustRun(t, promtool, append([]string{"check", "rules", "--lint=all", "--lint-fatal"}, glob(t, "rules/*.yml")...)...)
		})
	}
}

// The unit tests simulate hours and days. Each supported promtool runs them all.
func TestRules_PassUnitTests(t *testing.T) {
	t.Parallel()
	files := glob(t, "tests/*.yml")
	if len(files) < 6 {
		t.Fatalf("there are only %q: the test would check nothing", files)
	}
	for version, promtool := range promtools() {
		for _, file := range files {
			t.Run(version+"/"+filepath.Base(file), func(t *testing.T) {
				t.Parallel()
				mustRun(t, promtool, "test", "rules", file)
			})
		}
	}
}

// mustRun runs a program, which must exit with status 0, and returns its output.
func mustRun(t *testing.T, program string, args ...string) (output string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v:\n%s", cmd, err, bytes.TrimSpace(out))
	}
	return string(out)
}
