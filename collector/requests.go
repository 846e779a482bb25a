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

// Requests counts and times HTTP requests to the API. It is a
// [prometheus.Collector] beside [Collector], because it must be there before the
// clients are, of which an inventory is made.
type Requests struct {
	total    *prometheus.CounterVec
	duration *prometheus.HistogramVec

	mu     sync.Mutex
	listed map[string]bool // orgs
}

// NewRequests makes one that has counted nothing.
func NewRequests() *Requests {
	return &Requests{
		listed: map[string]bool{},
		total:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: requests.Name, Help: requests.Help}, requests.Labels),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    requestDuration.Name,
			Help:    requestDuration.Help,
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30},
			// Ten per cent between buckets, and an upper bound on how many there
			// are, as client_golang's documentation suggests.
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  100,
			NativeHistogramMinResetDuration: time.Hour,
		}, requestDuration.Labels),
	}
}

// Describe implements [prometheus.Collector].
func (r *Requests) Describe(ch chan<- *prometheus.Desc) {
	r.total.Describe(ch)
	r.duration.Describe(ch)
}

// Collect implements [prometheus.Collector].
func (r *Requests) Collect(ch chan<- prometheus.Metric) {
	r.total.Collect(ch)
	r.duration.Collect(ch)
}

// Of gives a collector that shows the requests of one org only.
func (r *Requests) Of(org string) prometheus.Collector { return requestsOf{r, org} }

// Forget drops what was counted for an org that is no longer listed.
// Requests of it that are still under way do not count.
func (r *Requests) Forget(org string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.listed, org)
	r.total.DeletePartialMatch(prometheus.Labels{"org": org})
	r.duration.DeletePartialMatch(prometheus.Labels{"org": org})
}

type requestsOf struct {
	*Requests
	org string
}

// Collect implements [prometheus.Collector].
func (r requestsOf) Collect(ch chan<- prometheus.Metric) {
	all := make(chan prometheus.Metric)
	go func() {
		defer close(all)
		r.Requests.Collect(all)
	}()
	for metric := range all {
		var content dto.Metric
		if metric.Write(&content) != nil || slices.ContainsFunc(content.GetLabel(), func(l *dto.LabelPair) bool {
			return l.GetName() == "org" && l.GetValue() == r.org
		}) {
			ch <- metric // one that cannot be written is told by whoever gathers
		}
	}
}

// noAnswer is the code of a request that got none.
const noAnswer = "none"

// Transport counts and times what goes through next on behalf of an org, as long
// as the org is expected.
func (r *Requests) Transport(org string, next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		began := time.Now()
		resp, err := next.RoundTrip(req)
		code := noAnswer
		if err == nil {
			code = strconv.Itoa(resp.StatusCode)
		}
		r.count(org, code, time.Since(began))
		return resp, err
	})
}

// Expect begins to count for an org. Its series are there at once, for the codes to
// expect: a rate misses what a series begins with.
func (r *Requests) Expect(org string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.listed[org] = true
	r.duration.WithLabelValues(org)
	for _, code := range []string{"200", "429", noAnswer} {
		r.total.WithLabelValues(org, code)
	}
}

func (r *Requests) count(org, code string, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.listed[org] {
		r.duration.WithLabelValues(org).Observe(took.Seconds())
		r.total.WithLabelValues(org, code).Inc()
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
