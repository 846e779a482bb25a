package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// programs are the paths of those that the tests run.
var programs struct{ exporter, prometheus, promtool string }

func TestMain(m *testing.M) {
	if err := build(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// build makes the programs. What is up to date already is not made again: go build
// looks at what it left behind.
func build() error {
	into, err := filepath.Abs(".build")
	if err != nil {
		return err
	}
	programs.exporter = filepath.Join(into, "datadog_org_connections_exporter")
	programs.prometheus = filepath.Join(into, "prometheus")
	programs.promtool = filepath.Join(into, "promtool")
	// The exporter as the Makefile builds it, but for the version.
	if err := goBuild("..", "-trimpath", "-buildvcs=false", "-o", programs.exporter, "."); err != nil {
		return err
	}
	// Service discovery by HTTP, in files and in the configuration is there without
	// the clouds' plugins, which take most of the time.
	return goBuild("tools", "-tags=remove_all_sd", "-o", into+string(filepath.Separator),
		"github.com/prometheus/prometheus/cmd/prometheus", "github.com/prometheus/prometheus/cmd/promtool")
}

func goBuild(dir string, args ...string) error {
	cmd := exec.Command("go", append([]string{"build"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as both are released
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the programs to test with, in %s: %v: %w\n%s", dir, cmd.Args, err, out)
	}
	return nil
}
