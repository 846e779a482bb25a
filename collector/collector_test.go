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

var update = flag.Bool("update", false, "write golden files and documentation instead of comparing with them")

// stack is everything from the simulated API to a registry, in virtual time.
type stack struct {
	api       *fake.Server
	inventory *inventory.Inventory
	policy    *policy.Current // none is set
	requests  *collector.APIMetrics
	reloads   *collector.ReloadMetrics
	registry  *prometheus.Registry
}

// run runs a test with a stack that lists the org.
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
		requests := collector.NewAPIMetrics()
		requests.Add("default")
		known := inventory.New(ctx, []inventory.Org{{Name: "default", Lister: client(t, api, org, requests.Transport("default", transport))}}, inventory.Options{})
		s := stack{api: api, inventory: known, policy: &policy.Current{}, requests: requests, reloads: collector.NewReloadMetrics(), registry: prometheus.NewPedanticRegistry()}
		s.registry.MustRegister(requests, collector.New(known, 0), collector.NewPolicyCollector(known, policy.NewJudge(s.policy)), s.reloads)
		test(t, s)
	})
}

func client(t *testing.T, api *fake.Server, org string, transport http.RoundTripper) *datadog.Client {
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

// wantGolden compares the whole exposition with a file, and finds nothing that
// promtool would complain of.
func wantGolden(t *testing.T, registry prometheus.Gatherer, name string) {
	t.Helper()
	wantFile(t, exposition(t, registry), filepath.Join("testdata", name))
	problems, err := testutil.GatherAndLint(registry)
	if err != nil || len(problems) > 0 {
		t.Errorf("lint finds %v, %v", problems, err)
	}
}

func exposition(t *testing.T, registry prometheus.Gatherer) []byte {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	encoder := expfmt.NewEncoder(&out, expfmt.NewFormat(expfmt.TypeTextPlain))
	for _, family := range families {
		if err := encoder.Encode(family); err != nil {
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
	if bytes.Equal(got, want) {
		return
	}
	gotLines, wantLines := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for n := range min(len(gotLines), len(wantLines)) {
		if gotLines[n] != wantLines[n] {
			t.Fatalf("%s, line %d (go test ./collector -update writes it anew):\n got %s\nwant %s", file, n+1, gotLines[n], wantLines[n])
		}
	}
	t.Fatalf("%s has %d lines, got %d", file, len(wantLines), len(gotLines))
}

// company is a small account with everything in it that needs care.
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

func TestBeforeAnythingIsKnown(t *testing.T) {
	run(t, company, func(t *testing.T, s stack) {
		wantGolden(t, s.registry, "nothing-known.prom")
	})
}

func TestNothingEverSucceeded(t *testing.T) {
	run(t, company, func(t *testing.T, s stack) {
		s.api.Inject(fake.Disconnect())
		s.inventory.Refresh(t.Context())
		wantGolden(t, s.registry, "nothing-succeeded.prom")
	})
}

func TestAnInventory(t *testing.T) {
	run(t, company, func(t *testing.T, s stack) {
		s.inventory.Refresh(t.Context())
		wantGolden(t, s.registry, "inventory.prom")
	})
}

func TestAnOutage(t *testing.T) {
	run(t, company, func(t *testing.T, s stack) {
		s.inventory.Refresh(t.Context())
		time.Sleep(time.Minute) // virtual
		s.api.Inject(fake.TooManyRequests(http.Header{"Retry-After": {"2"}}).Times(3))
		s.api.Inject(fake.NoMeta())
		s.inventory.Refresh(t.Context()) // succeeds with retries, and is not complete
		time.Sleep(time.Minute)          // virtual
		s.api.Inject(fake.Status(http.StatusForbidden))
		s.inventory.Refresh(t.Context())
		wantGolden(t, s.registry, "outage.prom")
	})
}

func TestTooOldToBeShown(t *testing.T) {
	run(t, company, func(t *testing.T, s stack) {
		s.inventory.Refresh(t.Context())
		time.Sleep(time.Hour + time.Second) // virtual
		s.api.Inject(fake.HTML200())
		s.inventory.Refresh(t.Context())
		wantGolden(t, s.registry, "too-old.prom")
	})
}

func TestAnEmptyInventory(t *testing.T) {
	run(t, func() (*fake.Server, string) {
		api := fake.New(fake.Options{})
		return api, api.AddOrg(fake.Org{Name: "Alone"})
	}, func(t *testing.T, s stack) {
		s.inventory.Refresh(t.Context())
		wantGolden(t, s.registry, "empty.prom")
	})
}

// companyPolicy expects a part of what the company shares, and more.
const companyPolicy = `rules:
  - {name: labs to security, source: 'Acme "Labs"*', sink: Security}
  - {name: odd, source: "nul *", sink: Security, types: [logs]}
  - {name: required, source: Off, sink: Security, types: [logs, audit, metrics], required: true, expires: 2027-03-31}
  - {name: expired, source: "*", sink: "*", expires: 1999-01-01}
`

// underPolicy puts it in force.
func (s stack) underPolicy(t *testing.T) {
	t.Helper()
	p, err := policy.Parse("policy.yml", []byte(companyPolicy))
	if err != nil {
		t.Fatal(err)
	}
	s.policy.Set(p)
}

func TestExpectation(t *testing.T) {
	run(t, company, func(t *testing.T, s stack) {
		s.underPolicy(t)
		s.inventory.Refresh(t.Context())
		wantGolden(t, s.registry, "expectation.prom")
	})
}

func TestNothingIsMissedWhileNothingIsKnown(t *testing.T) {
	run(t, company, func(t *testing.T, s stack) {
		s.underPolicy(t)
		if shown := look(t, s.registry); strings.Contains(shown.inventory, "missing{") || !strings.Contains(shown.inventory, "datadog_org_connection_rules 4") {
			t.Errorf("shown:\n%s", shown.inventory)
		}
		s.inventory.Refresh(t.Context())
		s.api.Inject(fake.Status(http.StatusBadGateway))
		for range 62 {
			time.Sleep(time.Minute) // virtual
			s.inventory.Refresh(t.Context())
		}
		if shown := look(t, s.registry); strings.Contains(shown.inventory, "missing{") || strings.Contains(shown.inventory, "unexpected{") {
			t.Errorf("after an outage of more than an hour:\n%s", shown.inventory)
		}
	})
}

// views is an inventory that the collector is given in place of a real one.
type views struct {
	snapshot  inventory.Snapshot
	refreshed time.Duration
}

func (v *views) Refresh(ctx context.Context) {
	deadline, _ := ctx.Deadline()
	v.refreshed = time.Until(deadline)
}

func (v *views) View() inventory.View { return inventory.View{Snapshot: &v.snapshot} }

func TestACollectorElsewhereRefreshesByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &views{}
		registry := prometheus.NewRegistry()
		registry.MustRegister(collector.New(v, 9*time.Second))
		if _, err := registry.Gather(); err != nil {
			t.Error(err)
		}
		if v.refreshed != 9*time.Second {
			t.Errorf("it had %v to refresh", v.refreshed)
		}
	})
}

func TestTextsThatAreNoUTF8AreMadeSo(t *testing.T) {
	v := &views{snapshot: inventory.Snapshot{
		Connections: []datadog.Connection{{ID: "c\xff", SourceID: "a\xff", SinkID: "b", Types: []string{"\xfe\xff"}}},
		Orgs:        []inventory.OrgInfo{{Org: datadog.Org{ID: "a\xff", Name: "A\xc3"}}},
	}}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector.New(v, 0))
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
