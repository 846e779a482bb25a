package collector_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"datadog_org_connections_exporter/datadog/fake"
)

// gathered is an exposition in parts.
type gathered struct {
	inventory string            // the lines of orgs and connections
	values    map[string]string // by series, such as `datadog_up{org="default"}`
}

func gather(t *testing.T, registry prometheus.Gatherer) gathered {
	t.Helper()
	var inventory strings.Builder
	g := gathered{values: map[string]string{}}
	for line := range strings.Lines(string(exposition(t, registry))) {
		if strings.HasPrefix(line, "datadog_org") {
			inventory.WriteString(line)
			continue
		}
		series, value, _ := strings.Cut(strings.TrimSpace(line), "} ")
		g.values[series+"}"] = value
	}
	g.inventory = inventory.String()
	return g
}

func TestCollector_ShowsEverythingDespiteFaults(t *testing.T) {
	account := func() (*fake.Server, string) { return fake.Star(fake.Options{PageCap: 100}, 250, 7) }
	run(t, account, func(t *testing.T, s stack) {
		refresh := func() gathered {
			time.Sleep(time.Minute) // virtual
			s.inventory.Refresh(t.Context())
			return gather(t, s.registry)
		}
		before := refresh()
		if got := strings.Count(before.inventory, "datadog_org_connection_info{"); got != 250 {
			t.Fatalf("%d connections are shown, want 250", got)
		}
		for _, test := range []struct {
			name   string
			fault  fake.Fault
			reason string
		}{
			{"killed mid-page", fake.DisconnectMidBody().From(99), "network"},
			{"no connection", fake.Disconnect().From(198), "network"},
			{"sent 429s", fake.TooManyRequests(http.Header{"X-Ratelimit-Reset": {"50"}}), "rate_limited"},
			{"sent 429s for the last page", fake.TooManyRequests(http.Header{"Retry-After": {"50"}}).From(198), "rate_limited"},
			{"HTML for a page", fake.HTML200().From(99), "malformed"},
			{"half a JSON", fake.Truncated().From(198), "malformed"},
			{"an endless body", fake.Endless().From(99), "malformed"},
			{"an object for the list", fake.NotAList(), "malformed"},
			{"a hanging answer", fake.Hang().From(198), "timeout"},
			{"an answer that stops in its middle", fake.HangMidBody().From(99), "timeout"},
			{"a gateway's error", fake.HTMLError(http.StatusBadGateway).From(99), "server_error"},
			{"a redirect", fake.Redirect("https://elsewhere.example.com/"), "client_error"},
			{"not found", fake.HTMLError(http.StatusNotFound), "client_error"},
			{"another order every time", fake.ShuffledOrder(), "incomplete"},
		} {
			const up, lastSuccess = `datadog_up{org="default"}`, `datadog_listing_last_success_timestamp_seconds{org="default"}`
			failures := `datadog_listing_failures_total{org="default",reason="` + test.reason + `"}`
			s.api.Inject(test.fault)
			during := refresh()
			if during.inventory != before.inventory {
				t.Errorf("%s: the inventory changed", test.name)
			}
			if during.values[up] != "0" || during.values[failures] == before.values[failures] {
				t.Errorf("%s: %s is %s, %s is %s", test.name, up, during.values[up], failures, during.values[failures])
			}
			if during.values[lastSuccess] != before.values[lastSuccess] {
				t.Errorf("%s: the time of the last success changed", test.name)
			}
			s.api.ClearFaults()
			after := refresh()
			if after.inventory != before.inventory || after.values[up] != "1" || after.values[lastSuccess] == before.values[lastSuccess] {
				t.Errorf("%s: one refresh after the fault ended, the inventory is another, %s is %s, or no success shows", test.name, up, after.values[up])
			}
			before = after
		}
	})
}

func TestCollector_ShowsEverythingDespiteRefusedCredentials(t *testing.T) {
	for reason, refuse := range map[string]func(s *fake.Server, org string){
		"unauthorized": (*fake.Server).RevokeKeys,
		"forbidden":    (*fake.Server).DenyPermission,
	} {
		var org string
		account := func() (api *fake.Server, hub string) {
			api, org = fake.Star(fake.Options{}, 25, 7)
			return api, org
		}
		run(t, account, func(t *testing.T, s stack) {
			s.inventory.Refresh(t.Context())
			self := `datadog_org_observed{org_id="` + org + `"}`
			before := gather(t, s.registry)
			refuse(s.api, org)
			time.Sleep(time.Minute) // virtual
			s.inventory.Refresh(t.Context())
			during := gather(t, s.registry)
			if got := during.values[`datadog_listing_failures_total{org="default",reason="`+reason+`"}`]; got != "1" {
				t.Errorf("%s failures for %s", got, reason)
			}
			// The org is not observed any more, and nothing else has changed.
			if during.inventory != strings.Replace(before.inventory, self+" 1", self+" 0", 1) || during.inventory == before.inventory {
				t.Error("more than datadog_org_observed of the org changed, or not even that")
			}
			s.api.RestoreKeys(org)
			time.Sleep(time.Minute) // virtual
			s.inventory.Refresh(t.Context())
			if gather(t, s.registry).inventory != before.inventory {
				t.Error("the inventory changed")
			}
		})
	}
}
