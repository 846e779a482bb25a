package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"datadog_org_connections_exporter/collector"
	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/datadog/fake"
	"datadog_org_connections_exporter/internal/exporter"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/policy"
)

// The cache and the timeout are short, so that each event of the story is soon on
// /metrics.
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
	logs := d.log.loggers(io.err)
	account, org, story := fake.NewStory()
	api, err := listenLoopback(ctx)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: account, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(logs.slog.Handler(), slog.LevelWarn)}
	defer server.Close() //nolint:errcheck // the demo is over
	go server.Serve(api) //nolint:errcheck // it ends by being closed

	return d.export(ctx, io, demoAccount{account, org, story, api.Addr()})
}

// demoAccount is the simulated account, and where its API listens.
type demoAccount struct {
	*fake.Server
	org   string // whose keys are used
	story []fake.Step
	api   net.Addr
}

// export runs the exporter until ctx ends, again after each restart of the story.
func (d *demo) export(ctx context.Context, io streams, account demoAccount) error {
	logs := d.log.loggers(io.err)
	listeners, err := d.web.listen(ctx)
	if err != nil {
		return err
	}
	for _, l := range listeners {
		defer l.Close() //nolint:errcheck // the demo is over
	}
	state, err := os.MkdirTemp("", exporter.Name+"-demo-")
	if err != nil {
		return fmt.Errorf("make a state directory for the demo: %w", err)
	}
	defer os.RemoveAll(state) //nolint:errcheck // the system removes it some time
	played := playedStory{steps: account.story, pace: d.pace, out: io.out}
	current := &policy.Current{}
	for ctx.Err() == nil {
		kept, err := keepOpen(listeners)
		if err != nil {
			return err
		}
		apiMetrics := collector.NewAPIMetrics()
		apiMetrics.Add(defaultOrg)
		client, err := demoClient(account.api, account.Keys(account.org), apiMetrics)
		if err != nil {
			return err
		}
		running, stop := context.WithCancel(ctx)
		err = exporter.Run(running, exporter.Options{
			Listeners:   kept,
			Web:         d.web.toolkit,
			MetricsPath: d.web.metricsPath,
			MaxWait:     demoTimeout,
			TTL:         demoTTL,
			StoragePath: state,
			Orgs:        []inventory.Org{{Name: defaultOrg, Lister: hints{repeats: true}.wrap(client)}},
			APIMetrics:  apiMetrics,
			Policy:      current,
			Notice:      "This is a demo: the account, its orgs and their connections are made up.",
			Background: func(ctx context.Context, inv *inventory.Inventory) error {
				if played.done == 0 {
					if err := expectAll(ctx, inv, current); err != nil {
						return err
					}
					fmt.Fprint(io.out, d.welcome(listeners[0].Addr(), account.api, account.Keys(account.org)))
				}
				go refreshPeriodically(ctx, inv)
				if unseen := played.play(ctx); unseen {
					stop()
				}
				return nil
			},
			Logger: logs.kit,
			Slog:   logs.slog,
		})
		stop()
		if err != nil {
			return err
		}
		played.playUnseen(ctx)
	}
	return nil
}

func listenLoopback(ctx context.Context) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open a loopback port for the simulated API: %w", err)
	}
	return listener, nil
}

func demoClient(address net.Addr, keys fake.Keys, metrics *collector.APIMetrics) (*datadog.Client, error) {
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
		UserAgent:   exporter.UserAgent(),
		Transport:   metrics.Transport(defaultOrg, datadog.NewTransport()),
	})
}

// expectAll sets a policy that requires exactly what is there when the story begins.
func expectAll(ctx context.Context, inv *inventory.Inventory, current *policy.Current) error {
	inv.Refresh(ctx)
	view := inv.View()
	if gaps := view.Incomplete(); gaps != nil && ctx.Err() == nil {
		return fmt.Errorf("make the demo's policy: %w", gaps)
	}
	baseline, err := policy.Parse("the demo's policy", policy.Baseline(view.Snapshot))
	if err != nil {
		return err
	}
	for n := range baseline.Rules {
		baseline.Rules[n].Required = true
	}
	current.Set(baseline)
	return nil
}

// refreshPeriodically does what a Prometheus would, so that the log follows the
// story although nobody scrapes.
func refreshPeriodically(ctx context.Context, inv *inventory.Inventory) {
	ticker := time.NewTicker(demoTTL)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			inv.Refresh(ctx)
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

// browsable returns an address that a browser can open: not that of all interfaces.
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

// playedStory is a story of which a part was played.
type playedStory struct {
	steps []fake.Step
	done  int // number of steps that were played
	pace  time.Duration
	out   io.Writer
}

// play plays the story, one step each pace, until the next one is to happen unseen, or ctx
// ends.
func (p *playedStory) play(ctx context.Context) (unseen bool) {
	ticker := time.NewTicker(p.pace)
	defer ticker.Stop()
	for p.done < len(p.steps) {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return false
		}
		if p.steps[p.done].Unseen {
			return true
		}
		p.step()
	}
	fmt.Fprint(p.out, "\n[demo] The story is over; the exporter goes on until Ctrl-C.\n\n")
	<-ctx.Done()
	return false
}

// playUnseen plays the next steps that are to happen unseen.
func (p *playedStory) playUnseen(ctx context.Context) {
	for ctx.Err() == nil && p.done < len(p.steps) && p.steps[p.done].Unseen {
		p.step()
	}
}

func (p *playedStory) step() {
	step := p.steps[p.done]
	p.done++
	step.Do()
	fmt.Fprintf(p.out, "\n[demo %d/%d] %s.\n           Look: %s.\n\n", p.done, len(p.steps), step.Title, step.Look)
}

// keptListener stays open when a server closes it, so that the next one has the same
// port. Clients that connect meanwhile wait.
type keptListener struct{ deadlineListener }

type deadlineListener interface {
	net.Listener
	SetDeadline(t time.Time) error
}

// keepOpen returns listeners that a server may close, for the listeners of one before.
func keepOpen(listeners []net.Listener) ([]net.Listener, error) {
	var kept []net.Listener
	for _, l := range listeners {
		with, ok := l.(deadlineListener)
		if !ok {
			return nil, fmt.Errorf("the demo cannot listen on %s: it is neither TCP nor a Unix socket", l.Addr())
		}
		if err := with.SetDeadline(time.Time{}); err != nil {
			return nil, fmt.Errorf("listen again on %s: %w", l.Addr(), err)
		}
		kept = append(kept, keptListener{with})
	}
	return kept, nil
}

// Close implements [net.Listener]: it ends a call of Accept.
func (l keptListener) Close() error { return l.SetDeadline(time.Unix(1, 0)) }
