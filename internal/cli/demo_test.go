package cli

import (
	"errors"
	"net"
	"strings"
	"testing"

	"datadog_org_connections_exporter/collector"
	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/datadog/fake"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/policy"
)

func TestDemo_PlaysItsStory(t *testing.T) {
	onlyTheEnvironment(t)
	p := start(t, "demo", "--web.listen-address=127.0.0.1:0", "--demo.pace=20ms")
	address := p.addresses(1)[0]
	p.waitFor(p.stdout, "the end of the story", func(out string) bool { return strings.Contains(out, "The story is over") })
	out := p.stdout.String()
	wantContains(t, "stdout", out, "THIS IS A DEMO", "http://"+address+"/metrics", "an event every 20ms", "[demo 1/10]", "[demo 10/10]")
	wantContains(t, "the page", p.get("/").body, `<p class="notice">This is a demo: `)

	// Why the demo is not yet where it should be.
	var missing error
	settled := func() bool {
		metrics := p.get("/metrics").body
		missing = nil
		for _, want := range []string{
			"\ndatadog_up{org=\"default\"} 1\n",
			"\ndatadog_listing_connections{org=\"default\"} 9\n",
			`org_name="Acme Payments Americas"`,
			`sink_org_name="Contractor Sandbox"`,
			// At this pace, all of it happens before the restart, and is found after it.
			"\ndatadog_org_connection_change_timestamp_seconds{change=\"added\"",
			"\ndatadog_org_connection_change_timestamp_seconds{change=\"removed\"",
			"\ndatadog_org_connection_change_timestamp_seconds{change=\"widened\"",
			"\ndatadog_org_connections_unexpected{connection_type=\"metrics\"",
			"\ndatadog_org_connections_missing{connection_type=\"logs\",rule=\"acme-skunkworks-labs-to-acme-security\"} 1\n",
		} {
			if !strings.Contains(metrics, want) {
				missing = errors.Join(missing, errors.New("there is no "+want))
			}
		}
		for _, gone := range []string{`"Acme Payments US"`, "Skunkworks"} {
			if strings.Contains(metrics, gone) {
				missing = errors.Join(missing, errors.New("there is still "+gone))
			}
		}
		return missing == nil
	}
	t.Cleanup(func() {
		if missing != nil {
			t.Log(missing)
		}
	})
	poll(t, "the end of the story on /metrics", settled)
	metrics := p.get("/metrics").body
	if n := strings.Count(metrics, "\ndatadog_org_connection_info{"); n != 9 {
		t.Errorf("there are %d connections, want 9:\n%s", n, metrics)
	}
	if n := strings.Count(metrics, "\ndatadog_org_connections_unexpected{"); n != 2 {
		t.Errorf("%d series are unexpected, want the contractor's and that of the widened connection:\n%s", n, metrics)
	}
	// The simulated people are treated like real ones.
	wantNone(t, "/metrics", metrics, "@", "Robin")
	wantNone(t, "the log", p.stderr.String(), "@example.com", "Robin")
}

func TestDemo_NeedsNoKeysAndUsesNone(t *testing.T) {
	of := newAPI(t) // with keys in the environment
	t.Setenv("DATADOG_ORG_CONNECTIONS_EXPORTER_DATADOG_API_URL", of.url)
	p := start(t, "demo", "--web.listen-address=127.0.0.1:0", "--web.telemetry-path=/made/up")
	p.waitUntilReady()
	wantContains(t, "/made/up", p.get("/made/up").body, `"Acme Security"`)
	p.waitFor(p.stdout, "its address", func(out string) bool { return strings.Contains(out, p.base+"/made/up") })
	if n := of.Requests(); n != 0 {
		t.Errorf("the API of the environment got %d requests, want none", n)
	}
}

func TestDemo_ExpectsNoPart(t *testing.T) {
	of := newAPI(t)
	of.Inject(fake.Status(403))
	address, err := net.ResolveTCPAddr("tcp", strings.TrimPrefix(of.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	client, err := demoClient(address, of.Keys(of.org), collector.NewAPIMetrics())
	if err != nil {
		t.Fatal(err)
	}
	inv := inventory.New(t.Context(), []inventory.Org{{Name: "default", Lister: client}}, inventory.Options{})
	if err := expectAll(t.Context(), inv, &policy.Current{}); !errors.Is(err, datadog.Forbidden) {
		t.Errorf("the error is %v, want that of the listing", err)
	}
}

func TestBrowsable_IsAnAddressThatCanBeOpened(t *testing.T) {
	for listening, want := range map[string]string{
		"[::]:10187":      "localhost:10187",
		"0.0.0.0:80":      "localhost:80",
		"127.0.0.1:10187": "127.0.0.1:10187",
		"[::1]:10187":     "[::1]:10187",
	} {
		address, err := net.ResolveTCPAddr("tcp", listening)
		if err != nil {
			t.Fatal(err)
		}
		if got := browsable(address); got != want {
			t.Errorf("%s is shown as %s, want %s", listening, got, want)
		}
	}
}
