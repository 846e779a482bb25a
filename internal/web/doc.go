// Package web serves everything that the exporter answers over HTTP.
//
//	web.go      the routes; health, readiness, reloading
//	scrape.go   what Prometheus requests: metrics, probes, service discovery
//	landing.go  the page at /
package web
