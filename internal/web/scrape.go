package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/go-kit/log/level"
)

// Target is one org's inventory, and the handler of its metrics, which does not
// refresh it.
type Target struct {
	Inventory Inventory
	Metrics   http.Handler
}

func (s *server) metrics(w http.ResponseWriter, r *http.Request) {
	s.scrape(w, r, Target{s.Inventory, s.Metrics})
}

func (s *server) probe(w http.ResponseWriter, r *http.Request) {
	org := r.URL.Query().Get("org")
	if org == "" {
		http.Error(w, "Which org? Request /probe?org=NAME, with a name that /sd lists.", http.StatusBadRequest)
		return
	}
	target, ok := s.Probe(org)
	if !ok {
		http.Error(w, fmt.Sprintf("No org is configured under the name %q. /sd lists those that are.", org), http.StatusNotFound)
		return
	}
	s.scrape(w, r, target)
}

// scrape refreshes the target's inventory, as far as there is time, and serves its
// metrics.
func (s *server) scrape(w http.ResponseWriter, r *http.Request, target Target) {
	ctx, cancel := context.WithTimeout(r.Context(), refreshTimeout(r, s.MaxWait))
	defer cancel()
	target.Inventory.Refresh(ctx)
	target.Metrics.ServeHTTP(w, r)
}

// scrapeMargin is the part of the scrape timeout that is reserved for gathering,
// encoding and sending.
const scrapeMargin = 500 * time.Millisecond

// refreshTimeout returns the scrape timeout, which Prometheus sends as a header, less
// the margin or half of it, whichever is less. It returns no more than maxWait.
func refreshTimeout(r *http.Request, maxWait time.Duration) time.Duration {
	seconds, err := strconv.ParseFloat(r.Header.Get("X-Prometheus-Scrape-Timeout-Seconds"), 64)
	if err != nil || !(seconds > 0) { // NaN included
		return maxWait
	}
	seconds -= min(scrapeMargin.Seconds(), seconds/2)
	return time.Duration(min(seconds, maxWait.Seconds()) * float64(time.Second))
}

// targetGroup is what Prometheus' HTTP service discovery reads
// (https://prometheus.io/docs/prometheus/latest/http_sd/).
type targetGroup struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

// discovery lists every org as a target of /probe, at the address of the request.
func (s *server) discovery(w http.ResponseWriter, r *http.Request) {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	groups := []targetGroup{} // encoded as an empty list, not null
	for _, org := range s.Inventory.View().Orgs {
		groups = append(groups, targetGroup{
			Targets: []string{r.Host},
			Labels: map[string]string{
				"__scheme__":       scheme,
				"__metrics_path__": "/probe",
				"__param_org":      org.Name,
				"instance":         org.Name, // by default the address, which all share
			},
		})
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(groups); err != nil {
		level.Debug(s.Logger).Log("msg", "Cannot send the targets of service discovery", "err", err)
	}
}
