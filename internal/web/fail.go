package web

import (
	"encoding/json"
	"net/http"
	"strings"
)

// setSafe sets the headers of everything that a browser may show.
func setSafe(header http.Header) {
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Content-Security-Policy", contentSecurityPolicy)
}

// contentSecurityPolicy allows nothing.
const contentSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// fail responds with an error: JSON for programs, else a page.
func (s *server) fail(w http.ResponseWriter, r *http.Request, status int, text string) {
	setSafe(w.Header())
	if wantsJSON(r) {
		w.Header().Set("Content-Type", contentTypes["json"])
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"status": status, "error": text}) // fails if the client is gone
		return
	}
	http.Error(w, text, status)
}

func wantsJSON(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/api/") || strings.Contains(r.Header.Get("Accept"), "application/json")
}
