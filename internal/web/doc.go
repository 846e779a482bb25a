// Package web serves everything that the exporter answers over HTTP.
//
//	web.go      the routes; health, readiness, reloading
//	scrape.go   what Prometheus requests: metrics, probes, service discovery
//	landing.go  the page at /
//	api.go      the JSON API, with ETag and gzip
//	query.go    the parameters of pages and of the API: what they select
//	content.go  a view, and what is made of it once per snapshot
//	verdict.go  whether all is as expected, in words
//	fail.go     errors, as pages or as JSON
package web
