package packaging

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// kustomize builds a directory, with kustomize's default restrictions.
func kustomize(t *testing.T, dir string) cluster {
	t.Helper()
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).
		Run(filesys.MakeFsOnDisk(), filepath.Join(repository, "deploy/kubernetes", dir))
	if err != nil {
		t.Fatal(err)
	}
	manifests, err := built.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	return newCluster(t, manifests)
}

func TestKustomize_RendersValidObjects(t *testing.T) {
	for _, dir := range []string{"base", "overlays/demo", "overlays/several-orgs", "overlays/prometheus-operator"} {
		t.Run(dir, func(t *testing.T) {
			c := kustomize(t, dir)
			c.wantValid(t)
			if len(c.policies) != 1 {
				t.Errorf("there are %d NetworkPolicies, want one", len(c.policies))
			}
		})
	}
}

func TestKustomize_MountsKeysFromSecret(t *testing.T) {
	c := kustomize(t, "base")
	wantVariables(t, c, map[string]string{
		"DD_SITE":         "datadoghq.com",
		"DD_API_KEY_FILE": "/etc/datadog-org-connections-exporter/keys/api-key",
		"DD_APP_KEY_FILE": "/etc/datadog-org-connections-exporter/keys/app-key",
	})
	if volume := c.deployment.Spec.Template.Spec.Volumes[0]; volume.Secret == nil || volume.Secret.SecretName != "datadog-org-connections-exporter" {
		t.Errorf("the keys are from %v, want a Secret", volume)
	}
}

func TestKustomize_DemoNeedsNoKeysOrNetwork(t *testing.T) {
	c := kustomize(t, "overlays/demo")
	if args := c.container(t).Args; !slices.Equal(args, []string{"demo"}) {
		t.Errorf("the exporter is started with %q, want demo", args)
	}
	if pod := c.deployment.Spec.Template.Spec; len(pod.Volumes) > 0 || len(pod.Containers[0].Env) > 0 {
		t.Error("it has volumes or variables, want none")
	}
	if out := c.policies[0].Spec.Egress; len(out) > 0 {
		t.Errorf("its egress is allowed to %v, want none", out)
	}
}

func TestKustomize_RendersValidConfiguration(t *testing.T) {
	kustomize(t, "overlays/several-orgs").wantConfiguration(t, "payments-api", "payments-app", "platform-token")
}

func TestKustomize_InstallsRulesAndDashboards(t *testing.T) {
	c := kustomize(t, "overlays/prometheus-operator")
	wantRules(t, c)
	wantDashboards(t, c)
	if len(c.monitors) != 1 {
		t.Errorf("there are %d ServiceMonitors, want one", len(c.monitors))
	}
}

// wantVariables checks that the exporter's environment has exactly these variables.
func wantVariables(t *testing.T, c cluster, want map[string]string) {
	t.Helper()
	for _, variable := range c.container(t).Env {
		if got, wanted := variable.Value, want[variable.Name]; got != wanted {
			t.Errorf("%s is %q, want %q", variable.Name, got, wanted)
		}
		delete(want, variable.Name)
	}
	for name := range want {
		t.Errorf("there is no %s", name)
	}
}

// nameOf returns a file's name without its extension.
func nameOf(path string) string {
	return strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
}
