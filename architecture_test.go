package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// listedPackage is what go list tells about a package; tests do not count.
type listedPackage struct {
	ImportPath string
	Standard   bool
	Module     *struct{ Main bool }
	Imports    []string // direct ones
	Deps       []string // all, of imports too
}

const programName = "datadog_org_connections_exporter" // the module

// goList gives all packages of the module and all that they depend on.
func goList(t *testing.T) map[string]listedPackage {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Standard,Module,Imports,Deps", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	packages := map[string]listedPackage{}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listedPackage
		switch err := decoder.Decode(&p); {
		case errors.Is(err, io.EOF):
			return packages
		case err != nil:
			t.Fatalf("go list: %v", err)
		}
		packages[p.ImportPath] = p
	}
}

// TestTheArrowsBetweenThePackagesPointOneWay holds the packages to what the
// documentation draws: data flows from the API to what is shown, and nobody
// downstream asks upstream for more.
func TestTheArrowsBetweenThePackagesPointOneWay(t *testing.T) {
	const anything = "anything"
	// Of our own packages, each may import these directly.
	arrows := map[string][]string{
		"":                    {"internal/cli"},
		"internal/cli":        {anything}, // it wires them all
		"internal/exporter":   {"datadog", "collector", "internal/config", "internal/exposition", "internal/inventory", "internal/policy", "internal/web", "internal/yamlcheck"},
		"datadog":             nil,
		"datadog/fake":        nil, // sharing structs with the client, a wrong JSON tag would cancel itself out
		"internal/inventory":  {"datadog"},
		"internal/yamlcheck":  nil,
		"internal/policy":     {"internal/inventory", "internal/yamlcheck"},
		"internal/config":     {"datadog", "internal/yamlcheck"},
		"internal/report":     {"datadog", "internal/inventory", "internal/policy"},
		"collector":           {"datadog", "internal/inventory", "internal/policy"},
		"internal/exposition": {"collector", "internal/inventory", "internal/policy"},
		"internal/web":        {"internal/inventory", "internal/policy"},
		"dashboards/generate": {"collector"}, // names of metrics
	}
	packages := goList(t)
	for path, p := range packages {
		if p.Module == nil || !p.Module.Main {
			continue
		}
		name := strings.TrimPrefix(strings.TrimPrefix(path, programName), "/")
		allowed, known := arrows[name]
		if !known {
			t.Errorf("%s is new: say here what it may import", name)
			continue
		}
		for _, imported := range p.Imports {
			ours, isOurs := strings.CutPrefix(imported, programName+"/")
			if isOurs && !slices.Contains(allowed, anything) && !slices.Contains(allowed, ours) {
				t.Errorf("%s imports %s", name, ours)
			}
		}
	}
	for _, name := range []string{"datadog", "datadog/fake", "internal/inventory", "collector", "internal/web"} {
		if _, there := packages[programName+"/"+name]; !there {
			t.Errorf("there is no package %s: is the rest of this test about anything?", name)
		}
	}
}

func TestTheClientAndTheSimulatedAPIStandOnLittleElse(t *testing.T) {
	packages := goList(t)
	for name, besides := range map[string][]string{
		"datadog":      {"github.com/cenkalti/backoff/v5", "github.com/go-json-experiment/json", "golang.org/x/sync"},
		"datadog/fake": nil,
	} {
		for _, dependency := range packages[programName+"/"+name].Deps {
			if packages[dependency].Standard || slices.ContainsFunc(besides, func(module string) bool {
				return dependency == module || strings.HasPrefix(dependency, module+"/")
			}) {
				continue
			}
			t.Errorf("%s depends on %s", name, dependency)
		}
	}
}

func TestTheInventoryKnowsNothingOfPrometheusAndHTTP(t *testing.T) {
	packages := goList(t)
	for _, name := range []string{"internal/inventory", "internal/policy"} {
		p := packages[programName+"/"+name]
		for _, dependency := range p.Deps {
			if strings.HasPrefix(dependency, "github.com/prometheus/") {
				t.Errorf("%s depends on %s", name, dependency)
			}
		}
		if slices.Contains(p.Imports, "net/http") {
			t.Errorf("%s imports net/http", name)
		}
	}
}

// Names come from outside: html/template escapes them.
func TestNothingOfOursUsesTextTemplates(t *testing.T) {
	for path, p := range goList(t) {
		if p.Module != nil && p.Module.Main && slices.Contains(p.Imports, "text/template") {
			t.Errorf("%s imports text/template", path)
		}
	}
}
