package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// programs are the paths of the programs that the tests run.
var programs struct{ exporter, prometheus, promtool, oldestPromtool, alertmanager, amtool, backfill string }

func TestMain(m *testing.M) {
	if err := build(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// build builds the programs. The go command skips those that are up to date.
func build() error {
	into, err := filepath.Abs(".build")
	if err != nil {
		return err
	}
	programs.exporter = filepath.Join(into, "datadog_org_connections_exporter")
	programs.prometheus = filepath.Join(into, "prometheus")
	programs.promtool = filepath.Join(into, "promtool")
	programs.oldestPromtool = filepath.Join(into, "promtool-2.42")
	programs.alertmanager = filepath.Join(into, "alertmanager")
	programs.amtool = filepath.Join(into, "amtool")
	programs.backfill = filepath.Join(into, "backfill")
	// The exporter as the Makefile builds it, except for the version.
	if err := goBuild("..", "-trimpath", "-buildvcs=false", "-o", programs.exporter, "."); err != nil {
		return err
	}
	into += string(filepath.Separator)
	// HTTP, file and static service discovery work without the plugins, which take most
	// of the build time.
	if err := goBuild("tools", "-tags=remove_all_sd", "-o", into,
		"github.com/prometheus/prometheus/cmd/prometheus", "github.com/prometheus/prometheus/cmd/promtool", "./backfill"); err != nil {
		return err
	}
	// The promtool of the oldest Prometheus that the rules support.
	if err := goBuild("tools/oldest", "-o", programs.oldestPromtool, "github.com/prometheus/prometheus/cmd/promtool"); err != nil {
		return err
	}
	return goBuild("tools/alertmanager", "-o", into,
		"github.com/prometheus/alertmanager/cmd/alertmanager", "github.com/prometheus/alertmanager/cmd/amtool")
}

func goBuild(dir string, args ...string) error {
	cmd := exec.Command("go", append([]string{"build"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as in releases
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the programs to test with, in %s: %v: %w\n%s", dir, cmd.Args, err, out)
	}
	return nil
}
