package packaging

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// exporter is the path of the exporter's binary.
var exporter string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "packaging")
	if err == nil {
		exporter = filepath.Join(dir, "datadog_org_connections_exporter")
		cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", exporter, ".")
		cmd.Dir = repository
		var out []byte
		if out, err = cmd.CombinedOutput(); err != nil {
			err = fmt.Errorf("build the exporter: %w\n%s", err, out)
		}
	}
	status := 1
	if err == nil {
		status = m.Run()
	} else {
		fmt.Fprintln(os.Stderr, err)
	}
	_ = os.RemoveAll(dir)
	os.Exit(status)
}
