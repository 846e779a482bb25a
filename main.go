// Command datadog_org_connections_exporter exports the org connections of a
// Datadog account, who shares telemetry with whom, as Prometheus metrics.
//
// The command line is in internal/cli.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"datadog_org_connections_exporter/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal kills the process
	os.Exit(cli.Main(ctx, os.Args[1:], os.Stdout, os.Stderr))
}
