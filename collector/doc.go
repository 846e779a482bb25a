// Package collector shows an inventory as Prometheus metrics.
//
//	metrics.go      the one place where metrics are named: types, labels, help
//	family.go       what each metric of an inventory shows
//	collector.go    the prometheus.Collector of an inventory
//	expectation.go  what a policy makes of it
//	exposition.go   answers scrapes: joins what is kept with what is gathered
//	rendering.go    encodes and compresses what is kept
//	message.go      what encoders take
//	answer.go       puts an answer together
//	requests.go     counts and times the HTTP requests to the API
//	reloads.go      tells how reloading the configuration went
//
// The names, labels and meanings are a contract with everyone who built a
// dashboard or a rule on them: they may be added to, and are not changed.
package collector
