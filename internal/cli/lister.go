package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"golang.org/x/term"

	"datadog_org_connections_exporter/collector"
	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
)

// once lists the orgs of the flags, or of a configuration file, for a command that
// is done then.
type once struct {
	org        *orgFlags
	configFile string
}

func addOnce(to *kingpin.CmdClause) *once {
	o := &once{org: addOrgFlags(to)}
	to.Flag("config.file", "Configuration file with several orgs. With it, the --datadog flags and the DD_ variables are not used.").
		PlaceHolder("FILE").StringVar(&o.configFile)
	return o
}

// list gives what can be known now. gaps says what could not be: an org whose
// listing failed, or one that is not complete.
func (o *once) list(ctx context.Context, io streams) (view inventory.View, gaps, err error) {
	orgs, err := o.orgs(level.NewFilter(log.NewLogfmtLogger(io.err), level.AllowWarn()))
	if err != nil {
		return view, nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	known := inventory.New(ctx, orgs, inventory.Options{})
	done := progress(io.err, known)
	known.Refresh(ctx)
	done()
	view = known.View()
	var problems []error
	for _, org := range view.Orgs {
		switch {
		case org.Err != nil:
			problems = append(problems, fmt.Errorf("org %s could not be listed: %w", org.Name, org.Err))
		case org.Listing == nil:
			problems = append(problems, fmt.Errorf("org %s could not be listed: %w", org.Name, context.Cause(ctx)))
		case !org.Listing.Complete:
			problems = append(problems, fmt.Errorf("the listing of org %s may not be complete: %s", org.Name, org.Listing.Warnings[0]))
		}
	}
	return view, errors.Join(problems...), nil
}

func (o *once) orgs(logger log.Logger) (orgs []inventory.Org, err error) {
	requests := collector.NewRequests() // nobody scrapes: they count for nothing
	if o.configFile == "" {
		client, err := o.org.client(logger, datadog.NewTransport())
		return []inventory.Org{{Name: defaultOrg, Lister: client}}, err
	}
	configured := newConfiguration(o.configFile, func(o []inventory.Org) { orgs = o }, requests, logger)
	loader := reloader{files: []*reloadable{{path: o.configFile, load: configured.load}}}
	err = loader.start()
	return orgs, err
}

// progress shows on a terminal how far a listing is that takes long. It is to be
// called when the listing is done.
func progress(to io.Writer, known *inventory.Inventory) (done func()) {
	if !isTerminal(to) {
		return func() {}
	}
	const patience = time.Second
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		began, ticker := time.Now(), time.NewTicker(patience)
		defer ticker.Stop()
		for shown := false; ; shown = true {
			select {
			case <-ticker.C:
				fmt.Fprintf(to, "\r\x1b[KListing, %s: %s", listedOf(known.View()), time.Since(began).Round(time.Second))
			case <-ctx.Done():
				if shown {
					fmt.Fprint(to, "\r\x1b[K")
				}
				return
			}
		}
	}()
	return func() { stop(); <-stopped }
}

func listedOf(view inventory.View) string {
	listed := 0
	for _, org := range view.Orgs {
		if org.Listing != nil || org.Err != nil {
			listed++
		}
	}
	return fmt.Sprintf("%d of %d orgs done", listed, len(view.Orgs))
}

// isTerminal tells whether a person looks at what is written.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd())) && os.Getenv("TERM") != "dumb"
}
