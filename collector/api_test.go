package collector_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

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

// seriesOf returns the series of a metric, a line each.
func seriesOf(t *testing.T, c prometheus.Collector, metric string) string {
	t.Helper()
	text, err := testutil.CollectAndFormat(c, expfmt.TypeTextPlain, metric)
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile("(?m)^#.*\n").ReplaceAllString(string(text), "")
}

// idleTransport has idle connections until they are closed.
type idleTransport struct {
	http.RoundTripper
	closed bool
}

func (i *idleTransport) CloseIdleConnections() { i.closed = true }

func TestAPIMetrics_TransportClosesIdleConnections(t *testing.T) {
	next := &idleTransport{}
	client := &http.Client{Transport: collector.NewAPIMetrics().Transport("a", next)}
	client.CloseIdleConnections()
	if !next.closed {
		t.Error("the connections of the next transport are open")
	}
}

func TestAPIMetrics_CountByOrgAndCode(t *testing.T) {
	const requests, duration = "datadog_api_requests_total", "datadog_api_request_duration_seconds"
	metrics := collector.NewAPIMetrics()
	metrics.Add("a")
	metrics.Add("b")
	for _, code := range []statusTransport{200, 200, 429, 503, 0} {
		send(t, metrics.Transport("a", code))
	}
	inFlight := metrics.Transport("b", statusTransport(200))
	ofA := requests + `{code="200",org="a"} 2
` + requests + `{code="429",org="a"} 1
` + requests + `{code="503",org="a"} 1
` + requests + `{code="none",org="a"} 1
`
	ofB := requests + `{code="200",org="b"} 0
` + requests + `{code="429",org="b"} 0
` + requests + `{code="none",org="b"} 0
`
	if got := seriesOf(t, metrics.ForOrg("a"), requests); got != ofA {
		t.Errorf("of a:\n%s\nwant\n%s", got, ofA)
	}
	if got := seriesOf(t, metrics.ForOrg("b"), requests); got != ofB {
		t.Errorf("of b:\n%s\nwant\n%s", got, ofB)
	}
	if got := seriesOf(t, metrics.ForOrg("a"), duration); !strings.Contains(got, duration+`_count{org="a"} 5`) || strings.Contains(got, `org="b"`) {
		t.Errorf("of a:\n%s", got)
	}
	if got, want := strings.Count(seriesOf(t, metrics, requests), "\n"), strings.Count(ofA+ofB, "\n"); got != want {
		t.Errorf("%d series of all orgs, want %d", got, want)
	}
	metrics.Remove("b")
	send(t, inFlight)
	if got := seriesOf(t, metrics, requests); got != ofA {
		t.Errorf("after b is removed:\n%s\nwant\n%s", got, ofA)
	}
	if got := seriesOf(t, metrics, duration); strings.Contains(got, `org="b"`) {
		t.Errorf("after b is removed:\n%s", got)
	}
}

func TestReloadMetrics(t *testing.T) { synctest.Test(t, testReloadMetrics) }

func testReloadMetrics(t *testing.T) {
	metrics := collector.NewReloadMetrics()
	wantValues := func(when, successful string, lastSuccess time.Time) {
		t.Helper()
		const prefix = "datadog_org_connections_exporter_config_last_reload_"
		got := seriesOf(t, metrics, prefix+"successful") + seriesOf(t, metrics, prefix+"success_timestamp_seconds")
		if want := fmt.Sprintf("%ssuccessful %s\n%ssuccess_timestamp_seconds %v\n", prefix, successful, prefix, float64(lastSuccess.Unix())); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", when, got, want)
		}
	}
	loaded := time.Now()
	wantValues("at first", "1", loaded)
	time.Sleep(time.Second) // virtual
	metrics.Failed()
	wantValues("after a failure", "0", loaded)
	metrics.Succeeded()
	wantValues("after a success", "1", loaded.Add(time.Second))
}
