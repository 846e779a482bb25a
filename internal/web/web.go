package web

import (
	"context"
	"net/http"
	"time"

	"github.com/go-kit/log"

	"datadog_org_connections_exporter/internal/inventory"
)

// Inventory is what the handlers show: the consumer's side of
// [inventory.Inventory].
type Inventory interface {
	// Refresh brings up to date what is due, as long as ctx lasts.
	Refresh(ctx context.Context)
	// View tells what is known now.
	View() inventory.View
}

// Options say what to serve.
type Options struct {
	// Inventory to show. Required.
	Inventory Inventory
	// Metrics gathers and encodes the metrics without refreshing the inventory
	// first. Required.
	Metrics http.Handler
	// Probe gives one org alone; ok is false where there is none of that name.
	// Required.
	Probe func(org string) (probed Probed, ok bool)
	// Reload reads the configuration again. Default: nothing can be reloaded over
	// HTTP.
	Reload func() error
	// MetricsPath is where the metrics are. Default: /metrics.
	MetricsPath string
	// MaxWait is how long a request waits for a refresh where the client does not
	// say how long it has. Default: 30s.
	MaxWait time.Duration
	// Version is shown on the landing page. Default: none.
	Version string
	// Notice is shown loudly on the landing page. Default: none.
	Notice string
	// Logger gets what goes wrong while answering. Default: none.
	Logger log.Logger
}

// New makes the handler for everything that is served.
func New(o Options) http.Handler {
	if o.MetricsPath == "" {
		o.MetricsPath = "/metrics"
	}
	if o.MaxWait == 0 {
		o.MaxWait = 30 * time.Second
	}
	if o.Logger == nil {
		o.Logger = log.NewNopLogger()
	}
	mux := http.NewServeMux()
	mux.Handle("GET "+o.MetricsPath, refreshed(o.Inventory, o.MaxWait, o.Metrics))
	mux.Handle("GET /probe", probe(o))
	mux.Handle("GET /sd", discovery(o))
	mux.HandleFunc("GET /-/healthy", healthy)
	mux.Handle("GET /-/ready", ready(o.Inventory))
	mux.Handle("POST /-/reload", reload(o))
	mux.Handle("PUT /-/reload", reload(o))
	mux.Handle("GET /{$}", landing(o))
	return mux
}
