package e2e

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"testing"
)

// promtool returns promtool's output; its exit status must be 0.
func promtool(t *testing.T, stdin []byte, args ...string) (out string) {
	t.Helper()
	cmd := exec.Command(programs.promtool, args...)
	cmd.Stdin = bytes.NewReader(stdin)
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v:\n%s", cmd, err, output)
	}
	return string(output)
}

// promtool check metrics is a linter: names, units, help.
func TestMetrics_PassPromtoolLint(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	demo := start(t, programs.exporter, "demo", "--web.listen-address=127.0.0.1:0")
	several := startExporter(t, a.configure(t, a.Orgs()))
	for _, exporter := range []*process{demo, several} {
		eventually(t, "the first listing", exporter.ready)
	}
	oneOrg := "/probe?" + url.Values{"org": {namesOf(a.Orgs())[0]}}.Encode()
	for _, shown := range []struct {
		by   *process
		path string
	}{{demo, "/metrics"}, {several, "/metrics"}, {several, oneOrg}} {
		metrics, _ := shown.by.get(t, shown.path)
		if !bytes.Contains(metrics, []byte("\ndatadog_org_connections{")) {
			t.Fatalf("%s has no connections: the test would check nothing\n%s", shown.path, metrics)
		}
		if output := promtool(t, metrics, "check", "metrics"); output != "" {
			t.Errorf("promtool about %s of %s:\n%s", shown.path, shown.by.cmd, output)
		}
	}
}

func (p *process) ready() error {
	response, err := client.Get(p.base + "/-/ready")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New("not ready: " + response.Status)
	}
	return nil
}

// promtool loads the files as Prometheus does, with all files that they name. It does
// not need the targets.
func TestPrometheusConfig_PassesPromtool(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(deployedFiles, "prometheus*.yml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 2 {
		t.Fatalf("there is only %q: the test would check nothing", files)
	}
	for _, file := range files {
		promtool(t, nil, "check", "config", file)
	}
}
