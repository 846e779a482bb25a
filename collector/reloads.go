package collector

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Reloads tells how reloading the configuration went. It is a
// [prometheus.Collector] of its own: only who has something to reload shows it.
type Reloads struct {
	successful, lastSuccess prometheus.Gauge
}

// NewReloads makes one for a configuration that was loaded just now.
func NewReloads() *Reloads {
	r := &Reloads{
		successful:  prometheus.NewGauge(prometheus.GaugeOpts{Name: reloadSuccessful.Name, Help: reloadSuccessful.Help}),
		lastSuccess: prometheus.NewGauge(prometheus.GaugeOpts{Name: reloadSuccessTime.Name, Help: reloadSuccessTime.Help}),
	}
	r.Succeeded()
	return r
}

// Succeeded notes that the configuration was loaded now.
func (r *Reloads) Succeeded() {
	r.successful.Set(1)
	r.lastSuccess.Set(float64(time.Now().UnixMicro()) / 1e6)
}

// Failed notes that an attempt failed.
func (r *Reloads) Failed() { r.successful.Set(0) }

// Describe implements [prometheus.Collector].
func (r *Reloads) Describe(ch chan<- *prometheus.Desc) {
	r.successful.Describe(ch)
	r.lastSuccess.Describe(ch)
}

// Collect implements [prometheus.Collector].
func (r *Reloads) Collect(ch chan<- prometheus.Metric) {
	r.successful.Collect(ch)
	r.lastSuccess.Collect(ch)
}
