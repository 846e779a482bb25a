// Command generate brings the rules and dashboards, which stand in the repository
// once, to where the tools of Kubernetes want them: Helm reads no file outside of its
// chart, and kustomize none outside of its root. Links would do in a checkout, but
// some tools of continuous delivery leave them out. And it makes an Alertmanager for
// the compose file that tells nobody.
//
//	go generate ./...
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

//go:generate go run . -- ../../..

// Where what is generated lies, in the repository.
const (
	// Nothing else is in these directories.
	chartFiles = "deploy/helm/datadog-org-connections-exporter/files"
	monitoring = "deploy/kubernetes/monitoring"

	composeAlertmanager = "deploy/compose/alertmanager.yml"
)

func main() {
	if err := write(os.Args[len(os.Args)-1]); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// write generates everything anew.
func write(repository string) error {
	files, err := generate(os.DirFS(repository))
	if err != nil {
		return err
	}
	for _, dir := range []string{chartFiles, monitoring} {
		if err := os.RemoveAll(filepath.Join(repository, dir)); err != nil {
			return err
		}
	}
	for name, content := range files {
		path := filepath.Join(repository, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// generate gives the content of every generated file by its path.
func generate(repository fs.FS) (map[string][]byte, error) {
	files := map[string][]byte{}
	var resources, generators strings.Builder
	err := each(repository, "deploy/prometheus/rules/*.yml", func(source, name string, content []byte) error {
		files[chartFiles+"/rules/"+name+".yml"] = []byte(header(source) + string(content))
		files[monitoring+"/rules-"+name+".yaml"] = prometheusRule(source, name, content)
		fmt.Fprintf(&resources, "  - rules-%s.yaml\n", name)
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = each(repository, "dashboards/*.json", func(source, name string, content []byte) error {
		compact, err := compacted(content)
		if err != nil {
			return fmt.Errorf("%s: %w", source, err)
		}
		files[chartFiles+"/dashboards/"+name+".json"] = compact
		files[monitoring+"/dashboards/"+name+".json"] = compact
		// The sidecar writes all dashboards into one directory.
		fmt.Fprintf(&generators, "  - name: %s-%s\n    files:\n      - datadog-org-connections-%s.json=dashboards/%s.json\n", object, name, name, name)
		return nil
	})
	if err != nil {
		return nil, err
	}
	files[monitoring+"/kustomization.yaml"] = kustomization(resources.String(), generators.String())
	err = each(repository, "deploy/alertmanager/alertmanager.yml", func(source, _ string, content []byte) error {
		silent, err := silenced(content)
		files[composeAlertmanager] = append([]byte(header(source)+"# Alerts are routed and shown as there, and nobody is told.\n"), silent...)
		return err
	})
	return files, err
}

// each hands over all sources that match, in the order of their names. None is an
// error: they have moved.
func each(repository fs.FS, pattern string, use func(source, name string, content []byte) error) error {
	sources, err := fs.Glob(repository, pattern)
	if err != nil {
		return err
	}
	if len(sources) == 0 {
		return fmt.Errorf("there is no %s", pattern)
	}
	slices.Sort(sources)
	for _, source := range sources {
		content, err := fs.ReadFile(repository, source)
		if err != nil {
			return err
		}
		name := strings.TrimSuffix(filepath.Base(source), filepath.Ext(source))
		if err := use(source, name, content); err != nil {
			return err
		}
	}
	return nil
}

func header(source string) string {
	return "# Generated from " + source + " by go generate in e2e/packaging: change that.\n"
}

// object begins the name of what is generated for Kubernetes.
const object = "datadog-org-connections-exporter"

// prometheusRule is a file of rules as an object of the Prometheus operator, which
// takes it as it is, comments included.
func prometheusRule(source, name string, rules []byte) []byte {
	var b strings.Builder
	b.WriteString(header(source))
	fmt.Fprintf(&b, `apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: %[1]s-%[2]s
  labels:
    app.kubernetes.io/name: %[1]s
spec:
`, object, name)
	for line := range strings.Lines(string(rules)) {
		if line != "\n" {
			b.WriteString("  ")
		}
		b.WriteString(line)
	}
	return []byte(b.String())
}

// compacted is a dashboard without what only people need: with it, a ConfigMap may
// become too large for kubectl apply.
func compacted(dashboard []byte) ([]byte, error) {
	var b bytes.Buffer
	if err := json.Compact(&b, dashboard); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

func kustomization(resources, generators string) []byte {
	return []byte(`# Generated by go generate in e2e/packaging: rules for the Prometheus operator, and
# dashboards for the sidecar of Grafana's chart.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization

resources:
` + resources + `
configMapGenerator:
` + generators + `
generatorOptions:
  disableNameSuffixHash: true
  labels:
    app.kubernetes.io/name: ` + object + `
    grafana_dashboard: "1"
`)
}

// silenced is an Alertmanager's configuration whose receivers tell nobody.
func silenced(configuration []byte) ([]byte, error) {
	var parsed map[string]any
	if err := yaml.Unmarshal(configuration, &parsed); err != nil {
		return nil, err
	}
	delete(parsed, "global") // how to send
	delete(parsed, "templates")
	receivers, _ := parsed["receivers"].([]any)
	for n, receiver := range receivers {
		if receiver, ok := receiver.(map[string]any); ok {
			receivers[n] = map[string]any{"name": receiver["name"]}
		}
	}
	return yaml.Marshal(parsed)
}
