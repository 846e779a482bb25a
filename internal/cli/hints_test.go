package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/exporter"
)

// failingClient fails as it is told to.
type failingClient struct {
	exporter.Client
	err error
}

func (c failingClient) List(context.Context) (*datadog.Listing, error)     { return nil, c.err }
func (c failingClient) ListOrgs(context.Context) (*datadog.Account, error) { return nil, c.err }

// Settings that do not count, and repetitions that do not happen, must not be named.
func TestHints_SuitTheMode(t *testing.T) {
	modes := map[string]hints{
		"serve":               {repeats: true},
		"serve --config.file": {repeats: true, configFile: true},
		"list":                {},
		"list --config.file":  {configFile: true},
	}
	for name, mode := range modes {
		for _, reason := range datadog.Reasons() {
			client := mode.wrap(failingClient{err: &datadog.Error{Reason: reason, Op: "GET it", Detail: "it failed"}})
			_, err := client.List(t.Context())
			_, discoveryErr := client.ListOrgs(t.Context())
			for _, err := range []error{err, discoveryErr} {
				if !errors.Is(err, reason) {
					t.Errorf("%s, %s: the reason is lost in %v", name, reason, err)
				}
				hint := strings.TrimPrefix(err.Error(), "GET it: it failed; ")
				if hint == err.Error() || hint == "" {
					t.Errorf("%s, %s: no hint in %v", name, reason, err)
				}
				if mode.configFile && strings.Contains(hint, "--datadog.") {
					t.Errorf("%s, %s: names a flag that is not used: %s", name, reason, hint)
				}
				if !mode.repeats && (strings.Contains(hint, "by itself") || strings.Contains(hint, "--cache")) {
					t.Errorf("%s, %s: promises what does not happen: %s", name, reason, hint)
				}
			}
			// A discovery has neither pages nor filters, nor that permission, and it is not listed with every scrape.
			if err := discoveryErr.Error(); strings.Contains(err, "page") && reason != datadog.ClientError && reason != datadog.Malformed ||
				strings.Contains(err, "source") || strings.Contains(err, "connections_read") || strings.Contains(err, "--cache") {
				t.Errorf("%s, %s: a hint for connections: %v", name, reason, err)
			}
		}
	}
	other := fmt.Errorf("of another kind")
	if _, err := (hints{}).wrap(failingClient{err: other}).List(t.Context()); !errors.Is(err, other) || err.Error() != other.Error() {
		t.Errorf("an error without a reason became %v", err)
	}
}

// The inventory lists anew where a lister is not the one of before.
func TestHints_WrappedListersAreEqual(t *testing.T) {
	client := &failingClient{}
	if (hints{}).wrap(client) != (hints{}).wrap(client) {
		t.Error("one client makes two listers")
	}
}
