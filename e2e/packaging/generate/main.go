// Command generate copies the rules and dashboards into the Helm chart and the
// kustomize base, because Helm reads no file outside of its chart, and kustomize none
// outside of its root. Some continuous delivery tools do not follow symbolic links. It
// also writes an Alertmanager configuration without notifications for the compose file.
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

// Paths of generated files in the repository.
const (
	// chartFiles and monitoring hold generated files only.
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

// write replaces all generated files.
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

// generate returns the content of every generated file by path.
func generate(repository fs.FS) (map[string][]byte, error) {
	files := map[string][]byte{}
	var resources, generators strings.Builder
	err := forEachSource(repository, "deploy/prometheus/rules/*.yml", func(source, name string, content []byte) error {
		files[chartFiles+"/rules/"+name+".yml"] = []byte(header(source) + string(content))
		files[monitoring+"/rules-"+name+".yaml"] = prometheusRule(source, name, content)
		fmt.Fprintf(&resources, "  - rules-%s.yaml\n", name)
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = forEachSource(repository, "dashboards/*.json", func(source, name string, content []byte) error {
		compact, err := compactJSON(content)
		if err != nil {
			return fmt.Errorf("%s: %w", source, err)
		}
		files[chartFiles+"/dashboards/"+name+".json"] = compact
		files[monitoring+"/dashboards/"+name+".json"] = compact
		// The file name is unique since the sidecar writes all dashboards into one directory.
		fmt.Fprintf(&generators, "  - name: %s-%s\n    files:\n      - datadog-org-connections-%s.json=dashboards/%s.json\n", namePrefix, name, name, name)
		return nil
	})
	if err != nil {
		return nil, err
	}
	files[monitoring+"/kustomization.yaml"] = kustomization(resources.String(), generators.String())
	err = forEachSource(repository, "deploy/alertmanager/alertmanager.yml", func(source, _ string, content []byte) error {
		silent, err := withoutNotifications(content)
		files[composeAlertmanager] = append([]byte(header(source)+"# The same routes, without notifications.\n"), silent...)
		return err
	})
	return files, err
}

// forEachSource calls use for every file that matches the pattern, in alphabetical
// order. It is an error if there is none.
func forEachSource(repository fs.FS, pattern string, use func(source, name string, content []byte) error) error {
	sources, err := fs.Glob(repository, pattern)
	if err != nil {
		return err
	}
	if len(sources) == 0 {
		return fmt.Errorf("no file matches %s", pattern)
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

// namePrefix begins the names of the Kubernetes objects.
const namePrefix = "datadog-org-connections-exporter"

// prometheusRule returns a PrometheusRule object of the Prometheus operator with the
// groups of a rules file, comments included.
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
`, namePrefix, name)
	for line := range strings.Lines(string(rules)) {
		if line != "\n" {
			b.WriteString("  ")
		}
		b.WriteString(line)
	}
	return []byte(b.String())
}

// compactJSON returns a dashboard without white space, which would make the ConfigMap
// too large for kubectl apply.
func compactJSON(dashboard []byte) ([]byte, error) {
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
    app.kubernetes.io/name: ` + namePrefix + `
    grafana_dashboard: "1"
`)
}

// withoutNotifications returns an Alertmanager configuration whose receivers have
// names only.
func withoutNotifications(configuration []byte) ([]byte, error) {
	var parsed map[string]any
	if err := yaml.Unmarshal(configuration, &parsed); err != nil {
		return nil, err
	}
	delete(parsed, "global") // SMTP settings
	delete(parsed, "templates")
	receivers, _ := parsed["receivers"].([]any)
	for n, receiver := range receivers {
		if receiver, ok := receiver.(map[string]any); ok {
			receivers[n] = map[string]any{"name": receiver["name"]}
		}
	}
	return yaml.Marshal(parsed)
}
