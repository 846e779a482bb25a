package collector

import "github.com/prometheus/client_golang/prometheus"

// ReloadMetrics shows how reloading the configuration went. It is separate from
// [Collector], so that its metrics are only there where a configuration file is.
type ReloadMetrics struct{ successful, lastSuccess prometheus.Gauge }

// NewReloadMetrics returns the metrics of a configuration that was loaded just now.
func NewReloadMetrics() *ReloadMetrics {
	m := &ReloadMetrics{
		successful:  prometheus.NewGauge(prometheus.GaugeOpts{Name: reloadSuccessful.Name, Help: reloadSuccessful.Help}),
		lastSuccess: prometheus.NewGauge(prometheus.GaugeOpts{Name: reloadLastSuccess.Name, Help: reloadLastSuccess.Help}),
	}
	m.Succeeded()
	return m
}

// Succeeded records that the configuration was loaded now.
func (m *ReloadMetrics) Succeeded() {
	m.successful.Set(1)
	m.lastSuccess.SetToCurrentTime()
}

// Failed records that an attempt failed.
func (m *ReloadMetrics) Failed() { m.successful.Set(0) }

// Describe implements [prometheus.Collector].
func (m *ReloadMetrics) Describe(ch chan<- *prometheus.Desc) {
	m.successful.Describe(ch)
	m.lastSuccess.Describe(ch)
}

// Collect implements [prometheus.Collector].
func (m *ReloadMetrics) Collect(ch chan<- prometheus.Metric) {
	m.successful.Collect(ch)
	m.lastSuccess.Collect(ch)
}
