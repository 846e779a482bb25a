package web

import (
	"fmt"
	"net/http"
)

// Probed is one org alone: what refreshes it, and what shows its metrics then.
type Probed struct {
	Inventory Inventory
	Metrics   http.Handler
}

// probe answers with the metrics of the org that the query names.
func probe(o Options) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Query().Get("org")
		if name == "" {
			http.Error(w, "Which org? Ask for /probe?org=NAME, with a name that /sd lists.", http.StatusBadRequest)
			return
		}
		org, ok := o.Probe(name)
		if !ok {
			http.Error(w, fmt.Sprintf("No org is configured under the name %q. /sd lists those that are.", name), http.StatusNotFound)
			return
		}
		refreshed(org.Inventory, o.MaxWait, org.Metrics).ServeHTTP(w, r)
	})
}
