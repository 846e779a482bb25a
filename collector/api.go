package collector

import (
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// APIMetrics counts and times HTTP requests to the API. It is separate from
// [Collector], because the clients need it before there is an inventory of them.
type APIMetrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec

	mu   sync.Mutex
	orgs map[string]bool
}

// NewAPIMetrics returns metrics of no org yet.
func NewAPIMetrics() *APIMetrics {
	return &APIMetrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: apiRequests.Name, Help: apiRequests.Help}, apiRequests.Labels),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    apiRequestDuration.Name,
			Help:    apiRequestDuration.Help,
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30},
			// The native histogram: buckets grow by ten per cent, and their number is
			// limited as client_golang's documentation suggests.
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  100,
			NativeHistogramMinResetDuration: time.Hour,
		}, apiRequestDuration.Labels),
		orgs: map[string]bool{},
	}
}

// Describe implements [prometheus.Collector].
func (m *APIMetrics) Describe(ch chan<- *prometheus.Desc) {
	m.requests.Describe(ch)
	m.duration.Describe(ch)
}

// Collect implements [prometheus.Collector].
func (m *APIMetrics) Collect(ch chan<- prometheus.Metric) {
	m.requests.Collect(ch)
	m.duration.Collect(ch)
}

// noResponse is the code of a request that failed without one.
const noResponse = "none"

// Add starts counting the requests of an org. Its series begin at 0 for the codes to
// expect, because a rate does not see the first value of a series.
func (m *APIMetrics) Add(org string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.orgs[org] = true
	m.duration.WithLabelValues(org)
	for _, code := range []string{"200", "429", noResponse} {
		m.requests.WithLabelValues(org, code)
	}
}

// Remove drops the series of an org that is no longer listed. Its requests in flight
// are not counted.
func (m *APIMetrics) Remove(org string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.orgs, org)
	m.requests.DeletePartialMatch(prometheus.Labels{"org": org})
	m.duration.DeletePartialMatch(prometheus.Labels{"org": org})
}

// Transport returns a round tripper that counts and times the requests that it
// passes to next, while the org is added.
func (m *APIMetrics) Transport(org string, next http.RoundTripper) http.RoundTripper {
	return &apiTransport{m, org, next}
}

// apiTransport counts and times the requests of one org.
type apiTransport struct {
	metrics *APIMetrics
	org     string
	next    http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (t *apiTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	began := time.Now()
	resp, err := t.next.RoundTrip(req)
	code := noResponse
	if err == nil {
		code = strconv.Itoa(resp.StatusCode)
	}
	t.metrics.observe(t.org, code, time.Since(began))
	return resp, err
}

// CloseIdleConnections closes those of the next round tripper, if it has any.
func (t *apiTransport) CloseIdleConnections() {
	(&http.Client{Transport: t.next}).CloseIdleConnections()
}

func (m *APIMetrics) observe(org, code string, took time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.orgs[org] {
		m.duration.WithLabelValues(org).Observe(took.Seconds())
		m.requests.WithLabelValues(org, code).Inc()
	}
}

// ForOrg returns a collector of the series of one org only.
func (m *APIMetrics) ForOrg(org string) prometheus.Collector { return orgAPIMetrics{m, org} }

type orgAPIMetrics struct {
	*APIMetrics
	org string
}

// Collect implements [prometheus.Collector].
func (m orgAPIMetrics) Collect(ch chan<- prometheus.Metric) {
	all := make(chan prometheus.Metric)
	go func() {
		defer close(all)
		m.APIMetrics.Collect(all)
	}()
	for metric := range all {
		var content dto.Metric
		if metric.Write(&content) != nil || slices.ContainsFunc(content.GetLabel(), func(l *dto.LabelPair) bool {
			return l.GetName() == "org" && l.GetValue() == m.org
		}) {
			ch <- metric // a registry reports one that fails to write
		}
	}
}
