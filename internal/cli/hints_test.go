package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
)

// failingLister fails as it is told to.
type failingLister struct {
	inventory.Lister
	err error
}

func (l failingLister) List(context.Context) (*datadog.Listing, error) { return nil, l.err }

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
			cause := &datadog.Error{Reason: reason, Op: "GET it", Detail: "it failed"}
			_, err := mode.wrap(failingLister{err: cause}).List(t.Context())
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
	}
	other := fmt.Errorf("of another kind")
	if _, err := (hints{}).wrap(failingLister{err: other}).List(t.Context()); !errors.Is(err, other) || err.Error() != other.Error() {
		t.Errorf("an error without a reason became %v", err)
	}
}

// The inventory lists anew where a lister is not the one of before.
func TestHints_WrappedListersAreEqual(t *testing.T) {
	client := &failingLister{}
	if (hints{}).wrap(client) != (hints{}).wrap(client) {
		t.Error("one client makes two listers")
	}
}
