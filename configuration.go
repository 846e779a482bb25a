package main

import (
	"fmt"
	"net/http"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"datadog_org_connections_exporter/collector"
	"datadog_org_connections_exporter/config"
	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/inventory"
)

// configuration makes orgs to list of a configuration file, each time it is
// loaded. An org whose settings are those of before keeps its client, and with it
// what the API said about its rate limit.
type configuration struct {
	file      string
	requests  *collector.Requests
	transport http.RoundTripper // all orgs share its connections
	logger    log.Logger

	current map[string]configured // by the org's name
}

type configured struct {
	settings config.Org
	client   *datadog.Client
}

func newConfiguration(file string, requests *collector.Requests, logger log.Logger) *configuration {
	return &configuration{file: file, requests: requests, transport: datadog.NewTransport(), logger: logger}
}

// load makes orgs of the file's content. Where that fails, nothing has changed.
func (c *configuration) load(content []byte) ([]inventory.Org, error) {
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
	for _, warning := range loaded.Warnings {
		level.Warn(c.logger).Log("msg", "The configuration is odd", "err", warning)
	}
	for name := range c.current {
		if _, stays := next[name]; !stays {
			c.requests.Forget(name)
		}
	}
	c.current = next
	return orgs, nil
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
