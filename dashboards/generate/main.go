// Generate writes the Grafana dashboards inventory.json and exporter.json into the
// directory above. They are generated because their queries share long parts.
//
//	inventory.go  dashboard "Datadog org connections": who shares what with whom
//	exporter.go   dashboard "Datadog org connections exporter": whether listing works
//	changes.go    changes as the exporter remembers them, on the inventory dashboard
//	promql.go     parts of PromQL queries
//	panels.go     panels: stat, time series; thresholds, value mappings, runbook links
//	tables.go     table panels and their columns
//	variables.go  variables, annotations, dashboard links
//	grafana.go    the part of Grafana's JSON model in use, and the grid layout
//
// [make generate] runs it.
//
// [make generate]: ../../Makefile
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

//go:generate go run .

// Paths are relative to this directory, where go generate and go test run.
const (
	outputDir = ".."
	alerts    = "../../deploy/prometheus/rules/exporter.yml"
)

func main() {
	if err := generate(); err != nil {
		fmt.Fprintln(os.Stderr, "generate dashboards:", err)
		os.Exit(1)
	}
}

func generate() error {
	runbookURL, err := alertRunbookURL()
	if err != nil {
		return fmt.Errorf("run make generate: %w", err)
	}
	for file, d := range dashboards(runbookURL) {
		if err := os.WriteFile(filepath.Join(outputDir, file), encode(d), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// dashboards returns the dashboards by file name. runbookURL is the address that
// docs/runbooks.md is served at.
func dashboards(runbookURL string) map[string]dashboard {
	all := map[string]dashboard{"inventory.json": inventoryDashboard(), "exporter.json": exporterDashboard()}
	for file, d := range all {
		d.setRunbookURL(runbookURL)
		all[file] = d
	}
	return all
}

// alertRunbookURL returns the address of the runbooks in the alerting rules, which
// make generate sets from RUNBOOK_URL.
func alertRunbookURL() (string, error) {
	content, err := os.ReadFile(alerts)
	if err != nil {
		return "", err
	}
	found := regexp.MustCompile(`runbook_url: (.+)#`).FindSubmatch(content)
	if found == nil {
		return "", fmt.Errorf("%s has no runbook_url", alerts)
	}
	return string(found[1]), nil
}

func encode(d dashboard) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false) // keeps < and > readable in queries
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(d); err != nil {
		panic(err) // a dashboard holds only values that JSON can encode
	}
	return b.Bytes()
}
