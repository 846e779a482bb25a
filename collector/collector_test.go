package collector_test

import (
	"bytes"
	"context"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

	"datadog_org_connections_exporter/collector"
	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/datadog/fake"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/policy"
)

var update = flag.Bool("update", false, "write golden files and documentation, do not compare with them")

// stack is everything from the simulated API to a registry, in virtual time.
type stack struct {
	client    *datadog.Client
	api       *fake.Server
	inventory *inventory.Inventory
	policy    *policy.Current // without a policy
	registry  *prometheus.Registry
}

// run runs a test with the stack of an account, listed with the credentials of org.
func run(t *testing.T, account func() (api *fake.Server, org string), test func(t *testing.T, s stack)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		api, org := account()
		transport, disconnect := fake.InMemory(api)
		defer func() {
			stop()
			synctest.Wait()
			disconnect()
		}()
		apiMetrics := collector.NewAPIMetrics()
		apiMetrics.Add("default")
		client := newClient(t, api, org, apiMetrics.Transport("default", transport))
		inv := inventory.New(ctx, []inventory.Org{{Name: "default", Lister: client}}, inventory.Options{MaxStale: time.Hour})
		s := stack{api: api, client: client, inventory: inv, policy: &policy.Current{}, registry: prometheus.NewPedanticRegistry()}
		s.registry.MustRegister(apiMetrics, collector.New(inv, 0), collector.NewPolicyCollector(inv, policy.NewJudge(s.policy)), collector.NewReloadMetrics())
		test(t, s)
	})
}

func newClient(t *testing.T, api *fake.Server, org string, transport http.RoundTripper) *datadog.Client {
	t.Helper()
	token, err := datadog.NewSecret("token", api.Keys(org).Token)
	if err != nil {
		t.Fatal(err)
	}
	c, err := datadog.New(datadog.Options{Credentials: datadog.Credentials{AccessToken: token}, Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// discover configures a discovery beside the org.
func (s stack) discover() {
	s.inventory.Configure([]inventory.Org{{Name: "default", Lister: s.client}}, inventory.Discovery{Name: "default", Discoverer: s.client})
}

// wantGolden compares the exposition with a file of testdata, and lints it as promtool
// does.
func wantGolden(t *testing.T, registry prometheus.Gatherer, name string) {
	t.Helper()
	wantFile(t, exposition(t, registry), filepath.Join("testdata", name))
	problems, err := testutil.GatherAndLint(registry)
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
}

func exposition(t *testing.T, registry prometheus.Gatherer) []byte {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(&out, family); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

func wantFile(t *testing.T, got []byte, file string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not as written (go test ./collector -update writes it; see git diff):\n%s", file, got)
	}
}

// company returns a small account with unusual orgs, users and connections.
func company() (*fake.Server, string) {
	api := fake.New(fake.Options{RateLimit: fake.RateLimit{Limit: 100, Period: time.Minute, Name: "org_connections"}})
	org := func(id, name string) string {
		return api.AddOrg(fake.Org{ID: id, Name: name, PublicID: "public-" + id})
	}
	hub := org("00000000-hub", "Security")
	quoted := org("11111111-quoted", "Acme \"Labs\", a \\ and\na newline")
	foreign := org("22222222-foreign", "アクメ 🦴 عكمي")
	odd := org("33333333-odd", "nul \x00, bell \a, {braces=\"x\"} # EOF")
	nameless := api.AddOrg(fake.Org{ID: "44444444-nameless", Name: " ", NotIncluded: true})
	twin := org("55555555-twin", "Security")
	off := api.AddOrg(fake.Org{ID: "66666666-off", Name: "Off", PublicID: "public-off", Sharing: "public", Disabled: true})
	robot := api.AddUser(fake.User{ID: "robot", ServiceAccount: true})
	person := api.AddUser(fake.User{ID: "person"})
	leaver := api.AddUser(fake.User{ID: "leaver", Disabled: true})
	ghost := api.AddUser(fake.User{ID: "ghost", NotIncluded: true})
	created := time.Date(2025, 3, 4, 5, 6, 7, 123456000, time.UTC)
	for _, c := range []fake.Connection{
		{ID: "c01", SourceID: quoted, SinkID: hub, CreatorID: robot, Types: []string{"logs", "metrics", "audit", "logs"}},
		{ID: "c02", SourceID: hub, SinkID: foreign, CreatorID: person, Types: []string{"tomorrow's \"type\""}},
		{ID: "c03", SourceID: odd, SinkID: hub, CreatorID: leaver},
		{ID: "c04", SourceID: hub, SinkID: nameless, CreatorID: ghost, Quirks: fake.Quirks{Names: fake.NullNames}},
		{ID: "c05", SourceID: hub, SinkID: twin, CreatorID: robot, Types: []string{}},
		{ID: "c06", SourceID: off, SinkID: hub, Quirks: fake.Quirks{NoCreator: true, NoCreatedAt: true}},
		// The API says that there is one connection for a pair of orgs; should it list more, they count.
		{ID: "c07", SourceID: off, SinkID: hub, CreatorID: robot, Types: []string{"logs"}},
		{ID: "c08", SourceID: off, SinkID: hub, CreatorID: robot, Quirks: fake.Quirks{NullSource: true}},
	} {
		c.CreatedAt = created
		api.AddConnection(c)
	}
	return api, hub
}

func TestCollectors_Golden(t *testing.T) {
	for file, prepare := range map[string]func(t *testing.T, s stack){
		"not-listed-yet.prom": func(*testing.T, stack) {},
		"failed.prom": func(t *testing.T, s stack) {
			s.api.Inject(fake.Disconnect())
			s.inventory.Refresh(t.Context())
		},
		"inventory.prom": func(t *testing.T, s stack) { s.inventory.Refresh(t.Context()) },
		"policy.prom": func(t *testing.T, s stack) {
			s.setPolicy(t)
			s.inventory.Refresh(t.Context())
		},
		"outage.prom": func(t *testing.T, s stack) {
			s.inventory.Refresh(t.Context())
			time.Sleep(time.Minute) // virtual
			s.api.Inject(fake.TooManyRequests(http.Header{"Retry-After": {"2"}}).Times(3))
			s.api.Inject(fake.NoMeta())
			s.inventory.Refresh(t.Context()) // succeeds with retries, and is not complete
			time.Sleep(time.Minute)          // virtual
			s.api.Inject(fake.Status(http.StatusForbidden))
			s.inventory.Refresh(t.Context())
		},
		"changes.prom": func(t *testing.T, s stack) {
			s.inventory.Refresh(t.Context())
			s.api.RemoveConnection("c01")
			s.api.SetTypes("c02", "logs", "metrics")
			s.api.AddConnection(fake.Connection{ID: "c09", SourceID: "00000000-hub", SinkID: "66666666-off", Types: []string{}, CreatedAt: time.Now().Add(30 * time.Second)})
			for range 2 { // a removal is confirmed
				time.Sleep(time.Minute) // virtual
				s.inventory.Refresh(t.Context())
			}
			s.api.SetTypes("c02", "logs") // of what was widened a minute ago, one type is narrowed
			time.Sleep(time.Minute)       // virtual
			s.inventory.Refresh(t.Context())
		},
		"discovery.prom": func(t *testing.T, s stack) {
			s.discover()
			s.inventory.Refresh(t.Context())
		},
		"stale.prom": func(t *testing.T, s stack) {
			s.inventory.Refresh(t.Context())
			time.Sleep(time.Hour + time.Second) // virtual
			s.api.Inject(fake.HTML200())
			s.inventory.Refresh(t.Context())
		},
	} {
		t.Run(file, func(t *testing.T) {
			run(t, company, func(t *testing.T, s stack) {
				prepare(t, s)
				wantGolden(t, s.registry, file)
			})
		})
	}
	alone := func() (*fake.Server, string) {
		api := fake.New(fake.Options{})
		return api, api.AddOrg(fake.Org{Name: "Alone"})
	}
	run(t, alone, func(t *testing.T, s stack) {
		s.inventory.Refresh(t.Context())
		wantGolden(t, s.registry, "empty.prom")
	})
}

// companyPolicy allows some of the company's connections, and requires others.
const companyPolicy = `rules:
  - {name: labs to security, source: 'Acme "Labs"*', sink: Security}
  - {name: odd, source: "nul *", sink: Security, types: [logs]}
  - {name: required, source: Off, sink: Security, types: [logs, audit, metrics], required: true, expires: 2027-03-31}
  - {name: expired, source: "*", sink: "*", expires: 1999-01-01}
`

func (s stack) setPolicy(t *testing.T) {
	t.Helper()
	p, err := policy.Parse("policy.yml", []byte(companyPolicy))
	if err != nil {
		t.Fatal(err)
	}
	s.policy.Set(p)
}

func TestPolicyCollector_NothingIsMissingWhileTheInventoryIsIncomplete(t *testing.T) {
	run(t, company, func(t *testing.T, s stack) {
		s.setPolicy(t)
		if shown := gather(t, s.registry); strings.Contains(shown.inventory, "missing{") || !strings.Contains(shown.inventory, "datadog_org_connection_rules 4") {
			t.Errorf("shown:\n%s", shown.inventory)
		}
		s.inventory.Refresh(t.Context())
		s.api.Inject(fake.Status(http.StatusBadGateway))
		for range 62 {
			time.Sleep(time.Minute) // virtual
			s.inventory.Refresh(t.Context())
		}
		if shown := gather(t, s.registry); strings.Contains(shown.inventory, "missing{") || strings.Contains(shown.inventory, "unexpected{") {
			t.Errorf("after an outage of more than an hour:\n%s", shown.inventory)
		}
	})
}

type stubInventory struct {
	view    inventory.View
	timeout time.Duration // of the last refresh
}

func (s *stubInventory) Refresh(ctx context.Context) {
	deadline, _ := ctx.Deadline()
	s.timeout = time.Until(deadline)
}

func (s *stubInventory) View() inventory.View { return s.view }

func TestCollector_RefreshesNoLongerThanWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inv := &stubInventory{view: inventory.View{Snapshot: &inventory.Snapshot{}}}
		registry := prometheus.NewRegistry()
		registry.MustRegister(collector.New(inv, 9*time.Second))
		if _, err := registry.Gather(); err != nil {
			t.Error(err)
		}
		if inv.timeout != 9*time.Second {
			t.Errorf("the refresh had %v, want 9s", inv.timeout)
		}
	})
}

func TestCollector_OmitsWhatTheRateLimitDoesNotSay(t *testing.T) {
	state := inventory.OrgState{Name: "a", Stats: datadog.Stats{RateLimit: &datadog.RateLimit{Limit: -1, Remaining: -1}}}
	inv := &stubInventory{view: inventory.View{Snapshot: &inventory.Snapshot{}, Orgs: []inventory.OrgState{state}}}
	for _, metric := range []string{"limit", "remaining", "period_seconds", "reset_timestamp_seconds"} {
		if testutil.CollectAndCount(collector.New(inv, 0), "datadog_api_ratelimit_"+metric) != 0 {
			t.Errorf("datadog_api_ratelimit_%s is shown", metric)
		}
	}
}

func TestCollector_ReplacesInvalidUTF8(t *testing.T) {
	inv := &stubInventory{view: inventory.View{Snapshot: &inventory.Snapshot{
		Connections: []datadog.Connection{{ID: "c\xff", SourceID: "a\xff", SinkID: "b", Types: []string{"\xfe\xff"}}},
		Orgs:        []inventory.OrgInfo{{Org: datadog.Org{ID: "a\xff", Name: "A\xc3"}}},
	}}}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector.New(inv, 0))
	got := exposition(t, registry)
	for _, series := range []string{
		`datadog_org_connections{connection_type="` + "\ufffd" + `",sink_org_id="b",sink_org_name="b",source_org_id="a` + "\ufffd" + `",source_org_name="a` + "\ufffd" + `"} 1`,
		`datadog_org_info{org_id="a` + "\ufffd" + `",org_name="A` + "\ufffd" + `",public_id="",sharing=""} 1`,
	} {
		if !strings.Contains(string(got), series) {
			t.Errorf("%s is not in\n%s", series, got)
		}
	}
}
