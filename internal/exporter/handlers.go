package exporter

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"datadog_org_connections_exporter/internal/exposition"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/web"
)

// metricsHandler returns the handler of all metrics: the inventory's and the
// process's.
func (e *exporter) metricsHandler() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		versioncollector.NewCollector(Name),
		e.APIMetrics,
	)
	if e.reloader != nil {
		registry.MustRegister(e.reloader.metrics)
	}
	options := handlerOptions(e.Logger)
	options.Registry = registry
	shown := exposition.Options{Inventory: e.inventory, Gatherer: registry, HandlerOpts: options}
	if e.judge != nil {
		shown.Judge = e.judge
	}
	return promhttp.InstrumentMetricHandler(registry, exposition.New(shown))
}

// probeHandler returns the handler of one org's metrics.
func (e *exporter) probeHandler(org string, inv inventory.OrgInventory) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(e.APIMetrics.ForOrg(org))
	shown := exposition.Options{Inventory: inv, Gatherer: registry, HandlerOpts: handlerOptions(e.Logger)}
	if e.judge != nil {
		shown.Judge = e.judge.ForOrg(e.inventory.View)
	}
	return exposition.New(shown)
}

// handlerOptions log and leave out a metric that cannot be gathered; the others
// are served.
func handlerOptions(logger log.Logger) promhttp.HandlerOpts {
	return promhttp.HandlerOpts{
		ErrorLog:          scrapeErrorLogger{logger},
		ErrorHandling:     promhttp.ContinueOnError,
		EnableOpenMetrics: true,
	}
}

// probeHandlers caches the handlers of /probe by org: each holds an encoded
// exposition.
type probeHandlers struct {
	mu    sync.Mutex
	byOrg map[string]web.Target
}

// reset drops all handlers. Those of orgs that are still configured are made again
// with the next probe.
func (p *probeHandlers) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.byOrg = nil
}

// probe returns one org's inventory and metrics; ok is false where the org is not
// configured.
func (e *exporter) probe(org string) (probed web.Target, ok bool) {
	inv, ok := e.inventory.ForOrg(org)
	if !ok {
		return web.Target{}, false
	}
	e.probes.mu.Lock()
	defer e.probes.mu.Unlock()
	if probed, ok = e.probes.byOrg[org]; ok {
		return probed, true
	}
	if e.probes.byOrg == nil {
		e.probes.byOrg = map[string]web.Target{}
	}
	probed = web.Target{Inventory: inv, Metrics: e.probeHandler(org, inv)}
	e.probes.byOrg[org] = probed
	return probed, true
}

// scrapeErrorLogger is the error log of promhttp, which logs each metric family
// that it cannot gather or send. A scraper that has disconnected is logged at
// debug level only: it would cause one line per family.
type scrapeErrorLogger struct{ logger log.Logger }

// Println implements [promhttp.Logger].
func (l scrapeErrorLogger) Println(values ...any) {
	leveled := level.Error(l.logger)
	for _, value := range values {
		if err, ok := value.(error); ok && isDisconnect(err) {
			leveled = level.Debug(l.logger)
		}
	}
	leveled.Log("msg", "Metrics missing in a response", "err", strings.TrimSpace(fmt.Sprintln(values...)))
}

// isDisconnect reports whether an error means that the client is gone.
func isDisconnect(err error) bool {
	var network *net.OpError
	return errors.As(err, &network) || errors.Is(err, context.Canceled) || errors.Is(err, http.ErrHandlerTimeout)
}
