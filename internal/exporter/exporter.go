// Package exporter is the running process: an inventory, the servers that export
// it, and the files that it reloads.
//
//	exporter.go   Run: wires everything
//	server.go     one HTTP server per listener, and stopping
//	handlers.go   the handlers of /metrics and /probe
//	reload.go     reloads files on SIGHUP, over HTTP or when they change
//	orgloader.go  orgs, discoveries and their clients from a configuration file
package exporter

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/common/version"
	toolkit "github.com/prometheus/exporter-toolkit/web"
	"golang.org/x/sync/errgroup"

	"datadog_org_connections_exporter/collector"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/policy"
	"datadog_org_connections_exporter/internal/storage"
	"datadog_org_connections_exporter/internal/web"
)

// Name is the name of the binary and the module, and the prefix of the process's
// own metrics.
const Name = "datadog_org_connections_exporter"

// UserAgent returns what requests to Datadog's API carry as their User-Agent.
func UserAgent() string { return Name + "/" + version.Version }

// Options configure an exporter.
type Options struct {
	// Listeners to serve on. Run closes them. Required.
	Listeners []net.Listener
	// Web holds exporter-toolkit's settings: TLS and authentication. Required.
	Web *toolkit.FlagConfig
	// MetricsPath is the path of the metrics. Default: /metrics.
	MetricsPath string
	// MaxWait is how long a scrape waits for a refresh where the scraper does not
	// send its own timeout. Default: 30s.
	MaxWait time.Duration

	// TTL and MaxStale are those of [inventory.Options].
	TTL, MaxStale time.Duration
	// Orgs to list. Ignored where ConfigFile is set.
	Orgs []inventory.Org
	// Discoveries list the orgs of accounts. Ignored where ConfigFile is set.
	Discoveries []inventory.Discovery
	// ConfigFile names the configuration file with the orgs to list and the
	// discoveries. Default: none.
	ConfigFile string
	// WrapClient decorates the clients of the configuration file. What it returns
	// must be comparable. Default: not decorated.
	WrapClient func(Client) Client
	// APIMetrics instrument the requests to Datadog's API. Required.
	APIMetrics *collector.APIMetrics

	// Policy to judge by, which may change while the exporter runs. Default: none,
	// or that of PolicyFile.
	Policy *policy.Current
	// PolicyFile names the policy file. Default: none.
	PolicyFile string

	// AutoReload reloads the files when they change. Default: false.
	AutoReload bool
	// EnableLifecycle allows reloading over HTTP. Default: false.
	EnableLifecycle bool

	// DisablePage serves neither pages nor the API. Default: false.
	DisablePage bool
	// StoragePath names the state directory, which keeps what is remembered over
	// restarts. Default: none, and nothing is kept.
	StoragePath string
	// Retention is that of [inventory.Options].
	Retention time.Duration

	// Notice is shown prominently on each page. Default: none.
	Notice string
	// Background runs beside the servers until ctx ends. Default: nothing.
	Background func(ctx context.Context, inv *inventory.Inventory) error

	// Logger is for the exporter, Slog for libraries that log through log/slog.
	// Required.
	Logger log.Logger
	Slog   *slog.Logger
}

// exporter is a running one.
type exporter struct {
	Options
	inventory *inventory.Inventory
	judge     *policy.Judge // nil without a policy
	reloader  *reloader     // nil without files
	probes    probeHandlers
}

// Run serves until ctx ends, then stops gracefully. It returns an error where a
// file cannot be loaded or a server fails.
func Run(ctx context.Context, o Options) error {
	hangups, stop := notifyHangups()
	defer stop()
	level.Info(o.Logger).Log("msg", "Starting "+Name, "version", version.Info(), "build_context", version.BuildContext())
	group, ctx := errgroup.WithContext(ctx)
	e := exporter{Options: o}
	state, store, closeStore := openStorage(o.StoragePath, o.Logger)
	defer closeStore()
	e.inventory = inventory.New(ctx, o.Orgs, inventory.Options{
		Discoveries: o.Discoveries, TTL: o.TTL, MaxStale: o.MaxStale, Retention: o.Retention, State: state, Storage: store, Logger: o.Logger,
	})
	if err := e.loadFiles(); err != nil {
		closeAll(o.Listeners)
		return err
	}

	shown := web.Options{
		Inventory:   e.inventory,
		Metrics:     e.metricsHandler(),
		Probe:       e.probe,
		DisablePage: o.DisablePage,
		Reload:      e.reloadOverHTTP(),
		MetricsPath: o.MetricsPath,
		MaxWait:     o.MaxWait,
		Version:     version.Version,
		Notice:      o.Notice,
		Logger:      o.Logger,
	}
	if e.judge != nil {
		shown.Judge = e.judge
	}
	handler := web.New(shown)
	group.Go(func() error { e.inventory.WarmUp(); return nil })
	group.Go(func() error { e.inventory.Store(); return nil })
	group.Go(func() error { reloadOnHangup(ctx, hangups, e.reloader, o.Logger); return nil })
	if e.reloader != nil && o.AutoReload {
		group.Go(func() error { e.reloader.watch(ctx); return nil })
	}
	for _, listener := range o.Listeners {
		e.serve(ctx, group, listener, handler)
	}
	if o.Background != nil {
		group.Go(func() error { return o.Background(ctx, e.inventory) })
	}
	err := group.Wait()
	level.Info(o.Logger).Log("msg", "Stopped")
	return err
}

// openStorage opens a state directory; without one, what it returns does nothing. Where it
// cannot be used, the exporter goes on all the same, and each attempt to write there fails,
// which is logged and counted.
func openStorage(path string, logger log.Logger) (*inventory.State, inventory.Storage, func()) {
	if path == "" {
		return nil, nil, func() {}
	}
	db, state, err := storage.Open(path, logger)
	if err != nil {
		return nil, failingStorage{fmt.Errorf("%w, and restart", err)}, func() {}
	}
	level.Info(logger).Log("msg", "Opened the state directory", "path", path, "connections", len(state.Connections), "changes", len(state.Changes))
	return state, db, func() {
		if err := db.Close(); err != nil {
			level.Error(logger).Log("msg", "Closing the state directory failed", "err", err)
		}
	}
}

// failingStorage is a state directory that cannot be used.
type failingStorage struct{ err error }

// Write implements [inventory.Storage].
func (f failingStorage) Write(inventory.Update) error { return f.err }

// loadFiles loads the configuration and policy files for the first time.
func (e *exporter) loadFiles() error {
	var files []*reloadableFile
	if e.ConfigFile != "" {
		files = append(files, e.configFile())
	}
	if e.PolicyFile != "" {
		e.Policy = &policy.Current{}
		files = append(files, policyFile(e.PolicyFile, e.Policy, e.Logger))
	}
	if e.Policy != nil {
		e.judge = policy.NewJudge(e.Policy)
	}
	if len(files) == 0 {
		return nil
	}
	e.reloader = &reloader{files: files, metrics: collector.NewReloadMetrics(), logger: e.Logger}
	return e.reloader.load()
}

// configFile returns the configuration file, whose orgs and discoveries replace those of
// the inventory each time that it is loaded.
func (e *exporter) configFile() *reloadableFile {
	loader := newOrgLoader(e.ConfigFile, e.WrapClient, e.APIMetrics, e.Logger)
	return &reloadableFile{path: e.ConfigFile, load: func(content []byte) (apply func(), err error) {
		loaded, err := loader.load(content)
		if err != nil {
			return nil, err
		}
		return func() {
			loaded.makeCurrent()
			e.inventory.Configure(loaded.orgs, loaded.discoveries...)
			e.probes.reset()
		}, nil
	}}
}

// reloadOverHTTP returns nil where reloading over HTTP is not enabled.
func (e *exporter) reloadOverHTTP() func() error {
	if e.reloader == nil || !e.EnableLifecycle {
		return nil
	}
	return e.reloader.reload
}

func closeAll(listeners []net.Listener) {
	for _, listener := range listeners {
		_ = listener.Close() // nothing was served on it
	}
}
