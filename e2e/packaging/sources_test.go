package packaging

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// sources returns the files of the repository that match, by path. It is an error if
// there is none.
func sources(t *testing.T, pattern string) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(repository, pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("there is no %s (%v)", pattern, err)
	}
	found := map[string][]byte{}
	for _, path := range paths {
		if found[path], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// wantRules checks that the objects have exactly the rules of the repository, with an
// object for each file: the rules of a group depend on each other, and so do files.
func wantRules(t *testing.T, c cluster) {
	t.Helper()
	want := map[string]any{}
	for path, content := range sources(t, "deploy/prometheus/rules/*.yml") {
		want[nameOf(path)] = parsed(t, content)
	}
	for _, object := range c.rules {
		spec, err := json.Marshal(object.Spec)
		if err != nil {
			t.Fatal(err)
		}
		for name, rules := range want {
			if strings.HasSuffix(object.Name, "-"+name) {
				if !reflect.DeepEqual(parsed(t, spec), rules) {
					t.Errorf("PrometheusRule %s is not what is in the repository", object.Name)
				}
				delete(want, name)
			}
		}
	}
	for name := range want {
		t.Errorf("no PrometheusRule has the rules of %s", name)
	}
	if n := len(sources(t, "deploy/prometheus/rules/*.yml")); len(c.rules) != n {
		t.Errorf("there are %d PrometheusRules, want %d", len(c.rules), n)
	}
}

// wantDashboards checks that all dashboards of the repository are where Grafana's
// sidecar looks for them, and small enough for kubectl apply.
func wantDashboards(t *testing.T, c cluster) {
	t.Helper()
	want := map[string]any{}
	for _, content := range sources(t, "dashboards/*.json") {
		dashboard := parsed(t, content)
		want[uid(dashboard)] = dashboard
	}
	files := map[string]bool{}
	for _, configMap := range c.configMaps {
		if configMap.Labels["grafana_dashboard"] != "1" {
			continue
		}
		for file, content := range configMap.Data {
			dashboard := parsed(t, []byte(content))
			if !reflect.DeepEqual(dashboard, want[uid(dashboard)]) {
				t.Errorf("%s of ConfigMap %s is not what is in the repository", file, configMap.Name)
			}
			delete(want, uid(dashboard))
			if files[file] {
				t.Errorf("the sidecar writes all dashboards into one directory, and two are named %s", file)
			}
			files[file] = true
			if len(content) > 200<<10 {
				t.Errorf("%s has %d bytes: kubectl apply keeps a second copy in an annotation, which has 256 KiB at most", file, len(content))
			}
		}
	}
	for missing := range want {
		t.Errorf("no ConfigMap has the dashboard %s", missing)
	}
}

func parsed(t *testing.T, content []byte) any {
	t.Helper()
	var value any
	if err := yaml.Unmarshal(content, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

func uid(dashboard any) string {
	fields, _ := dashboard.(map[string]any)
	uid, _ := fields["uid"].(string)
	return uid
}
