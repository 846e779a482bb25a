package cli

import (
	"net/http"
	"sync"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"datadog_org_connections_exporter/internal/exposition"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/web"
)

// metrics shows everything: the inventory, and how the exporter fares.
func (e *exporter) metrics() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		versioncollector.NewCollector(programName),
		e.requests,
	)
	if e.reloader != nil {
		registry.MustRegister(e.reloader.metrics)
	}
	options := handlerOptions(e.log.kit)
	options.Registry = registry
	shown := exposition.Options{Inventory: e.known, Others: registry, HandlerOpts: options}
	if e.judge != nil {
		shown.Judge = e.judge
	}
	return promhttp.InstrumentMetricHandler(registry, exposition.New(shown))
}

// metricsOf shows one org alone.
func (e *exporter) metricsOf(org string, part inventory.Part) http.Handler {
	requests := prometheus.NewRegistry()
	requests.MustRegister(e.requests.Of(org))
	shown := exposition.Options{Inventory: part, Others: requests, HandlerOpts: handlerOptions(e.log.kit)}
	if e.judge != nil {
		shown.Judge = e.judge.Part(e.known.View)
	}
	return exposition.New(shown)
}

// handlerOptions say that one bad metric is logged and left out; it does not take
// the others with it.
func handlerOptions(logger log.Logger) promhttp.HandlerOpts {
	return promhttp.HandlerOpts{
		ErrorLog:          scrapeLogger{logger},
		ErrorHandling:     promhttp.ContinueOnError,
		EnableOpenMetrics: true,
	}
}

// probes are the orgs that were asked for alone. They are kept, for what they
// encoded.
type probes struct {
	mu   sync.Mutex
	made map[string]web.Probed
}

// forgetAll drops them all: what is still configured is made again when it is
// asked for.
func (p *probes) forgetAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.made = nil
}

// probe gives one org alone, for those who spread the orgs over several targets.
func (e *exporter) probe(org string) (web.Probed, bool) {
	part, ok := e.known.Part(org)
	if !ok {
		return web.Probed{}, false
	}
	e.probes.mu.Lock()
	defer e.probes.mu.Unlock()
	probed, ok := e.probes.made[org]
	if !ok {
		probed = web.Probed{Inventory: part, Metrics: e.metricsOf(org, part)}
		if e.probes.made == nil {
			e.probes.made = map[string]web.Probed{}
		}
		e.probes.made[org] = probed
	}
	return probed, true
}
