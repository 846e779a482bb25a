package main

import (
	"net/http"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"datadog_org_connections_exporter/collector"
	"datadog_org_connections_exporter/web"
)

func (e *exporter) registry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		versioncollector.NewCollector(programName),
		e.requests,
		collector.New(e.known, 0), // the handler refreshes, within the scrape's own time
	)
	if e.policy != nil {
		registry.MustRegister(collector.NewExpectation(e.known, e.policy))
	}
	if e.reloader != nil {
		registry.MustRegister(e.reloader.metrics)
	}
	return registry
}

// probe gives one org alone, for those who spread the orgs over several targets.
func (e *exporter) probe(org string) (web.Probed, bool) {
	part, ok := e.known.Part(org)
	if !ok {
		return web.Probed{}, false
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector.New(part, 0), e.requests.Of(org))
	if e.policy != nil {
		registry.MustRegister(collector.NewExpectation(part, e.policy))
	}
	return web.Probed{Inventory: part, Metrics: promhttp.HandlerFor(registry, handlerOptions(e.log.kit))}, true
}

// metricsHandler encodes what the registry gathers. One bad metric is logged and
// left out; it does not take the others with it.
func metricsHandler(registry *prometheus.Registry, logger log.Logger) http.Handler {
	options := handlerOptions(logger)
	options.Registry = registry
	return promhttp.InstrumentMetricHandler(registry, promhttp.HandlerFor(registry, options))
}

func handlerOptions(logger log.Logger) promhttp.HandlerOpts {
	return promhttp.HandlerOpts{
		ErrorLog:          scrapeLogger{logger},
		ErrorHandling:     promhttp.ContinueOnError,
		EnableOpenMetrics: true,
	}
}
