package cli

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"datadog_org_connections_exporter/collector"
	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/datadog/fake"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/policy"
)

// What happens in the story is soon on /metrics: listings are short-lived, and
// those that run into trouble are soon given up.
const (
	demoTTL     = time.Second
	demoTimeout = 3 * time.Second
)

// demo runs the exporter before a simulated API in which a story unfolds.
type demo struct {
	log  *logFlags
	web  *webFlags
	pace time.Duration
}

func addDemo(app *kingpin.Application) command {
	clause := app.Command("demo", "Serve the metrics of a simulated Datadog account, in which a story unfolds. Needs no keys.")
	d := &demo{log: addLogFlags(clause), web: addWebFlags(clause)}
	addDuration(clause, &d.pace, "demo.pace", 8*time.Second, "Time between two events of the story.")
	return d
}

func (d *demo) run(ctx context.Context, io streams) error {
	signals, stop := hangups()
	defer stop()
	logs := d.log.loggers(io.err)
	account, org, story := fake.NewStory()
	api, err := listenLoopback(ctx)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: account, ReadHeaderTimeout: 10 * time.Second, ErrorLog: stdLogger(logs.kit)}
	defer server.Close() //nolint:errcheck // the demo is over
	go server.Serve(api) //nolint:errcheck // it ends by being closed

	requests := collector.NewRequests()
	requests.Expect(defaultOrg)
	client, err := demoClient(api.Addr(), account.Keys(org), requests)
	if err != nil {
		return err
	}
	rules := &policy.Current{}
	e := exporter{
		hangups:  signals,
		judge:    policy.NewJudge(rules),
		orgs:     []inventory.Org{{Name: defaultOrg, Lister: client}},
		options:  inventory.Options{TTL: demoTTL, Logger: logs.kit},
		requests: requests,
		maxWait:  demoTimeout,
		web:      d.web,
		notice:   "This is a demo: the account, its orgs and their connections are made up.",
		log:      logs,
		beside: func(ctx context.Context, known *inventory.Inventory, addresses []net.Addr) error {
			if err := expectAll(ctx, known, rules); err != nil {
				return err
			}
			fmt.Fprint(io.out, d.welcome(addresses[0], api.Addr(), account.Keys(org)))
			go refreshAlways(ctx, known)
			d.tell(ctx, io.out, story)
			return nil
		},
	}
	return e.run(ctx)
}

func listenLoopback(ctx context.Context) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open a loopback port for the simulated API: %w", err)
	}
	return listener, nil
}

func demoClient(address net.Addr, keys fake.Keys, requests *collector.Requests) (*datadog.Client, error) {
	api, err := datadog.ParseAPIURL("http://" + address.String())
	if err != nil {
		return nil, err
	}
	apiKey, err := datadog.NewSecret("simulated API key", keys.API)
	if err != nil {
		return nil, err
	}
	appKey, err := datadog.NewSecret("simulated application key", keys.App)
	if err != nil {
		return nil, err
	}
	return datadog.New(datadog.Options{
		API:         api,
		Credentials: datadog.Credentials{APIKey: apiKey, AppKey: appKey},
		Timeout:     demoTimeout,
		UserAgent:   userAgent(),
		Transport:   requests.Transport(defaultOrg, datadog.NewTransport()),
	})
}

// expectAll puts a policy in force that requires exactly what is there at the
// beginning of the story.
func expectAll(ctx context.Context, known *inventory.Inventory, rules *policy.Current) error {
	known.Refresh(ctx)
	baseline, err := policy.Parse("the demo's policy", policy.Baseline(known.View().Snapshot))
	if err != nil {
		return err
	}
	for n := range baseline.Rules {
		baseline.Rules[n].Required = true
	}
	rules.Set(baseline)
	return nil
}

// refreshAlways does what a Prometheus would, so that the log tells the story
// too.
func refreshAlways(ctx context.Context, known *inventory.Inventory) {
	ticker := time.NewTicker(demoTTL)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			known.Refresh(ctx)
		case <-ctx.Done():
			return
		}
	}
}

func (d *demo) welcome(exporter, api net.Addr, keys fake.Keys) string {
	base := "http://" + browsable(exporter)
	return fmt.Sprintf(`
================================================================================
  THIS IS A DEMO. The account is simulated (at http://%s); no keys are
  needed, nothing leaves this machine, and all names are made up.

  Open %s/          for a summary
       %s%s   for the metrics

  Or ask the simulated account from another terminal:
       export DD_ACCESS_TOKEN=%s
       %s list --datadog.api-url=http://%s
  (in a checkout: go run . list …)

  What is there now is expected, and no more: that is the demo's policy.
  A story unfolds, an event every %v. Ctrl-C ends it.
================================================================================

`, api, base, base, d.web.metricsPath, keys.Token, programName, api, d.pace)
}

// browsable is an address that can be opened: that of all interfaces cannot.
func browsable(address net.Addr) string {
	host, port, err := net.SplitHostPort(address.String())
	if err != nil {
		return address.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

// tell lets the story unfold.
func (d *demo) tell(ctx context.Context, out io.Writer, story []fake.Step) {
	ticker := time.NewTicker(d.pace)
	defer ticker.Stop()
	for n, step := range story {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		step.Do()
		fmt.Fprintf(out, "\n[demo %d/%d] %s.\n           Look: %s.\n\n", n+1, len(story), step.Title, step.Look)
	}
	fmt.Fprint(out, "\n[demo] The story is over; the exporter goes on until Ctrl-C.\n\n")
}
