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

// Client lists the connections of an org, and the orgs of its account. [datadog.Client]
// implements it.
type Client interface {
	inventory.Lister
	inventory.Discoverer
}

// orgLoader makes orgs and discoveries with clients from a configuration file, each
// time that it is loaded. One whose settings are unchanged keeps its client, and with
// it the state of its rate limit.
type orgLoader struct {
	path      string
	wrap      func(Client) Client
	metrics   *collector.APIMetrics
	transport http.RoundTripper // all share its connections
	logger    log.Logger

	current map[string]configuredClient // by name
}

// configuredClient is a client and the settings that it was made of.
type configuredClient struct {
	settings config.Org
	client   Client
}

func newOrgLoader(path string, wrap func(Client) Client, metrics *collector.APIMetrics, logger log.Logger) *orgLoader {
	if wrap == nil {
		wrap = func(c Client) Client { return c }
	}
	return &orgLoader{path: path, wrap: wrap, metrics: metrics, transport: datadog.NewTransport(), logger: logger}
}

// LoadOrgs returns the orgs and the discoveries of a configuration file, for a process
// that loads it once. wrap decorates their clients.
func LoadOrgs(path string, wrap func(Client) Client, logger log.Logger) ([]inventory.Org, []inventory.Discovery, error) {
	content, err := yamlcheck.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("read the configuration: %w", err)
	}
	loaded, err := newOrgLoader(path, wrap, collector.NewAPIMetrics(), logger).load(content)
	if err != nil {
		return nil, nil, err
	}
	loaded.makeCurrent()
	return loaded.orgs, loaded.discoveries, nil
}

// loadedOrgs are the orgs and the discoveries of a configuration file.
type loadedOrgs struct {
	orgs        []inventory.Org
	discoveries []inventory.Discovery
	// makeCurrent makes their clients those to keep, and logs the file's warnings.
	makeCurrent func()
}

// load returns the orgs and the discoveries of the file's content.
func (l *orgLoader) load(content []byte) (loadedOrgs, error) {
	parsed, err := config.Parse(l.path, content)
	if err != nil {
		return loadedOrgs{}, err
	}
	next := map[string]configuredClient{}
	var loaded loadedOrgs
	for _, settings := range parsed.Orgs {
		client, err := l.client(settings, next)
		if err != nil {
			return loadedOrgs{}, fmt.Errorf("org %s: %w", settings.Name, err)
		}
		loaded.orgs = append(loaded.orgs, inventory.Org{Name: settings.Name, Lister: client, OrgID: settings.OrgID})
	}
	for _, settings := range parsed.Discovery {
		client, err := l.client(settings, next)
		if err != nil {
			return loadedOrgs{}, fmt.Errorf("discovery %s: %w", settings.Name, err)
		}
		loaded.discoveries = append(loaded.discoveries, inventory.Discovery{Name: settings.Name, Discoverer: client})
	}
	loaded.makeCurrent = func() {
		logWarnings(l.logger, parsed.Warnings)
		for name := range l.current {
			if _, ok := next[name]; !ok {
				l.metrics.Remove(name)
			}
		}
		for name := range next {
			l.metrics.Add(name)
		}
		l.current = next
	}
	return loaded, nil
}

// client returns the current client if it has these settings, else a new one. It adds
// it to next.
func (l *orgLoader) client(settings config.Org, next map[string]configuredClient) (Client, error) {
	configured, ok := l.current[settings.Name]
	if !ok || configured.settings != settings {
		options, err := settings.Options()
		if err != nil {
			return nil, err
		}
		options.UserAgent = UserAgent()
		options.Transport = l.metrics.Transport(settings.Name, l.transport)
		client, err := datadog.New(options)
		if err != nil {
			return nil, err
		}
		configured = configuredClient{settings: settings, client: l.wrap(client)}
	}
	next[settings.Name] = configured
	return configured.client, nil
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
