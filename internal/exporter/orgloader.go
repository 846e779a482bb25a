package exporter

import (
	"fmt"
	"net/http"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"datadog_org_connections_exporter/collector"
	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/config"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/policy"
	"datadog_org_connections_exporter/internal/yamlcheck"
)

// orgLoader makes orgs with clients from a configuration file, each time that it
// is loaded. An org whose settings are unchanged keeps its client, and with it the
// state of its rate limit.
type orgLoader struct {
	path      string
	wrap      func(inventory.Lister) inventory.Lister
	metrics   *collector.APIMetrics
	transport http.RoundTripper // all orgs share its connections
	logger    log.Logger

	current map[string]configuredOrg // by name
}

// configuredOrg is an org's settings and the lister made of them.
type configuredOrg struct {
	settings config.Org
	lister   inventory.Lister
}

func newOrgLoader(path string, wrap func(inventory.Lister) inventory.Lister, metrics *collector.APIMetrics, logger log.Logger) *orgLoader {
	if wrap == nil {
		wrap = func(l inventory.Lister) inventory.Lister { return l }
	}
	return &orgLoader{path: path, wrap: wrap, metrics: metrics, transport: datadog.NewTransport(), logger: logger}
}

// LoadOrgs returns the orgs of a configuration file, for a process that loads it
// once. wrap decorates their clients.
func LoadOrgs(path string, wrap func(inventory.Lister) inventory.Lister, logger log.Logger) ([]inventory.Org, error) {
	content, err := yamlcheck.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	orgs, makeCurrent, err := newOrgLoader(path, wrap, collector.NewAPIMetrics(), logger).load(content)
	if err != nil {
		return nil, err
	}
	makeCurrent()
	return orgs, nil
}

// load returns the orgs of the file's content. Calling makeCurrent makes them the
// current ones and logs the file's warnings.
func (l *orgLoader) load(content []byte) (orgs []inventory.Org, makeCurrent func(), err error) {
	loaded, err := config.Parse(l.path, content)
	if err != nil {
		return nil, nil, err
	}
	next := map[string]configuredOrg{}
	for _, settings := range loaded.Orgs {
		org, ok := l.current[settings.Name]
		if !ok || org.settings != settings {
			if org, err = l.configure(settings); err != nil {
				return nil, nil, err
			}
		}
		next[settings.Name] = org
		orgs = append(orgs, inventory.Org{Name: settings.Name, Lister: org.lister, OrgID: settings.OrgID})
	}
	return orgs, func() {
		logWarnings(l.logger, loaded.Warnings)
		for name := range l.current {
			if _, ok := next[name]; !ok {
				l.metrics.Remove(name)
			}
		}
		for name := range next {
			l.metrics.Add(name)
		}
		l.current = next
	}, nil
}

func (l *orgLoader) configure(settings config.Org) (configuredOrg, error) {
	options, err := settings.Options()
	if err != nil {
		return configuredOrg{}, fmt.Errorf("org %s: %w", settings.Name, err)
	}
	options.UserAgent = UserAgent()
	options.Transport = l.metrics.Transport(settings.Name, l.transport)
	client, err := datadog.New(options)
	if err != nil {
		return configuredOrg{}, fmt.Errorf("org %s: %w", settings.Name, err)
	}
	return configuredOrg{settings: settings, lister: l.wrap(client)}, nil
}

// policyFile returns a policy file that replaces the current policy each time that
// it is loaded.
func policyFile(path string, current *policy.Current, logger log.Logger) *reloadableFile {
	return &reloadableFile{path: path, load: func(content []byte) (apply func(), err error) {
		loaded, err := policy.Parse(path, content)
		if err != nil {
			return nil, err
		}
		return func() {
			logWarnings(logger, loaded.Warnings)
			current.Set(loaded)
		}, nil
	}}
}

func logWarnings(logger log.Logger, warnings []string) {
	for _, warning := range warnings {
		level.Warn(logger).Log("msg", "Suspicious setting", "err", warning)
	}
}
