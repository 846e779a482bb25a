// Package collector shows an inventory as Prometheus metrics.
//
//	metrics.go      the one place where metrics are named: types, labels, help
//	family.go       what each metric of an inventory shows
//	collector.go    the prometheus.Collector of an inventory
//	expectation.go  what a policy makes of it
//	requests.go     counts and times the HTTP requests to the API
//	reloads.go      tells how reloading the configuration went
//
// Package exposition answers scrapes with these metrics.
//
// The names, labels and meanings are a contract with everyone who built a
// dashboard or a rule on them: they may be added to, and are not changed.
package collector
