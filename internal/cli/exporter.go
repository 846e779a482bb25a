package cli

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/go-kit/log/level"
	"github.com/prometheus/common/version"
	toolkit "github.com/prometheus/exporter-toolkit/web"
	"golang.org/x/sync/errgroup"

	"datadog_org_connections_exporter/collector"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/policy"
	"datadog_org_connections_exporter/internal/web"
)

// exporter is a running one: an inventory and servers that show it.
type exporter struct {
	orgs     []inventory.Org
	known    *inventory.Inventory // nil until it runs
	judge    *policy.Judge        // nil where there is no policy
	options  inventory.Options
	requests *collector.Requests
	maxWait  time.Duration // for a refresh, where the scraper does not say how long it has
	web      *webFlags
	notice   string // shown loudly on the landing page
	log      loggers
	probes   probes

	// reloader is nil where there is nothing to reload. hangups tell to.
	reloader              *reloader
	hangups               <-chan os.Signal
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
	listeners, err := e.web.listen(ctx)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	e.known = inventory.New(ctx, e.orgs, e.options)
	handler := web.New(web.Options{
		Inventory:   e.known,
		Metrics:     e.metrics(),
		Probe:       e.probe,
		Reload:      e.reloadOverHTTP(),
		MetricsPath: e.web.metricsPath,
		MaxWait:     e.maxWait,
		Version:     version.Version,
		Notice:      e.notice,
		Logger:      e.log.kit,
	})
	group.Go(func() error { e.known.Warm(); return nil })
	e.followConfiguration(ctx, group)
	addresses := make([]net.Addr, len(listeners))
	for n, listener := range listeners {
		addresses[n] = listener.Addr()
		e.serve(ctx, group, listener, handler)
	}
	if e.beside != nil {
		group.Go(func() error { return e.beside(ctx, e.known, addresses) })
	}
	err = group.Wait()
	level.Info(e.log.kit).Log("msg", "Stopped")
	return err
}

// oneLine is an error's text in one line: YAML's errors have several.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// setOrgs says which orgs to list, from the beginning or from now on.
func (e *exporter) setOrgs(orgs []inventory.Org) {
	e.orgs = orgs
	if e.known != nil {
		e.known.Configure(orgs)
		e.probes.forgetAll()
	}
}

// followConfiguration reloads when it is told to, or by itself.
func (e *exporter) followConfiguration(ctx context.Context, group *errgroup.Group) {
	group.Go(func() error { onHangup(ctx, e.hangups, e.reloader, e.log.kit); return nil })
	if e.reloader != nil && e.autoReload {
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
