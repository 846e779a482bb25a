// Package cli is the command line: one file per command, flags, exit statuses,
// and hints that name flags.
//
//	cli.go           parses the command line and runs a command
//	serve.go         serve, the default: the exporter
//	demo.go          demo: the exporter before a simulated API
//	list.go, …       one file for each other command
//	lister.go        lists once, for commands that end then
//	datadogflags.go  flags of credentials, site, paging
//	webflags.go      flags of listening
//	flags.go         values of flags
//	hints.go         what to do about an error, by what runs
package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"
)

// programName names the binary, the module and the process's own metrics.
const programName = "datadog_org_connections_exporter"

// Main runs the program and returns its exit status. An error is printed to
// stderr. Canceling ctx stops the program gracefully.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return statusOf(run(ctx, args, stdout, stderr), stderr)
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
