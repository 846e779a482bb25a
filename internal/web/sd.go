package web

import (
	"encoding/json"
	"net/http"

	"github.com/go-kit/log/level"
)

// targetGroup is what Prometheus' HTTP service discovery reads
// (https://prometheus.io/docs/prometheus/latest/http_sd/).
type targetGroup struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

// discovery tells Prometheus to probe each org by itself, at the address under
// which it reached us.
func discovery(o Options) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme := "http"
		if r.TLS != nil {
			scheme = "https"
		}
		groups := []targetGroup{} // none is an empty list, not null
		for _, org := range o.Inventory.View().Orgs {
			groups = append(groups, targetGroup{
				Targets: []string{r.Host},
				Labels: map[string]string{
					"__scheme__":       scheme,
					"__metrics_path__": "/probe",
					"__param_org":      org.Name,
					// Targets of one address would be one instance otherwise.
					"instance": org.Name,
				},
			})
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(groups); err != nil {
			level.Debug(o.Logger).Log("msg", "Cannot send the orgs to discover", "err", err)
		}
	})
}
