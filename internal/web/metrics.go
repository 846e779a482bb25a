package web

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// scrapeMargin is kept back of the scraper's time for gathering, encoding and
// sending.
const scrapeMargin = 500 * time.Millisecond

// refreshed refreshes the inventory, as far as there is time, before next answers.
func refreshed(i Inventory, maxWait time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), scrapeWait(r, maxWait))
		defer cancel()
		i.Refresh(ctx)
		next.ServeHTTP(w, r)
	})
}

// scrapeWait is how long a scrape can wait for a refresh: maxWait at the most.
// Prometheus tells how long it waits itself
// (https://github.com/prometheus/docs, "X-Prometheus-Scrape-Timeout-Seconds"):
// the margin is kept back of that, yet never more than half of it.
func scrapeWait(r *http.Request, maxWait time.Duration) time.Duration {
	seconds, err := strconv.ParseFloat(r.Header.Get("X-Prometheus-Scrape-Timeout-Seconds"), 64)
	if err != nil || !(seconds > 0) {
		return maxWait
	}
	wait := seconds - min(scrapeMargin.Seconds(), seconds/2)
	return time.Duration(min(wait, maxWait.Seconds()) * float64(time.Second))
}
