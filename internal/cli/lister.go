package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"golang.org/x/term"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/exporter"
	"datadog_org_connections_exporter/internal/inventory"
)

// lister lists the orgs of the flags or of a configuration file once, for commands
// that end then.
type lister struct {
	datadog    *datadogFlags
	configFile string
}

func addLister(group flagGroup) *lister {
	l := &lister{datadog: addDatadogFlags(group)}
	addConfigFile(group, &l.configFile)
	return l
}

// addConfigFile adds the flag for a configuration file.
func addConfigFile(group flagGroup, target *string) {
	group.Flag("config.file", "Configuration file with several orgs. With it, the --datadog flags and the DD_ variables are not used.").
		PlaceHolder("FILE").StringVar(target)
}

// list lists every org once. What could not be listed is in the gaps of the view.
func (l *lister) list(ctx context.Context, io streams) (inventory.View, error) {
	orgs, discoveries, err := l.orgs(level.NewFilter(log.NewLogfmtLogger(io.err), level.AllowWarn()))
	if err != nil {
		return inventory.View{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	inv := inventory.New(ctx, orgs, inventory.Options{Discoveries: discoveries})
	stop := showProgress(io.err, inv)
	inv.Refresh(ctx)
	stop()
	view := inv.View()
	for n := range view.Gaps {
		if g := &view.Gaps[n]; g.Reason == inventory.NotListed && g.Err == nil {
			g.Err = context.Cause(ctx) // the person's Ctrl-C
		}
	}
	for _, d := range view.Discoveries {
		if d.Err != nil {
			fmt.Fprintf(io.err, "warning: the orgs of the account of %s could not be listed: %v\n", d.Name, d.Err)
		}
	}
	return view, nil
}

func (l *lister) orgs(logger log.Logger) ([]inventory.Org, []inventory.Discovery, error) {
	if l.configFile != "" {
		return exporter.LoadOrgs(l.configFile, hints{configFile: true}.wrap, logger)
	}
	return l.datadog.orgs(logger, datadog.NewTransport(), hints{})
}

// showProgress shows how many orgs are listed, once a second, where w is a
// terminal. stop ends that and clears the line.
func showProgress(w io.Writer, inv *inventory.Inventory) (stop func()) {
	if !isTerminal(w) {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		started, ticker := time.Now(), time.NewTicker(time.Second)
		defer ticker.Stop()
		for shown := false; ; shown = true {
			select {
			case <-ticker.C:
				fmt.Fprintf(w, "\r\x1b[KListing, %s: %s", progress(inv.View()), time.Since(started).Round(time.Second))
			case <-ctx.Done():
				if shown {
					fmt.Fprint(w, "\r\x1b[K")
				}
				return
			}
		}
	}()
	return func() { cancel(); <-stopped }
}

func progress(view inventory.View) string {
	done := 0
	for _, org := range view.Orgs {
		if org.Listing != nil || org.Err != nil {
			done++
		}
	}
	return fmt.Sprintf("%d of %d orgs done", done, len(view.Orgs))
}

// isTerminal reports whether w is a terminal that understands escape sequences.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd())) && os.Getenv("TERM") != "dumb"
}
