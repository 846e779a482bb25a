package packaging

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"sigs.k8s.io/yaml"
)

const composeDir = repository + "/deploy/compose"

// compose loads the compose file as docker compose does, with this environment.
func compose(t *testing.T, environment ...string) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{filepath.Join(composeDir, "compose.yml")},
		cli.WithEnv(environment), cli.WithResolvedPaths(true))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return project
}

func TestCompose_RunsDemoWithoutKeys(t *testing.T) {
	const secret = "0123456789abcdef"
	for name, test := range map[string]struct {
		environment []string
		command     string
		passed      map[string]string
	}{
		"nothing": {nil, "demo", map[string]string{}},
		"keys": {
			[]string{"DD_SITE=datadoghq.eu", "DD_API_KEY=" + secret, "DD_APP_KEY=" + secret}, "serve",
			map[string]string{"DD_SITE": "datadoghq.eu", "DD_API_KEY": secret, "DD_APP_KEY": secret},
		},
		"a token": {[]string{"DD_ACCESS_TOKEN=" + secret}, "serve", map[string]string{"DD_ACCESS_TOKEN": secret}},
	} {
		t.Run(name, func(t *testing.T) {
			exporter := compose(t, test.environment...).Services["exporter"]
			if len(exporter.Command) == 0 || exporter.Command[0] != test.command {
				t.Errorf("it is started with %q, want %s", exporter.Command, test.command)
			}
			if strings.Contains(strings.Join(exporter.Command, " "), secret) {
				t.Errorf("its command line contains a key: %q", exporter.Command)
			}
			for variable, value := range exporter.Environment {
				if value != nil && *value != test.passed[variable] {
					t.Errorf("%s is %q, want %q", variable, *value, test.passed[variable])
				}
				if value != nil {
					delete(test.passed, variable)
				}
			}
			if len(test.passed) > 0 {
				t.Errorf("it lacks the variables %v", test.passed)
			}
		})
	}
}

func TestCompose_PublishesOnLoopbackOnly(t *testing.T) {
	for name, service := range compose(t).Services {
		for _, port := range service.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s is published on %q, want the loopback address", name, port.HostIP)
			}
		}
		if len(service.Ports) != 1 {
			t.Errorf("%s has %d ports, want one", name, len(service.Ports))
		}
		if !slices.Equal(service.CapDrop, []string{"ALL"}) {
			t.Errorf("%s keeps capabilities", name)
		}
	}
}

func TestCompose_MountsExistingFilesAndPinsImages(t *testing.T) {
	for name, service := range compose(t).Services {
		for _, volume := range service.Volumes {
			if volume.Type != types.VolumeTypeBind {
				continue
			}
			if _, err := os.Stat(volume.Source); err != nil {
				t.Errorf("%s mounts a missing file: %v", name, err)
			}
			if !volume.ReadOnly {
				t.Errorf("%s can write to %s", name, volume.Source)
			}
		}
		_, tag, _ := strings.Cut(service.Image, ":")
		if service.Build == nil && (tag == "" || tag == "latest") {
			t.Errorf("%s has the image %s, want a fixed tag", name, service.Image)
		}
		if service.Build != nil {
			if _, err := os.Stat(filepath.Join(service.Build.Context, "Dockerfile")); err != nil {
				t.Errorf("%s has no Dockerfile: %v", name, err)
			}
		}
	}
}

// The addresses and paths in the services' configurations exist.
func TestCompose_ConnectsServices(t *testing.T) {
	t.Run("the demo", func(t *testing.T) { wantConnected(t, compose(t), "prometheus.yml") })
	t.Run("an account", func(t *testing.T) {
		wantConnected(t, compose(t, "DD_API_KEY=0123456789abcdef", "DD_APP_KEY=0123456789abcdef"), "prometheus-with-keys.yml")
	})
}

// wantConnected checks the addresses and paths in the files of Prometheus and Grafana.
func wantConnected(t *testing.T, project *types.Project, prometheusConfig string) {
	t.Helper()
	addresses := map[string]bool{}
	for name, service := range project.Services {
		for _, port := range service.Ports {
			addresses[fmt.Sprintf("%s:%d", name, port.Target)] = true
		}
	}
	var prometheus struct {
		RuleFiles []string `json:"rule_files"`
		Alerting  struct {
			Alertmanagers []struct {
				StaticConfigs []staticConfig `json:"static_configs"`
			} `json:"alertmanagers"`
		} `json:"alerting"`
		ScrapeConfigs []struct {
			JobName       string         `json:"job_name"`
			StaticConfigs []staticConfig `json:"static_configs"`
		} `json:"scrape_configs"`
	}
	read(t, prometheusConfig, &prometheus)
	var grafana struct {
		Datasources []struct {
			URL string `json:"url"`
		} `json:"datasources"`
	}
	read(t, "grafana/datasources.yml", &grafana)
	var dashboards struct {
		Providers []struct {
			Options struct {
				Path string `json:"path"`
			} `json:"options"`
		} `json:"providers"`
	}
	read(t, "grafana/dashboards.yml", &dashboards)

	for what, address := range map[string]string{
		"Prometheus' target":       prometheus.ScrapeConfigs[0].StaticConfigs[0].Targets[0],
		"Prometheus' Alertmanager": prometheus.Alerting.Alertmanagers[0].StaticConfigs[0].Targets[0],
		"Grafana's data source":    strings.TrimPrefix(grafana.Datasources[0].URL, "http://"),
	} {
		if !addresses[address] {
			t.Errorf("%s is %s, want one of %v", what, address, addresses)
		}
	}
	for container, source := range map[string]string{
		"/etc/prometheus/" + filepath.Dir(prometheus.RuleFiles[0]): "deploy/prometheus/rules",
		"/etc/prometheus/prometheus.yml":                           "deploy/compose/" + prometheusConfig,
	} {
		wantMounted(t, project.Services["prometheus"], source, container)
	}
	wantMounted(t, project.Services["grafana"], "dashboards", dashboards.Providers[0].Options.Path)
	home := *project.Services["grafana"].Environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
	if dir, name := filepath.Split(home); filepath.Clean(dir) != dashboards.Providers[0].Options.Path || text(t, "dashboards/"+name) == "" {
		t.Errorf("the home dashboard %s does not exist", home)
	}
}

type staticConfig struct {
	Targets []string `json:"targets"`
}

func wantMounted(t *testing.T, service types.ServiceConfig, source, container string) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(repository, source))
	if err != nil {
		t.Fatal(err)
	}
	for _, volume := range service.Volumes {
		if volume.Source == path && volume.Target == container {
			return
		}
	}
	t.Errorf("%s does not have %s at %s", service.Name, source, container)
}

func read(t *testing.T, name string, to any) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(composeDir, name))
	if err == nil {
		err = yaml.Unmarshal(content, to)
	}
	if err != nil {
		t.Fatal(err)
	}
}
