package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/coreos/go-systemd/v22/activation"
	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/mdlayher/vsock"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/version"
	toolkit "github.com/prometheus/exporter-toolkit/web"
	toolkitflags "github.com/prometheus/exporter-toolkit/web/kingpinflag"
	"golang.org/x/sync/errgroup"

	"datadog_org_connections_exporter/collector"
	"datadog_org_connections_exporter/inventory"
	"datadog_org_connections_exporter/web"
)

// defaultAddress is the exporter's port in
// https://github.com/prometheus/prometheus/wiki/Default-port-allocations style.
const defaultAddress = ":10187"

// stopTimeout is how long answers under way may take once the process is told to
// stop. Nothing waits for Datadog any more by then.
const stopTimeout = 5 * time.Second

// webFlags say where to listen, and how.
type webFlags struct {
	toolkit     *toolkit.FlagConfig
	metricsPath string
}

func addWebFlags(to *kingpin.CmdClause) *webFlags {
	f := &webFlags{toolkit: toolkitflags.AddFlags(to, defaultAddress)}
	to.Flag("web.telemetry-path", "Path under which to show metrics.").
		Default("/metrics").SetValue(telemetryPath{to: &f.metricsPath})
	return f
}

// telemetryPath is the value of --web.telemetry-path: a path at which nothing
// else is, and that http.ServeMux does not take for a pattern.
type telemetryPath struct{ to *string }

func (v telemetryPath) Set(text string) error {
	if !strings.HasPrefix(text, "/") || text == "/" || strings.HasPrefix(text, "/-/") || text == "/probe" || text == "/sd" ||
		path.Clean(text) != text || strings.ContainsAny(text, "{}?#% \t\r\n") {
		return fmt.Errorf("--web.telemetry-path: %q is not a path for metrics, such as /metrics; /, /probe, /sd and what is below /-/ are taken", text)
	}
	*v.to = text
	return nil
}

func (v telemetryPath) String() string { return *v.to }

// exporter is a running one: an inventory and servers that show it.
type exporter struct {
	orgs     []inventory.Org
	options  inventory.Options
	requests *collector.Requests
	maxWait  time.Duration // for a refresh, where the scraper does not say how long it has
	web      *webFlags
	notice   string // shown loudly on the landing page
	log      loggers

	// reloader is nil where there is nothing to reload.
	reloader              *reloader
	autoReload, lifecycle bool

	// beside runs beside the servers where it is set. The servers listen already.
	beside func(ctx context.Context, i *inventory.Inventory, addresses []net.Addr) error
}

// run serves until ctx ends, then stops gracefully.
func (e *exporter) run(ctx context.Context) error {
	level.Info(e.log.kit).Log("msg", "Starting "+programName, "version", version.Info(), "build_context", version.BuildContext())
	if err := toolkit.Validate(*e.web.toolkit.WebConfigFile); err != nil {
		return fmt.Errorf("--web.config.file=%s: %s", *e.web.toolkit.WebConfigFile, oneLine(err))
	}
	listeners, err := e.listen(ctx)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	known := inventory.New(ctx, e.orgs, e.options)
	handler := web.New(web.Options{
		Inventory:   known,
		Metrics:     metricsHandler(e.registry(known), e.log.kit),
		Probe:       func(org string) (web.Probed, bool) { return e.probe(known, org) },
		Reload:      e.reloadOverHTTP(),
		MetricsPath: e.web.metricsPath,
		MaxWait:     e.maxWait,
		Version:     version.Version,
		Notice:      e.notice,
		Logger:      e.log.kit,
	})
	group.Go(func() error { known.Warm(); return nil })
	e.followConfiguration(ctx, group, known)
	addresses := make([]net.Addr, len(listeners))
	for n, listener := range listeners {
		addresses[n] = listener.Addr()
		e.serve(ctx, group, listener, handler)
	}
	if e.beside != nil {
		group.Go(func() error { return e.beside(ctx, known, addresses) })
	}
	err = group.Wait()
	level.Info(e.log.kit).Log("msg", "Stopped")
	return err
}

// oneLine is an error's text in one line: YAML's errors have several.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// listen opens what the flags say, or what systemd hands over. It comes before
// anything else that may fail or take long: a taken port is told at once.
func (e *exporter) listen(ctx context.Context) ([]net.Listener, error) {
	if systemd := e.web.toolkit.WebSystemdSocket; systemd != nil && *systemd {
		listeners, err := activation.Listeners()
		if err == nil && len(listeners) == 0 {
			err = errors.New("systemd handed over no socket: is there a .socket unit for this service?")
		}
		if err != nil {
			return nil, fmt.Errorf("--web.systemd-socket: %w", err)
		}
		return listeners, nil
	}
	var listeners []net.Listener
	for _, address := range *e.web.toolkit.WebListenAddresses {
		listener, err := listenOn(ctx, address)
		if err != nil {
			for _, open := range listeners {
				_ = open.Close() // nothing was served on it
			}
			return nil, fmt.Errorf("--web.listen-address=%s: %w", address, err)
		}
		listeners = append(listeners, listener)
	}
	return listeners, nil
}

// listenOn opens host:port, or vsock://:port of a virtual machine.
func listenOn(ctx context.Context, address string) (net.Listener, error) {
	hostPort, isVsock := strings.CutPrefix(address, "vsock://")
	if !isVsock {
		return (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	}
	port, err := strconv.ParseUint(strings.TrimPrefix(hostPort, ":"), 10, 32)
	if err != nil {
		return nil, fmt.Errorf("read the port of a vsock address: %w", err)
	}
	return vsock.Listen(uint32(port), nil)
}

// serve answers on one listener until ctx ends. Each has a server of its own: the
// toolkit changes the server that it is given.
func (e *exporter) serve(ctx context.Context, group *errgroup.Group, listener net.Listener, handler http.Handler) {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          stdLogger(e.log.kit),
		// Scrapes that wait for Datadog answer with what is known when we stop.
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	group.Go(func() error {
		err := toolkit.Serve(listener, server, e.web.toolkit, e.log.slog)
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return fmt.Errorf("serve on %s: %w", listener.Addr(), err)
	})
	group.Go(func() error {
		<-ctx.Done()
		//nolint:contextcheck // ctx has ended: that is why we stop
		stop, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		if err := server.Shutdown(stop); err != nil {
			level.Warn(e.log.kit).Log("msg", "Some answers were cut off while stopping", "err", err)
		}
		return nil
	})
}

func (e *exporter) registry(known *inventory.Inventory) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		versioncollector.NewCollector(programName),
		e.requests,
		collector.New(known, 0), // the handler refreshes, within the scrape's own time
	)
	if e.reloader != nil {
		registry.MustRegister(e.reloader.metrics)
	}
	return registry
}

// probe gives one org alone, for those who spread the orgs over several targets.
func (e *exporter) probe(known *inventory.Inventory, org string) (web.Probed, bool) {
	part, ok := known.Part(org)
	if !ok {
		return web.Probed{}, false
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector.New(part, 0), e.requests.Of(org))
	return web.Probed{Inventory: part, Metrics: promhttp.HandlerFor(registry, handlerOptions(e.log.kit))}, true
}

// followConfiguration reloads when it is told to, or by itself.
func (e *exporter) followConfiguration(ctx context.Context, group *errgroup.Group, known *inventory.Inventory) {
	if e.reloader != nil {
		e.reloader.apply = known.Configure
	}
	group.Go(func() error { onHangup(ctx, e.reloader, e.log.kit); return nil })
	if e.autoReload {
		group.Go(func() error { e.reloader.watch(ctx); return nil })
	}
}

// reloadOverHTTP is nil where that is not allowed.
func (e *exporter) reloadOverHTTP() func() error {
	if e.reloader == nil || !e.lifecycle {
		return nil
	}
	return e.reloader.reload
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
		ErrorLog:          stdLogger(logger),
		ErrorHandling:     promhttp.ContinueOnError,
		EnableOpenMetrics: true,
	}
}
