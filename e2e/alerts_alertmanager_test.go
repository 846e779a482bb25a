package e2e

import (
	"os"
	"testing"

	"github.com/goccy/go-yaml"
)

// deployedAlertmanager is the example configuration for users to adapt.
const deployedAlertmanager = "../deploy/alertmanager/alertmanager.yml"

// adaptAlertmanager returns the deployed configuration with all intervals scaled, and
// with a webhook in place of every receiver's e-mail.
func adaptAlertmanager(t *testing.T, webhook string) string {
	t.Helper()
	content, err := os.ReadFile(deployPath(deployedAlertmanager))
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Route        map[string]any   `yaml:"route"`
		InhibitRules []map[string]any `yaml:"inhibit_rules"`
		Receivers    []struct {
			Name     string           `yaml:"name"`
			Mails    []map[string]any `yaml:"email_configs,omitempty"`
			Webhooks []map[string]any `yaml:"webhook_configs,omitempty"`
		} `yaml:"receivers"`
	}
	if err := yaml.Unmarshal(content, &config); err != nil {
		t.Fatal(err)
	}
	scaleRoute(t, config.Route)
	for n := range config.Receivers {
		r := &config.Receivers[n]
		for _, mail := range r.Mails {
			r.Webhooks = append(r.Webhooks, map[string]any{"url": webhook, "send_resolved": mail["send_resolved"]})
		}
		r.Mails = nil
	}
	adapted, err := yaml.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	return string(adapted)
}

// scaleRoute scales the intervals of a route and of its subroutes.
func scaleRoute(t *testing.T, route map[string]any) {
	t.Helper()
	for _, interval := range []string{"group_wait", "group_interval", "repeat_interval"} {
		if written, ok := route[interval].(string); ok {
			route[interval] = scale(t, written)
		}
	}
	below, _ := route["routes"].([]any)
	for _, r := range below {
		if r, ok := r.(map[string]any); ok {
			scaleRoute(t, r)
		}
	}
}
