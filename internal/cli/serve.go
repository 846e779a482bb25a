package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"datadog_org_connections_exporter/collector"
	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/exporter"
	"datadog_org_connections_exporter/internal/inventory"
)

// defaultOrg is the org label where the flags say which org to list.
const defaultOrg = "default"

// serve is the default command: the exporter.
type serve struct {
	log           *logFlags
	datadog       *datadogFlags
	web           *webFlags
	ttl, maxStale time.Duration
	storagePath   string
	retention     time.Duration
	configFile    string
	policyFile    string
	autoReload    bool
	lifecycle     bool
	disablePage   bool
}

func addServe(app *kingpin.Application) command {
	clause := app.Command("serve", "Serve metrics to Prometheus. This is what runs where no command is given.").Default()
	s := &serve{log: addLogFlags(clause), datadog: addDatadogFlags(clause), web: addWebFlags(clause)}
	addConfigFile(clause, &s.configFile)
	clause.Flag("policy.file", "Policy file with the connections that are expected.").
		PlaceHolder("FILE").StringVar(&s.policyFile)
	clause.Flag("config.auto-reload", "Reload the configuration and policy files when they change.").
		BoolVar(&s.autoReload)
	clause.Flag("web.enable-lifecycle", "Enable reloading the configuration and policy files by a POST to /-/reload.").
		BoolVar(&s.lifecycle)
	clause.Flag("web.disable-page", "Serve neither the page at / and what it links to, nor the API below /api/.").
		BoolVar(&s.disablePage)
	addDuration(clause, &s.ttl, "cache.ttl", inventory.DefaultTTL,
		"How old a listing may be and still be served without asking Datadog again. Failed listings are not repeated sooner either.")
	addDuration(clause, &s.maxStale, "cache.max-stale", inventory.DefaultMaxStale,
		"How old the last good listing may get while listing fails, before its connections are no longer shown.")
	clause.Flag("storage.path", "State directory, which keeps the last good listings and the history of changes over restarts. Default: none, and they are forgotten.").
		PlaceHolder("DIR").StringVar(&s.storagePath)
	addDuration(clause, &s.retention, "storage.retention", inventory.DefaultRetention,
		"How long changes are remembered after they were found.")
	return s
}

func (s *serve) run(ctx context.Context, io streams) error {
	if s.maxStale < s.ttl {
		return fmt.Errorf("--cache.max-stale must not be below --cache.ttl: they are %v and %v", s.maxStale, s.ttl)
	}
	logs := s.log.loggers(io.err)
	options := exporter.Options{
		Web:             s.web.toolkit,
		MetricsPath:     s.web.metricsPath,
		MaxWait:         s.datadog.timeout,
		TTL:             s.ttl,
		MaxStale:        s.maxStale,
		StoragePath:     s.storagePath,
		Retention:       s.retention,
		ConfigFile:      s.configFile,
		WrapClient:      hints{repeats: true, configFile: true}.wrap,
		APIMetrics:      collector.NewAPIMetrics(),
		PolicyFile:      s.policyFile,
		AutoReload:      s.autoReload,
		EnableLifecycle: s.lifecycle,
		DisablePage:     s.disablePage,
		Logger:          logs.kit,
		Slog:            logs.slog,
	}
	var err error
	if s.configFile == "" {
		transport := options.APIMetrics.Transport(defaultOrg, datadog.NewTransport())
		if options.Orgs, options.Discoveries, err = s.datadog.orgs(logs.kit, transport, hints{repeats: true}); err != nil {
			return err
		}
		options.APIMetrics.Add(defaultOrg)
	}
	if options.Listeners, err = s.web.listen(ctx); err != nil {
		return err
	}
	return exporter.Run(ctx, options)
}
