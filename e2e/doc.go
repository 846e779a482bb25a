// Package e2e tests the exporter as people run it: its binary, before a simulated
// Datadog, scraped by a real Prometheus with the configuration files of deploy/.
//
// It is a module of its own, so that what only these tests need is no dependency
// of the exporter. The module tools below it is apart once more: it pins
// Prometheus and promtool, which so are built with the very dependencies that they
// were released with, and not with newer ones of ours that they do not compile
// with.
//
// There are only tests here, but for bench, which measures the exporter beside its
// peers. [make e2e] in the directory above runs them; all that they need is Go, a C
// compiler for the race detector, and at first minutes in which Prometheus,
// Alertmanager and the official client are built. Everything listens on the loopback
// network, on free ports.
//
// What is where:
//
//   - build_test.go makes the programs, process_test.go runs them and waits for
//     what they do, account_test.go is the simulated account and the truth about
//     it, exporter_test.go and prometheus_test.go speak to the two programs,
//     deployed_test.go reads the files of deploy/prometheus;
//   - alerts_…_test.go tell stories of an account, to a real Alertmanager too; rules_…_test.go
//     hold the rules against the contract; dashboards_…_test.go ask what the dashboards
//     ask; oracle_…_test.go hold the client against the official one;
//   - every other file is about one thing that somebody does who runs the exporter.
//
// [make e2e]: ../Makefile
package e2e
