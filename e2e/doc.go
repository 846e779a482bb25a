// Package e2e tests the exporter's binary against a simulated Datadog, a real Prometheus
// and a real Alertmanager, with the configuration files of deploy/.
//
// It is a module of its own, so that its dependencies are none of the exporter's. The
// modules in tools pin Prometheus, promtool and Alertmanager with the dependencies of
// their releases, since they do not compile with our newer ones.
//
// Only bench, which measures the exporter beside its peers, is more than tests.
// [make e2e] in the directory above runs them. They need Go, a C compiler for the race
// detector, and some minutes the first time, to build Prometheus, Alertmanager and the
// official client. All programs listen on free ports of the loopback network.
//
// What is where:
//
//   - build_test.go builds the programs, process_test.go runs them and waits for events,
//     account_test.go is the simulated account and what the exporter must show of it,
//     exporter_test.go and prometheus_test.go query the two programs, deployed_test.go
//     reads the files of deploy/prometheus;
//   - alerts_…_test.go run scenarios of events and check the notifications of a real
//     Alertmanager; rules_…_test.go check the rules, their metrics, labels
//     and cost;
//     dashboards_…_test.go run the queries of the dashboards; oracle_…_test.go compare the
//     client with the official one;
//   - probe_test.go has one target per org, blindspot_test.go revokes keys, and
//     promtool_test.go lints metrics and configuration.
//
// [make e2e]: ../Makefile
package e2e
