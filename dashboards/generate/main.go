// Generate writes the Grafana dashboards in the directory above: inventory.json and
// exporter.json, in which queries recur that no person would keep alike by hand.
//
//	inventory.go  who shares what with whom: what is wrong, new and risky about it
//	exporter.go   whether what is shown can be trusted
//	promql.go     the queries' common parts
//	panels.go     how panels look and what they ask
//	tables.go     panels with columns
//	around.go     what is around panels: variables, annotations, links
//	grafana.go    the part of Grafana's model that they need
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
)

//go:generate go run .

func main() {
	if err := write(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write() error {
	if _, err := os.Stat("grafana.go"); err != nil {
		return fmt.Errorf("the files belong beside the code, not here: run make generate (%w)", err)
	}
	for file, d := range files() {
		if err := os.WriteFile(filepath.Join("..", file), written(d), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func files() map[string]dashboard {
	return map[string]dashboard{"inventory.json": inventory(), "exporter.json": exporter()}
}

func written(d dashboard) []byte {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // for people who read the queries
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(d); err != nil {
		panic(err) // it is made of what can be written
	}
	return text.Bytes()
}
