// Package web answers over HTTP: metrics, health, service discovery and a page
// for people.
//
//	web.go       the routes
//	metrics.go   /metrics, within the time that the scraper has
//	probe.go     /probe?org=NAME, one org alone
//	sd.go        /sd, what there is to probe
//	reload.go    /-/reload
//	health.go    /-/healthy and /-/ready
//	landing.go   the page at /
package web
