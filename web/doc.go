// Package web answers over HTTP: metrics, health and a page for people.
//
//	web.go       the routes
//	metrics.go   /metrics, within the time that the scraper has
//	health.go    /-/healthy and /-/ready
//	landing.go   the page at /
package web
