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
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"

	"datadog_org_connections_exporter/internal/exporter"
)

const programName = exporter.Name

// Main runs the program and returns its exit status. An error is printed to
// stderr. Canceling ctx stops the program gracefully.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return statusOf(run(ctx, args, stdout, stderr), stderr)
}

// command is a subcommand.
type command interface {
	// run runs the command until it is done or ctx ends. Its flags are set by then.
	run(ctx context.Context, io streams) error
}

// streams are where a command writes: its output and its log.
type streams struct {
	out, err io.Writer
}

// judging are the commands whose exit status is an answer: 0 or 1. Any error of
// theirs must have another one.
var judging = []string{"list", "check", "baseline", "diff", "history"}

// run runs the program. Its error is one line for the person who started it.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	app, commands := newApp()
	app.UsageWriter(stdout)
	app.ErrorWriter(stderr)
	// kingpin would exit the process after printing help or the version.
	printed := false
	app.Terminate(func(int) { printed = true })

	name, err := app.Parse(args)
	if printed {
		return nil
	}
	if err != nil {
		if parsed, _ := app.ParseContext(args); parsed != nil && parsed.SelectedCommand != nil {
			name = parsed.SelectedCommand.FullCommand()
		}
		err = fmt.Errorf("%w; see %s --help", err, programName)
	} else {
		err = commands[name].run(ctx, streams{out: stdout, err: stderr})
	}
	if e := (*exitError)(nil); err != nil && slices.Contains(judging, name) && !errors.As(err, &e) {
		return &exitError{status: exitUnknown, cause: err}
	}
	return err
}

// newApp returns the parser of the command line, and the commands by name.
func newApp() (*kingpin.Application, map[string]command) {
	if version.Version == "" {
		version.Version = "dev" // built without the Makefile's -ldflags
	}
	app := kingpin.New(programName, "Exports the org connections of a Datadog account, who shares telemetry with whom, as Prometheus metrics.")
	app.DefaultEnvars()
	app.UsageTemplate(usageTemplate)
	app.HelpFlag.Short('h').NoEnvar()
	app.Version(version.Print(programName))
	app.VersionFlag.NoEnvar()
	return app, map[string]command{
		"serve":        addServe(app),
		"baseline":     addBaseline(app),
		"list":         addList(app),
		"check":        addCheck(app),
		"diff":         addDiff(app),
		"history":      addHistory(app),
		"check-config": addCheckConfig(app),
		"healthcheck":  addHealthcheck(app),
		"demo":         addDemo(app),
	}
}

// usageTemplate is kingpin's, and shows the flags of the default command in the
// program's own help too: most people look for those.
var usageTemplate = kingpin.DefaultUsageTemplate + `
{{- if not .Context.SelectedCommand}}{{range .App.Commands}}{{if .Default -}}
Flags of {{.Name}}, and of the program where no command is given:
{{.Flags|FlagsToTwoColumns|FormatTwoColumns}}
{{end}}{{end}}{{end -}}
`
