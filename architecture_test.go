package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const modulePath = "datadog_org_connections_exporter"

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

	// What shows a snapshot.
	"internal/report": {"datadog", "internal/inventory", "internal/policy", "golang.org/x/text"},
	"internal/web":    {"internal/inventory", "github.com/go-kit/log"},
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
		"collector", "datadog", "internal/config", "internal/exposition", "internal/inventory", "internal/policy", "internal/web", "internal/yamlcheck",
		"github.com/go-kit/log", "github.com/prometheus/client_golang", "github.com/prometheus/common", "github.com/prometheus/exporter-toolkit",
		"golang.org/x/sync",
	},
	"internal/cli": {
		"collector", "datadog", "datadog/fake", "internal/config", "internal/exporter", "internal/inventory", "internal/policy", "internal/report", "internal/yamlcheck",
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

// listedPackage is a package as go list -json prints it. Imports has the direct imports
// without those of tests.
type listedPackage struct {
	ImportPath string
	Standard   bool
	Module     *struct {
		Path string
		Main bool
	}
	Imports []string
}

func TestArchitecture(t *testing.T) {
	for _, violation := range violations(goList(t), allowedImports) {
		t.Error(violation)
	}
}

// goList returns the packages of the module and all that they depend on, by import path.
func goList(t *testing.T) map[string]listedPackage {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Standard,Module,Imports", "./...").Output()
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

// violations returns how the packages differ from the table, in both directions.
func violations(packages map[string]listedPackage, allowed map[string][]string) []string {
	var found []string
	report := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	gone := maps.Clone(allowed)
	for _, p := range packages {
		if p.Module == nil || !p.Module.Main {
			continue
		}
		dir := directory(p.ImportPath)
		delete(gone, dir)
		if _, isListed := allowed[dir]; !isListed {
			report("package %q is not in allowedImports", dir)
			continue
		}
		imports := importsOf(p, packages)
		for _, name := range subtract(imports, allowed[dir]) {
			report("package %q imports %s, which allowedImports does not allow", dir, name)
		}
		for _, name := range subtract(allowed[dir], imports) {
			report("package %q does not import %s any more: remove it from allowedImports", dir, name)
		}
		for path, restricted := range restrictedImports {
			if slices.Contains(p.Imports, path) && !slices.Contains(strings.Fields(restricted.importers), dir) {
				report("package %q imports %s: %s", dir, path, restricted.why)
			}
		}
	}
	for dir := range gone {
		report("there is no package %q any more: remove it from allowedImports", dir)
	}
	slices.Sort(found)
	return found
}

// importsOf returns what p imports besides the standard library: packages of this module
// by their directory, others by their module, each once.
func importsOf(p listedPackage, packages map[string]listedPackage) []string {
	var names []string
	for _, path := range p.Imports {
		switch imported := packages[path]; {
		case imported.Standard:
		case imported.Module.Main:
			names = append(names, directory(path))
		default:
			names = append(names, imported.Module.Path)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// subtract returns the elements of a that b lacks.
func subtract(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

// directory returns where in this module a package is; "" is the root.
func directory(importPath string) string {
	return strings.TrimPrefix(strings.TrimPrefix(importPath, modulePath), "/")
}

func TestViolations(t *testing.T) {
	type module = struct {
		Path string
		Main bool
	}
	packages := map[string]listedPackage{
		"fmt":              {ImportPath: "fmt", Standard: true},
		"net/http":         {ImportPath: "net/http", Standard: true},
		"text/template":    {ImportPath: "text/template", Standard: true},
		"example.com/m/v2": {ImportPath: "example.com/m/v2", Module: &module{Path: "example.com/m/v2"}},
		// The path of a package of another module.
		"example.com/m/v2/sub": {ImportPath: "example.com/m/v2/sub", Module: &module{Path: "example.com/m/v2"}},
	}
	for dir, imports := range map[string][]string{
		"":                   {"fmt", modulePath + "/datadog"},
		"datadog":            {"fmt", "net/http", "example.com/m/v2/sub"},
		"internal/inventory": {"net/http", "text/template", modulePath + "/datadog"},
	} {
		path := strings.TrimSuffix(modulePath+"/"+dir, "/")
		packages[path] = listedPackage{ImportPath: path, Module: &module{Path: modulePath, Main: true}, Imports: imports}
	}
	restricted := []string{
		`package "internal/inventory" imports net/http: ` + restrictedImports["net/http"].why,
		`package "internal/inventory" imports text/template: ` + restrictedImports["text/template"].why,
	}
	for name, test := range map[string]struct {
		change func(allowed map[string][]string)
		want   []string
	}{
		"as listed":         {func(map[string][]string) {}, nil},
		"package not there": {func(a map[string][]string) { delete(a, "datadog") }, []string{`package "datadog" is not in allowedImports`}},
		"package gone":      {func(a map[string][]string) { a["web"] = nil }, []string{`there is no package "web" any more: remove it from allowedImports`}},
		"our package":       {func(a map[string][]string) { a[""] = nil }, []string{`package "" imports datadog, which allowedImports does not allow`}},
		"module":            {func(a map[string][]string) { a["datadog"] = nil }, []string{`package "datadog" imports example.com/m/v2, which allowedImports does not allow`}},
		"import gone":       {func(a map[string][]string) { a[""] = []string{"datadog", "web"} }, []string{`package "" does not import web any more: remove it from allowedImports`}},
	} {
		allowed := map[string][]string{"": {"datadog"}, "datadog": {"example.com/m/v2"}, "internal/inventory": {"datadog"}}
		test.change(allowed)
		want := slices.Sorted(slices.Values(append(test.want, restricted...)))
		if got := violations(packages, allowed); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}
