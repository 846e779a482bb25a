package main

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// allowedImports is who may import whom: for each package, by its directory, the
// packages of this module that it imports, and then the other modules. This is the one
// place that says so; docs/design.md says why. Tests may import what they like.
//
// Each package imports only packages that stand above it here, so data flows one way:
// the API's pages become listings, the listings a snapshot, the snapshot is judged and
// shown, and nothing that shows it asks the API again.
var allowedImports = map[string][]string{
	"internal/boundedfile": {},

	// The client of Datadog's API.
	"datadog": {"internal/boundedfile", "github.com/cenkalti/backoff/v5", "github.com/go-json-experiment/json"},
	// The simulated API must not share structs with the client: a wrong JSON tag in a
	// shared struct would cancel itself out.
	"datadog/fake": {},

	"internal/inventory": {"datadog", "github.com/go-kit/log"},
	"internal/yamlcheck": {"internal/boundedfile", "go.yaml.in/yaml/v3"},
	"internal/config":    {"datadog", "internal/yamlcheck"},
	"internal/policy":    {"internal/inventory", "internal/yamlcheck"},
	"internal/storage": {
		"datadog", "internal/inventory",
		"github.com/go-json-experiment/json", "github.com/go-kit/log", "github.com/gofrs/flock",
	},

	// What shows a snapshot.
	"internal/report": {"datadog", "internal/inventory", "internal/policy", "golang.org/x/text"},
	"internal/web":    {"datadog", "internal/inventory", "internal/policy", "internal/report", "github.com/go-kit/log"},
	"collector": {
		"datadog", "internal/inventory", "internal/policy",
		"github.com/prometheus/client_golang", "github.com/prometheus/client_model",
	},
	"internal/exposition": {
		"collector", "internal/inventory", "internal/policy",
		"github.com/prometheus/client_golang", "github.com/prometheus/client_model", "github.com/prometheus/common", "golang.org/x/sync",
	},

	// What puts the parts together: the process, the command line, main.
	"internal/exporter": {
		"collector", "datadog", "internal/config", "internal/exposition", "internal/inventory", "internal/policy", "internal/storage", "internal/web", "internal/yamlcheck",
		"github.com/go-kit/log", "github.com/prometheus/client_golang", "github.com/prometheus/common", "github.com/prometheus/exporter-toolkit",
		"golang.org/x/sync",
	},
	"internal/cli": {
		"collector", "datadog", "datadog/fake", "internal/config", "internal/exporter", "internal/inventory", "internal/policy", "internal/report", "internal/storage", "internal/yamlcheck",
		"github.com/alecthomas/kingpin/v2", "github.com/coreos/go-systemd/v22", "github.com/go-kit/log", "github.com/mdlayher/vsock",
		"github.com/prometheus/common", "github.com/prometheus/exporter-toolkit", "github.com/tjhop/slog-gokit", "golang.org/x/term",
	},
	"": {"internal/cli"},

	"dashboards/generate": {},
}

// restrictedImports are packages of the standard library that only some packages may
// import.
var restrictedImports = map[string]struct{ importers, why string }{
	"net/http":      {"datadog datadog/fake collector internal/cli internal/exporter internal/exposition internal/web", "the packages in between work without a network"},
	"text/template": {"", "names of orgs are untrusted: html/template escapes them"},
}

// goPackage is a package as go list -json prints it. Imports has no imports of tests.
type goPackage struct {
	ImportPath string
	Standard   bool
	Module     *struct {
		Path string
		Main bool
	}
	Imports []string
}

func TestArchitecture(t *testing.T) {
	packages := goList(t)
	seen := map[string]bool{}
	for _, p := range packages {
		if p.Module == nil || !p.Module.Main {
			continue
		}
		dir := p.name()
		seen[dir] = true
		allowed, isListed := allowedImports[dir]
		if !isListed {
			t.Errorf("package %q is not in allowedImports", dir)
		}
		imports := map[string]bool{}
		for _, path := range p.Imports {
			if packages[path].Standard {
				if r, isRestricted := restrictedImports[path]; isRestricted && !slices.Contains(strings.Fields(r.importers), dir) {
					t.Errorf("package %q imports %s: %s", dir, path, r.why)
				}
				continue
			}
			name := packages[path].name()
			imports[name] = true
			if !slices.Contains(allowed, name) {
				t.Errorf("package %q imports %s, which allowedImports does not allow", dir, name)
			}
		}
		for _, name := range allowed {
			if !imports[name] {
				t.Errorf("package %q does not import %s any more: remove it from allowedImports", dir, name)
			}
		}
	}
	for dir := range allowedImports {
		if !seen[dir] {
			t.Errorf("there is no package %q any more: remove it from allowedImports", dir)
		}
	}
}

// goList returns the packages of the module and all that they depend on, by import path.
func goList(t *testing.T) map[string]goPackage {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Standard,Module,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	packages := map[string]goPackage{}
	for decoder := json.NewDecoder(bytes.NewReader(out)); decoder.More(); {
		var p goPackage
		if err := decoder.Decode(&p); err != nil {
			t.Fatalf("go list: %v", err)
		}
		packages[p.ImportPath] = p
	}
	return packages
}

// name returns the name of a package in allowedImports: its directory if it is of this
// module ("" is the root), else its module.
func (p goPackage) name() string {
	if p.Module.Main {
		return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, p.Module.Path), "/")
	}
	return p.Module.Path
}
