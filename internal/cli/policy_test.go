package cli

import (
	"net/http"
	"strings"
	"testing"
)

func TestServe_PolicyShowsUnexpectedAndMissing(t *testing.T) {
	a := newAPI(t)
	all := a.Visible(a.org)
	expected := all[0]
	file := writeFile(t, "policy.yml", `rules:
  - {name: one, source: `+expected.SourceID+`, sink: `+expected.SinkID+`}
  - {name: gone, source: `+expected.SourceID+`, sink: `+expected.SinkID+`, types: [carrier-pigeons], required: true}
`)
	p := start(t, a.args("--policy.file="+file, "--web.enable-lifecycle")...)
	p.waitUntilReady()

	metrics := p.get("/metrics").body
	if got, want := strings.Count(metrics, "\ndatadog_org_connections_unexpected{"), len(a.series())-len(expected.Types); got != want {
		t.Errorf("%d series are unexpected, want %d", got, want)
	}
	for line := range strings.Lines(metrics) {
		if strings.HasPrefix(line, "datadog_org_connections_unexpected{") && strings.Contains(line, expected.SourceID) && strings.Contains(line, expected.SinkID) {
			t.Errorf("what a rule allows is unexpected: %s", line)
		}
	}
	wantContains(t, "/metrics", metrics, `datadog_org_connections_missing{connection_type="carrier-pigeons",rule="gone"} 1`)
	wantContains(t, "/probe", p.get("/probe?org=default").body, `datadog_org_connections_missing{connection_type="carrier-pigeons",rule="gone"} 1`)

	write(t, file, "rules: [{name: broken}]\n")
	p.wantReload(http.StatusInternalServerError)
	metrics = p.get("/metrics").body
	wantContains(t, "/metrics after a broken policy", metrics, "datadog_org_connection_rules 2\n", "datadog_org_connections_exporter_config_last_reload_successful 0\n")

	write(t, file, `rules: [{name: all, source: "*", sink: "*"}]`)
	p.wantReload(http.StatusOK)
	metrics = p.get("/metrics").body
	wantNone(t, "/metrics when all is allowed", metrics, "datadog_org_connections_unexpected{", "datadog_org_connections_missing{")
	p.waitFor(p.stderr, "a warning of the wide rule", func(log string) bool { return strings.Contains(log, "globs for both ends") })
}
