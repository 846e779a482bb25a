package web

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/go-kit/log"

	"datadog_org_connections_exporter/internal/inventory"
)

// Inventory is the consumer's side of [inventory.Inventory].
type Inventory interface {
	// Refresh lists the orgs whose listings are due. It returns when they are done
	// or when ctx ends.
	Refresh(ctx context.Context)
	// View returns the present state without refreshing it.
	View() inventory.View
}

// Options say what to serve.
type Options struct {
	// Inventory is refreshed by scrapes, and shown on the pages. Required.
	Inventory Inventory
	// Metrics serves the metrics of the inventory, without refreshing it. Required.
	Metrics http.Handler
	// Probe returns the target of one org; ok is false if no org has that name.
	// Required.
	Probe func(org string) (target Target, ok bool)
	// Judge says what is expected. Default: no policy.
	Judge Judge
	// DisablePage serves neither pages nor the API. Default: false.
	DisablePage bool
	// Reload reloads the configuration. Default: reloading is forbidden.
	Reload func() error
	// MetricsPath is the path of the metrics. Default: /metrics.
	MetricsPath string
	// MaxWait limits how long a scrape waits for a refresh. Default: 30s.
	MaxWait time.Duration
	// Version is shown on each page. Default: none.
	Version string
	// Notice is highlighted on each page. Default: none.
	Notice string
	// Logger gets errors of responding. Default: none.
	Logger log.Logger
}

type server struct {
	Options
	contents  contents
	responses apiResponses
}

// content returns what is known now. It asks nobody.
func (s *server) content() *content {
	return s.contents.get(s.Inventory.View(), s.Judge, time.Now())
}

// New returns the handler of all routes.
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
	s := &server{Options: o}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+o.MetricsPath, s.metrics)
	mux.HandleFunc("GET /probe", s.probe)
	mux.HandleFunc("GET /sd", s.discovery)
	mux.HandleFunc("GET /-/healthy", s.healthy)
	mux.HandleFunc("GET /-/ready", s.ready)
	mux.HandleFunc("POST /-/reload", s.reload)
	mux.HandleFunc("PUT /-/reload", s.reload)
	mux.HandleFunc("GET /-/reload", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", "POST, PUT")
		http.Error(w, "Send a POST to reload.", http.StatusMethodNotAllowed)
	})
	if !o.DisablePage {
		s.handlePages(mux)
	}
	return mux
}

func (s *server) handlePages(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", s.overview)
	mux.HandleFunc("GET /orgs/{id}", s.org)
	mux.HandleFunc("GET /history", s.history)
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, http.StatusNotFound, fmt.Sprintf("There is nothing at %q.", r.URL.Path))
	})
	mux.HandleFunc("GET /api/v1/inventory", s.apiInventory)
	mux.HandleFunc("GET /api/v1/history", s.apiHistory)
	mux.HandleFunc("GET /api/v1/status", s.apiStatus)
	mux.HandleFunc("GET /api/", func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, http.StatusNotFound, fmt.Sprintf("there is no %q; there are /api/v1/inventory, /api/v1/history and /api/v1/status", r.URL.Path))
	})
}

// healthy responds 200 even if every listing fails: a restart would not help, and
// would lose the last good listings.
func (*server) healthy(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintln(w, "The exporter is alive.")
}

func (s *server) ready(w http.ResponseWriter, _ *http.Request) {
	if err := s.Inventory.View().Ready(); err != nil {
		http.Error(w, fmt.Sprintf("The exporter is not ready: %v", err), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "The exporter is ready.")
}

func (s *server) reload(w http.ResponseWriter, _ *http.Request) {
	if s.Reload == nil {
		http.Error(w, "Reloading over HTTP is not enabled. Start with --web.enable-lifecycle and with --config.file or --policy.file, or send SIGHUP.", http.StatusForbidden)
		return
	}
	if err := s.Reload(); err != nil {
		http.Error(w, fmt.Sprintf("Reloading failed, the configuration is unchanged:\n%v", err), http.StatusInternalServerError)
		return
	}
	fmt.Fprintln(w, "The configuration is reloaded.")
}
