// Package collector shows an inventory as Prometheus metrics.
//
//	metrics.go    the table of all metrics: names, types, labels, help
//	families.go   the series of an inventory and of a policy's judgement
//	collector.go  the prometheus.Collectors of an inventory and of a policy
//	api.go        counts and times HTTP requests to the API
//	reload.go     whether reloading the configuration succeeded
//
// Package exposition answers scrapes with these metrics.
//
// Names, labels and meanings of metrics are a contract with everyone who built a
// dashboard or a rule on them: add to them, do not change them.
package collector
