package cli

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
)

// configuration makes orgs to list of a configuration file, each time it is
// loaded. An org whose settings are those of before keeps its client, and with it
// what the API said about its rate limit.
type configuration struct {
	file      string
	requests  *collector.Requests
	transport http.RoundTripper // all orgs share its connections
	logger    log.Logger
	apply     func([]inventory.Org)

	current map[string]configured // by the org's name
}

type configured struct {
	settings config.Org
	client   *datadog.Client
}

func newConfiguration(file string, apply func([]inventory.Org), requests *collector.Requests, logger log.Logger) *configuration {
	return &configuration{file: file, apply: apply, requests: requests, transport: datadog.NewTransport(), logger: logger}
}

// rules puts the policy of a file in force, each time it is loaded.
func rules(file string, current *policy.Current, logger log.Logger) *reloadable {
	return &reloadable{path: file, load: func(content []byte) (func(), error) {
		loaded, err := policy.Parse(file, content)
		if err != nil {
			return nil, err
		}
		return func() {
			warnOf(logger, loaded.Warnings)
			current.Set(loaded)
		}, nil
	}}
}

// load makes orgs of the file's content, and gives what puts them in force.
func (c *configuration) load(content []byte) (apply func(), err error) {
	loaded, err := config.Parse(c.file, content)
	if err != nil {
		return nil, err
	}
	next := map[string]configured{}
	var orgs []inventory.Org
	for _, settings := range loaded.Orgs {
		org := c.current[settings.Name]
		if org.client == nil || !org.settings.Same(settings) {
			if org, err = c.configure(settings); err != nil {
				return nil, err
			}
		}
		next[settings.Name] = org
		orgs = append(orgs, inventory.Org{Name: settings.Name, Lister: org.client})
	}
	return func() {
		warnOf(c.logger, loaded.Warnings)
		for name := range c.current {
			if _, stays := next[name]; !stays {
				c.requests.Forget(name)
			}
		}
		for name := range next {
			c.requests.Expect(name)
		}
		c.current = next
		c.apply(orgs)
	}, nil
}

func warnOf(logger log.Logger, warnings []string) {
	for _, warning := range warnings {
		level.Warn(logger).Log("msg", "The configuration is odd", "err", warning)
	}
}

func (c *configuration) configure(settings config.Org) (configured, error) {
	options, err := settings.Options()
	if err != nil {
		return configured{}, err
	}
	options.UserAgent = userAgent()
	options.Transport = c.requests.Transport(settings.Name, c.transport)
	client, err := datadog.New(options)
	if err != nil {
		return configured{}, fmt.Errorf("org %s: %w", settings.Name, err)
	}
	return configured{settings: settings, client: client}, nil
}
