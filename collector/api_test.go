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

// statusTransport responds with a status, or fails if that is 0.
type statusTransport int

func (s statusTransport) RoundTrip(*http.Request) (*http.Response, error) {
	if s == 0 {
		return nil, errors.New("no response")
	}
	return &http.Response{StatusCode: int(s), Body: http.NoBody}, nil
}

func send(t *testing.T, transport http.RoundTripper) {
	t.Helper()
	resp, err := transport.RoundTrip(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	if err == nil {
		_ = resp.Body.Close() // there is none
	}
}

// countsOf returns the series of a collector that count requests, without their names.
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

func TestAPIMetrics_CountByOrgAndCode(t *testing.T) {
	metrics := collector.NewAPIMetrics()
	metrics.Add("a")
	metrics.Add("b")
	for _, code := range []statusTransport{200, 200, 429, 503, 0} {
		send(t, metrics.Transport("a", code))
	}
	late := metrics.Transport("b", statusTransport(200))
	want := `_count{org="a"} 5
{code="200",org="a"} 2
{code="429",org="a"} 1
{code="503",org="a"} 1
{code="none",org="a"} 1`
	if got := countsOf(t, metrics.ForOrg("a")); got != want {
		t.Errorf("for a:\n%s\nwant\n%s", got, want)
	}
	if got := countsOf(t, metrics); !strings.Contains(got, want[strings.Index(want, "{code"):strings.Index(want, "\n{code=\"429")]) || !strings.Contains(got, `org="b"`) {
		t.Errorf("for all:\n%s", got)
	}
	metrics.Remove("b")
	send(t, late) // was in flight when the org was removed
	if got := countsOf(t, metrics); strings.Contains(got, `org="b"`) {
		t.Errorf("b is not removed:\n%s", got)
	}
}

func TestReloadMetrics(t *testing.T) { synctest.Test(t, testReloadMetrics) }

func testReloadMetrics(t *testing.T) {
	metrics := collector.NewReloadMetrics()
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics)
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
	metrics.Failed()
	if successful, at := values(); successful != "0" || at != first {
		t.Errorf("after a failure: %s, last success %s, was %s", successful, at, first)
	}
	time.Sleep(time.Second) // virtual
	metrics.Succeeded()
	if successful, at := values(); successful != "1" || at == first {
		t.Errorf("after a success: %s, last success %s, was %s", successful, at, first)
	}
}
