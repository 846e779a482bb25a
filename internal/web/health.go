package web

import (
	"fmt"
	"net/http"
)

// healthy says that the process is alive. Listing may fail meanwhile: a restart
// would not mend that and would lose the last good inventory.
func healthy(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintln(w, "The exporter is alive.")
}

// ready says whether there is an inventory to show, and why not.
func ready(i Inventory) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if err := i.View().Ready(); err != nil {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintf(w, "The exporter is not ready: %v\n", err)
			return
		}
		fmt.Fprintln(w, "The exporter is ready.")
	})
}
