package collector

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Requests counts and times HTTP requests to the API. It is a
// [prometheus.Collector] beside [Collector], because it must be there before the
// clients are, of which an inventory is made.
type Requests struct {
	total    *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

// NewRequests makes one that has counted nothing.
func NewRequests() *Requests {
	return &Requests{
		total: prometheus.NewCounterVec(prometheus.CounterOpts{Name: requests.Name, Help: requests.Help}, requests.Labels),
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

// noAnswer is the code of a request that got none.
const noAnswer = "none"

// Transport counts and times what goes through next on behalf of an org.
func (r *Requests) Transport(org string, next http.RoundTripper) http.RoundTripper {
	// Those to expect are there from the beginning: a rate misses what a series
	// begins with.
	for _, code := range []string{"200", "429", noAnswer} {
		r.total.WithLabelValues(org, code)
	}
	elapsed := r.duration.WithLabelValues(org)
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		began := time.Now()
		resp, err := next.RoundTrip(req)
		elapsed.Observe(time.Since(began).Seconds())
		code := noAnswer
		if err == nil {
			code = strconv.Itoa(resp.StatusCode)
		}
		r.total.WithLabelValues(org, code).Inc()
		return resp, err
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
