// Command api is a simulated API, of an account in which one org takes part in all
// connections, that costs next to nothing to ask: every answer of datadog/fake is
// drawn before the program listens.
package main

import (
	"flag"
	"log"
	"net/http"
	"time"

	"datadog_org_connections_exporter/datadog/fake"
	"datadog_org_connections_exporter/e2e/bench/loopback"
)

func main() {
	connections := flag.Int("connections", 10_000, "How many connections the account has.")
	latency := flag.Duration("latency", 0, "Time that passes before each answer.")
	flag.Parse()

	account := newAccount(*connections)
	if err := account.drawAll(*connections); err != nil {
		log.Fatal(err)
	}
	http.Handle("GET "+fake.Path, late(*latency, account.answer))
	http.HandleFunc("POST /rename", account.rename)
	log.Fatal(loopback.Serve(http.DefaultServeMux))
}

// late lets time pass before each answer.
func late(latency time.Duration, answer http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(latency):
			answer(w, r)
		case <-r.Context().Done():
		}
	})
}
