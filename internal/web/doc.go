// Package web serves everything that the exporter answers over HTTP.
//
//	web.go      the routes; health, readiness, reloading
//	scrape.go   what Prometheus requests: metrics, probes, service discovery
//	api.go      the JSON API, with ETag and gzip
//	query.go    the parameters of pages and of the API: what they select
//	content.go  a view, and what is made of it once per snapshot
//	page.go     the pages, their layout and their errors; templates/ has them
//	models.go   what the pages show: orgs, connections, changes, forms
//	overview.go the page at /: what needs attention, who shares with whom
//	picture.go  the drawing of who shares with whom
//	verdict.go  whether all is as expected, in words
//	trust.go    the state of each listing, in words
//
// Models are made of a [content] without HTTP. Names come from Datadog and may hold
// anything: html/template escapes them, and links to orgs and connections are made in one
// place.
package web
