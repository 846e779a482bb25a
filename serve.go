package main

import (
	"context"
	"fmt"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"datadog_org_connections_exporter/collector"
	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/inventory"
)

// defaultOrg is the org label where only one org is listed.
const defaultOrg = "default"

// serve is the main job: list, keep, show.
type serve struct {
	log           *logFlags
	org           *orgFlags
	web           *webFlags
	ttl, maxStale time.Duration
}

func addServe(app *kingpin.Application) command {
	clause := app.Command("serve", "Serve metrics to Prometheus. This is what runs where no command is given.").Default()
	s := &serve{log: addLogFlags(clause), org: addOrgFlags(clause), web: addWebFlags(clause)}
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
	logs := s.log.loggers(io.err)
	requests := collector.NewRequests()
	client, err := s.org.client(logs.kit, requests.Transport(defaultOrg, datadog.NewTransport()))
	if err != nil {
		return err
	}
	e := exporter{
		orgs:     []inventory.Org{{Name: defaultOrg, Lister: client}},
		options:  inventory.Options{TTL: s.ttl, MaxStale: s.maxStale, Logger: logs.kit},
		requests: requests,
		maxWait:  s.org.timeout,
		web:      s.web,
		log:      logs,
	}
	return e.run(ctx)
}
