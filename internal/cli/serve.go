package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"datadog_org_connections_exporter/collector"
	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/policy"
)

// defaultOrg is the org label where only one org is listed.
const defaultOrg = "default"

// serve is the main job: list, keep, show.
type serve struct {
	log           *logFlags
	org           *orgFlags
	web           *webFlags
	ttl, maxStale time.Duration
	configFile    string
	policyFile    string
	autoReload    bool
	lifecycle     bool
}

func addServe(app *kingpin.Application) command {
	clause := app.Command("serve", "Serve metrics to Prometheus. This is what runs where no command is given.").Default()
	s := &serve{log: addLogFlags(clause), org: addOrgFlags(clause), web: addWebFlags(clause)}
	clause.Flag("config.file", "Configuration file with several orgs. With it, the --datadog flags and the DD_ variables are not used.").
		PlaceHolder("FILE").StringVar(&s.configFile)
	clause.Flag("policy.file", "Policy file with the connections that are expected.").
		PlaceHolder("FILE").StringVar(&s.policyFile)
	clause.Flag("config.auto-reload", "Reload the configuration and policy files by themselves when they change.").
		BoolVar(&s.autoReload)
	clause.Flag("web.enable-lifecycle", "Let a POST to /-/reload reload the configuration and policy files.").
		BoolVar(&s.lifecycle)
	addDuration(clause, &s.ttl, "cache.ttl", inventory.DefaultTTL,
		"How old a listing may be and still be served without asking Datadog again. Failed listings are not repeated sooner either.")
	addDuration(clause, &s.maxStale, "cache.max-stale", inventory.DefaultMaxStale,
		"How old the last good listing may get while listing fails, before its connections are no longer shown.")
	return s
}

func (s *serve) run(ctx context.Context, io streams) error {
	if s.maxStale < s.ttl {
		return fmt.Errorf("--cache.max-stale must not be below --cache.ttl: they are %v and %v", s.maxStale, s.ttl)
	}
	signals, stop := hangups()
	defer stop()
	logs := s.log.loggers(io.err)
	e := exporter{
		hangups:  signals,
		options:  inventory.Options{TTL: s.ttl, MaxStale: s.maxStale, Logger: logs.kit},
		requests: collector.NewRequests(),
		maxWait:  s.org.timeout,
		web:      s.web,
		log:      logs,
	}
	if err := s.listed(&e); err != nil {
		return err
	}
	return e.run(ctx)
}

// listed says what to list, and what to expect of it: by the flags and the
// environment, or by files that are loaded again.
func (s *serve) listed(e *exporter) error {
	var files []*reloadable
	if s.configFile != "" {
		orgs := newConfiguration(s.configFile, e.setOrgs, e.requests, e.log.kit)
		files = append(files, &reloadable{path: s.configFile, load: orgs.load})
	} else if err := s.oneOrg(e); err != nil {
		return err
	}
	if s.policyFile != "" {
		inForce := &policy.Current{}
		e.judge = policy.NewJudge(inForce)
		files = append(files, rules(s.policyFile, inForce, e.log.kit))
	}
	if len(files) == 0 {
		return nil
	}
	e.reloader = &reloader{files: files, logger: e.log.kit}
	e.autoReload, e.lifecycle = s.autoReload, s.lifecycle
	return e.reloader.start()
}

// oneOrg lists the org of the flags and the environment.
func (s *serve) oneOrg(e *exporter) error {
	client, err := s.org.client(e.log.kit, e.requests.Transport(defaultOrg, datadog.NewTransport()))
	if err != nil {
		return err
	}
	e.requests.Expect(defaultOrg)
	e.setOrgs([]inventory.Org{{Name: defaultOrg, Lister: client}})
	return nil
}
