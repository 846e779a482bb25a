// Command datadog_org_connections_exporter shows the org connections of a
// Datadog account, who shares telemetry with whom, as Prometheus metrics.
//
// This file holds the command line as a whole; each subcommand has a file of its
// own beside it.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"
)

// programName names the binary, the module and the process's own metrics.
const programName = "datadog_org_connections_exporter"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if status := statusOf(err, os.Stderr); status != 0 {
		os.Exit(status)
	}
}

// command is a subcommand: its flags are parsed when run is called.
type command interface {
	// run does the work until it is done or ctx ends.
	run(ctx context.Context, io streams) error
}

// streams are where a command writes: results and logs.
type streams struct {
	out, err io.Writer
}

// run is the whole program but for the process around it. Its error is one line
// for the person who started it.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if version.Version == "" {
		version.Version = "dev" // a build without the Makefile's stamp
	}
	app := kingpin.New(programName, "Shows the org connections of a Datadog account, who shares telemetry with whom, as Prometheus metrics.")
	app.DefaultEnvars()
	app.UsageTemplate(usageTemplate)
	app.UsageWriter(stdout)
	app.ErrorWriter(stderr)
	app.HelpFlag.Short('h').NoEnvar()
	app.Version(version.Print(programName))
	app.VersionFlag.NoEnvar()
	// Help and version are printed while parsing; kingpin would exit then.
	printed := false
	app.Terminate(func(int) { printed = true })

	commands := map[string]command{
		"serve":        addServe(app),
		"baseline":     addBaseline(app),
		"list":         addList(app),
		"check":        addCheck(app),
		"diff":         addDiff(app),
		"check-config": addCheckConfig(app),
		"healthcheck":  addHealthcheck(app),
		"demo":         addDemo(app),
	}
	name, err := app.Parse(args)
	if printed {
		return nil
	}
	if err != nil {
		return usageError(args, fmt.Errorf("%w; see %s --help", err, programName))
	}
	return commands[name].run(ctx, streams{out: stdout, err: stderr})
}
