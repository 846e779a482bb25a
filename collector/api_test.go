package collector_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"datadog_org_connections_exporter/collector"
)

// answers is a round tripper that gives the status of its name, or no answer.
type answers int

func (a answers) RoundTrip(*http.Request) (*http.Response, error) {
	if a == 0 {
		return nil, errors.New("no answer")
	}
	return &http.Response{StatusCode: int(a), Body: http.NoBody}, nil
}

func send(t *testing.T, through http.RoundTripper) {
	t.Helper()
	resp, err := through.RoundTrip(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	if err == nil {
		_ = resp.Body.Close() // there is none
	}
}

// countsOf gives the series of datadog_api_requests_total.
func countsOf(t *testing.T, c prometheus.Collector) string {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(c)
	var counts []string
	for line := range strings.Lines(string(exposition(t, registry))) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "datadog_api_requests_total"); ok {
			counts = append(counts, rest)
		} else if strings.HasPrefix(line, "datadog_api_request_duration_seconds_count") {
			counts = append(counts, strings.TrimSpace(strings.TrimPrefix(line, "datadog_api_request_duration_seconds")))
		}
	}
	return strings.Join(counts, "\n")
}

func TestRequestsAreCountedByOrgAndCode(t *testing.T) {
	requests := collector.NewAPIMetrics()
	requests.Add("a")
	requests.Add("b")
	for _, code := range []answers{200, 200, 429, 503, 0} {
		send(t, requests.Transport("a", code))
	}
	late := requests.Transport("b", answers(200))
	want := `_count{org="a"} 5
{code="200",org="a"} 2
{code="429",org="a"} 1
{code="503",org="a"} 1
{code="none",org="a"} 1`
	if got := countsOf(t, requests.ForOrg("a")); got != want {
		t.Errorf("of a:\n%s\nwant\n%s", got, want)
	}
	if got := countsOf(t, requests); !strings.Contains(got, want[strings.Index(want, "{code"):strings.Index(want, "\n{code=\"429")]) || !strings.Contains(got, `org="b"`) {
		t.Errorf("of all:\n%s", got)
	}
	requests.Remove("b")
	send(t, late) // it was under way when the org went
	if got := countsOf(t, requests); strings.Contains(got, `org="b"`) {
		t.Errorf("b is not forgotten:\n%s", got)
	}
}

func TestReloads(t *testing.T) { synctest.Test(t, testReloads) }

func testReloads(t *testing.T) {
	reloads := collector.NewReloadMetrics()
	registry := prometheus.NewRegistry()
	registry.MustRegister(reloads)
	values := func() (successful, at string) {
		t.Helper()
		for line := range strings.Lines(string(exposition(t, registry))) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
			switch name {
			case "datadog_org_connections_exporter_config_last_reload_successful":
				successful = value
			case "datadog_org_connections_exporter_config_last_reload_success_timestamp_seconds":
				at = value
			}
		}
		return successful, at
	}
	successful, first := values()
	if successful != "1" || first == "" {
		t.Errorf("at first: %s at %s", successful, first)
	}
	reloads.Failed()
	if successful, at := values(); successful != "0" || at != first {
		t.Errorf("after a failure: %s, last success %s, was %s", successful, at, first)
	}
	time.Sleep(time.Second) // virtual
	reloads.Succeeded()
	if successful, at := values(); successful != "1" || at == first {
		t.Errorf("after a success: %s, last success %s, was %s", successful, at, first)
	}
}
