package main

import (
	"context"
	"fmt"

	"github.com/alecthomas/kingpin/v2"

	"datadog_org_connections_exporter/config"
)

// checkConfig tells whether a configuration file is valid.
type checkConfig struct{ file string }

func addCheckConfig(app *kingpin.Application) command {
	clause := app.Command("check-config", "Check a configuration file without starting: tells everything that is wrong with it, and fails then.")
	c := &checkConfig{}
	clause.Arg("file", "The configuration file.").Required().StringVar(&c.file)
	return c
}

func (c *checkConfig) run(_ context.Context, io streams) error {
	loaded, err := config.Load(c.file)
	if err != nil {
		return err
	}
	for _, warning := range loaded.Warnings {
		fmt.Fprintln(io.err, "warning:", warning)
	}
	fmt.Fprintf(io.out, "%s is valid: %d orgs\n", c.file, len(loaded.Orgs))
	return nil
}
