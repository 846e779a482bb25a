package packaging

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

const chartDir = repository + "/deploy/helm/datadog-org-connections-exporter"

// examples are the complete examples of values in the chart.
var examples = []string{"demo", "operator", "orgs", "persistence", "token"}

func valuesOf(t *testing.T, example string) (values map[string]any) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(chartDir, "ci", example+"-values.yaml"))
	if err == nil {
		err = yaml.UnmarshalStrict(content, &values)
	}
	if err != nil {
		t.Fatal(err)
	}
	return values
}

func loadChart(t *testing.T) *chart.Chart {
	t.Helper()
	loaded, err := loader.Load(chartDir)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

// render returns the chart's rendered files for a release named test.
func render(t *testing.T, values map[string]any) map[string]string {
	t.Helper()
	return renderAs(t, "test", values)
}

func renderAs(t *testing.T, name string, values map[string]any) map[string]string {
	t.Helper()
	loaded := loadChart(t)
	release := common.ReleaseOptions{Name: name, Namespace: "monitoring", Revision: 1, IsInstall: true}
	all, err := util.ToRenderValues(loaded, values, release, common.DefaultCapabilities)
	if err != nil {
		t.Fatal(err)
	}
	files, err := engine.Engine{Strict: true}.RenderWithContext(t.Context(), loaded, all)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// helm returns the objects of a release named test.
func helm(t *testing.T, values map[string]any) cluster {
	t.Helper()
	return helmAs(t, "test", values)
}

func helmAs(t *testing.T, name string, values map[string]any) cluster {
	t.Helper()
	var manifests strings.Builder
	for name, content := range renderAs(t, name, values) {
		if !strings.HasSuffix(name, ".txt") {
			manifests.WriteString("---\n" + content + "\n")
		}
	}
	return newCluster(t, []byte(manifests.String()))
}

func TestHelmChart_PassesLint(t *testing.T) {
	values := map[string]map[string]any{"defaults": {}}
	for _, example := range examples {
		values[example] = valuesOf(t, example)
	}
	for name, values := range values {
		for _, message := range lint.RunAll(chartDir, values, "monitoring").Messages {
			// An icon matters only to charts that are published.
			if !strings.Contains(message.Error(), "icon is recommended") {
				t.Errorf("with %s: %v", name, message)
			}
		}
	}
}

func TestHelmChart_RendersValidObjects(t *testing.T) {
	for _, example := range examples {
		t.Run(example, func(t *testing.T) {
			c := helm(t, valuesOf(t, example))
			c.wantValid(t)
			wantHealthTest(t, c)
		})
	}
	t.Run("defaults", func(t *testing.T) { helm(t, nil).wantValid(t) })
}

func TestHelmChart_AcceptsLongestReleaseName(t *testing.T) {
	longest := strings.Repeat("x", 53) // the limit for release names
	helmAs(t, longest, valuesOf(t, "operator")).wantValid(t)
}

// wantHealthTest checks that helm test requests the Service's health with the exporter's
// own image.
func wantHealthTest(t *testing.T, c cluster) {
	t.Helper()
	if len(c.pods) != 1 || c.pods[0].Annotations["helm.sh/hook"] != "test" {
		t.Fatalf("there are %d pods, want one that tests", len(c.pods))
	}
	container := c.pods[0].Spec.Containers[0]
	service := fmt.Sprintf("%s:%d", c.service.Name, c.service.Spec.Ports[0].Port)
	if !slices.Equal(container.Args, []string{"healthcheck", "--web.listen-address=" + service}) {
		t.Errorf("it runs %q, want a healthcheck of %s", container.Args, service)
	}
	if container.Image != c.container(t).Image {
		t.Errorf("its image is %s, want the exporter's", container.Image)
	}
}

func TestHelmChart_MountsKeysFromSecret(t *testing.T) {
	const keys = "/etc/datadog-org-connections-exporter/keys/"
	operator := helm(t, valuesOf(t, "operator"))
	wantVariables(t, operator, map[string]string{
		"DD_SITE": "datadoghq.eu", "DD_API_KEY_FILE": keys + "api-key", "DD_APP_KEY_FILE": keys + "app-key",
	})
	if name := secretName(t, operator, "keys"); name != "datadog-keys" {
		t.Errorf("the keys are from the Secret %s, want that of the values", name)
	}
	token := helm(t, valuesOf(t, "token"))
	wantVariables(t, token, map[string]string{"DD_SITE": "datadoghq.com", "DD_ACCESS_TOKEN_FILE": keys + "token"})
	if name := secretName(t, token, "keys"); name != "test-datadog-org-connections-exporter" {
		t.Errorf("the keys are from the Secret %s, want that of the release's name", name)
	}
}

// state returns the volume with what the exporter remembers.
func state(t *testing.T, c cluster) core.Volume {
	t.Helper()
	for _, volume := range c.deployment.Spec.Template.Spec.Volumes {
		if volume.Name == "state" {
			return volume
		}
	}
	t.Fatal("there is no volume state")
	return core.Volume{}
}

func TestHelmChart_KeepsStateInAVolume(t *testing.T) {
	c := helm(t, nil)
	if volume := state(t, c); volume.EmptyDir == nil || len(c.claims) > 0 {
		t.Errorf("by default the state is in %v, with %d claims; want an emptyDir", volume, len(c.claims))
	}
	c = helm(t, valuesOf(t, "persistence"))
	volume := state(t, c)
	if len(c.claims) != 1 || volume.PersistentVolumeClaim == nil || volume.PersistentVolumeClaim.ClaimName != c.claims[0].Name {
		t.Errorf("the state is in %v, with %d claims; want one", volume, len(c.claims))
	}
	if strategy := c.deployment.Spec.Strategy; strategy.Type != apps.RecreateDeploymentStrategyType || strategy.RollingUpdate != nil {
		t.Errorf("the strategy is %v, but two pods cannot share the volume", strategy)
	}
	c = helm(t, map[string]any{"persistence": map[string]any{"enabled": true, "existingClaim": "mine"}})
	if volume := state(t, c); len(c.claims) > 0 || volume.PersistentVolumeClaim == nil || volume.PersistentVolumeClaim.ClaimName != "mine" {
		t.Errorf("the state is in %v, with %d claims; want that of the values", volume, len(c.claims))
	}
}

func secretName(t *testing.T, c cluster, volume string) string {
	t.Helper()
	for _, v := range c.deployment.Spec.Template.Spec.Volumes {
		if v.Name == volume && v.Secret != nil {
			return v.Secret.SecretName
		}
	}
	t.Fatalf("there is no volume %s of a Secret", volume)
	return ""
}

func TestHelmChart_DemoNeedsNoKeysOrNetwork(t *testing.T) {
	c := helm(t, valuesOf(t, "demo"))
	if args := c.container(t).Args; !slices.Equal(args, []string{"demo"}) {
		t.Errorf("the exporter is started with %q, want demo", args)
	}
	if pod := c.deployment.Spec.Template.Spec; len(pod.Volumes) > 0 || len(pod.Containers[0].Env) > 0 {
		t.Error("it has volumes or variables, want none")
	}
	if len(c.policies) != 1 || len(c.policies[0].Spec.Egress) > 0 {
		t.Error("its egress is allowed, want none")
	}
}

func TestHelmChart_RendersValidConfiguration(t *testing.T) {
	c := helm(t, valuesOf(t, "orgs"))
	c.wantConfiguration(t, "payments-api", "payments-app", "platform-token")
	for _, arg := range []string{"--cache.ttl=5m", "--web.config.file=/etc/datadog-org-connections-exporter/web/web-config.yml"} {
		if args := c.container(t).Args; !slices.Contains(args, arg) {
			t.Errorf("the exporter is started with %q, without %s", args, arg)
		}
	}
}

// A new policy restarts the pod, and nothing else does.
func TestHelmChart_RestartsPodForNewPolicy(t *testing.T) {
	checksum := func(values map[string]any) string {
		return helm(t, values).deployment.Spec.Template.Annotations["checksum/config"]
	}
	values := valuesOf(t, "orgs")
	before := checksum(values)
	values["service"] = map[string]any{"port": 8080}
	if after := checksum(values); after != before {
		t.Error("another port of the Service restarts the pod")
	}
	values["policy"] = map[string]any{"rules": []any{}}
	if after := checksum(values); after == before || after == "" {
		t.Error("another policy does not restart the pod")
	}
	if sum := checksum(valuesOf(t, "token")); sum != "" {
		t.Errorf("without files there is a checksum, %s", sum)
	}
}

// Kubernetes' HTTP probes have neither the password nor a certificate.
func TestHelmChart_ProbesWithExecBehindPassword(t *testing.T) {
	container := helm(t, valuesOf(t, "orgs")).container(t)
	for _, probe := range []*core.Probe{container.LivenessProbe, container.ReadinessProbe} {
		if probe.Exec == nil || probe.HTTPGet != nil || !slices.Equal(probe.Exec.Command, []string{"/bin/datadog_org_connections_exporter", "healthcheck"}) {
			t.Errorf("the probe is %v, want the exporter's own command", probe.ProbeHandler)
		}
	}
	if probe := helm(t, nil).container(t).ReadinessProbe; probe.HTTPGet == nil {
		t.Error("without a password, want HTTP")
	}
}

func TestHelmChart_InstallsRulesAndDashboards(t *testing.T) {
	c := helm(t, valuesOf(t, "operator"))
	wantRules(t, c)
	wantDashboards(t, c)
	if len(c.monitors) != 1 {
		t.Fatalf("there are %d ServiceMonitors, want one", len(c.monitors))
	}
	release := map[string]string{"ServiceMonitor": c.monitors[0].Labels["release"]}
	for _, rules := range c.rules {
		release["PrometheusRule "+rules.Name] = rules.Labels["release"]
	}
	for object, label := range release {
		if label != "kube-prometheus-stack" {
			t.Errorf("%s has the label release=%q: Prometheus does not see it", object, label)
		}
	}
	if bare := helm(t, nil); len(bare.rules)+len(bare.monitors)+len(bare.configMaps) > 0 {
		t.Error("without the Prometheus operator there are objects for it, want none")
	}
}

func TestHelmChart_RejectsInvalidValues(t *testing.T) {
	for name, values := range map[string]string{
		"an unknown value":       `{demoo: true}`,
		"a key among the values": `{datadog: {apiKey: "0123456789abcdef"}}`,
		"an invalid port":        `{service: {port: 0}}`,
		"an org without a name":  `{config: {orgs: [{site: datadoghq.eu}]}}`,
		"a text for a switch":    `{demo: "yes"}`,
		"an invalid digest":      `{image: {digest: latest}}`,
		"an invalid interval":    `{serviceMonitor: {interval: 60}}`,
	} {
		var parsed map[string]any
		if err := yaml.Unmarshal([]byte(values), &parsed); err != nil {
			t.Fatal(err)
		}
		if _, err := util.ToRenderValues(loadChart(t), parsed, common.ReleaseOptions{}, common.DefaultCapabilities); err == nil {
			t.Errorf("it accepts %s: %s", name, values)
		}
	}
}

// Every value of the schema is in values.yaml, with its default and a comment.
func TestHelmChart_SchemaMatchesValues(t *testing.T) {
	loaded := loadChart(t)
	var schema struct {
		Properties map[string]any
	}
	if err := json.Unmarshal(loaded.Schema, &schema); err != nil {
		t.Fatal(err)
	}
	for name := range schema.Properties {
		if _, there := loaded.Values[name]; !there && name != "global" {
			t.Errorf("%s is in the schema, but not in values.yaml", name)
		}
	}
}

func TestHelmChart_NotesSayWhatToCreate(t *testing.T) {
	notes := func(values map[string]any) string {
		return render(t, values)["datadog-org-connections-exporter/templates/NOTES.txt"]
	}
	for name, test := range map[string]struct {
		values       map[string]any
		want, absent string
	}{
		"keys":     {nil, "create secret generic test-datadog-org-connections-exporter", "simulated"},
		"a token":  {valuesOf(t, "token"), "--from-file=token", "--from-file=api-key"},
		"a demo":   {valuesOf(t, "demo"), "simulated", "create secret"},
		"operator": {valuesOf(t, "operator"), "create secret generic datadog-keys", "Prometheus does not know"},
	} {
		if got := notes(test.values); !strings.Contains(got, test.want) || strings.Contains(got, test.absent) {
			t.Errorf("with %s the notes are %q, want %q and not %q", name, got, test.want, test.absent)
		}
	}
}
