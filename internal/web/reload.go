package web

import (
	"fmt"
	"net/http"
)

// reload reads the configuration again. What fails is told, and changes nothing.
func reload(o Options) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if o.Reload == nil {
			http.Error(w, "Reloading over HTTP is not enabled. Start with --web.enable-lifecycle and with --config.file or --policy.file, or send SIGHUP.", http.StatusForbidden)
			return
		}
		if err := o.Reload(); err != nil {
			http.Error(w, fmt.Sprintf("The configuration is as it was; it could not be reloaded:\n%v", err), http.StatusInternalServerError)
			return
		}
		fmt.Fprintln(w, "The configuration is reloaded.")
	})
}
