package packaging

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
	podsecurity "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// repository is the path of the repository.
const repository = "../.."

// cluster is the objects in a set of manifests.
type cluster struct {
	deployment apps.Deployment
	service    core.Service
	policies   []networking.NetworkPolicy
	configMaps []core.ConfigMap
	pods       []core.Pod
	monitors   []monitoring.ServiceMonitor
	rules      []monitoring.PrometheusRule
	claims     []core.PersistentVolumeClaim
}

// newCluster decodes manifests. Unknown and duplicate fields are errors.
func newCluster(t *testing.T, manifests []byte) cluster {
	t.Helper()
	types := runtime.NewScheme()
	if err := errors.Join(scheme.AddToScheme(types), monitoring.AddToScheme(types)); err != nil {
		t.Fatal(err)
	}
	decoder := serializer.NewCodecFactory(types, serializer.EnableStrict).UniversalDeserializer()
	var c cluster
	for documents := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(manifests))); ; {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return c
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(bytes.Trim(document, "-\n ")) == 0 {
			continue
		}
		object, _, err := decoder.Decode(document, nil, nil)
		if err != nil {
			t.Fatalf("%v in:\n%s", err, document)
		}
		c.add(t, object)
	}
}

func (c *cluster) add(t *testing.T, object runtime.Object) {
	t.Helper()
	wantNames(t, object)
	switch object := object.(type) {
	case *apps.Deployment:
		if c.deployment.Name != "" {
			t.Fatal("there are two Deployments")
		}
		c.deployment = *object
	case *core.Service:
		c.service = *object
	case *core.ConfigMap:
		c.configMaps = append(c.configMaps, *object)
	case *core.PersistentVolumeClaim:
		c.claims = append(c.claims, *object)
	case *core.Pod:
		c.pods = append(c.pods, *object)
	case *networking.NetworkPolicy:
		c.policies = append(c.policies, *object)
	case *monitoring.ServiceMonitor:
		c.monitors = append(c.monitors, *object)
	case *monitoring.PrometheusRule:
		c.rules = append(c.rules, *object)
	case *core.ServiceAccount:
		if object.AutomountServiceAccountToken == nil || *object.AutomountServiceAccountToken {
			t.Error("the service account has a token for the Kubernetes API")
		}
	default:
		t.Errorf("there is a %T, which these tests do not check", object)
	}
}

// wantNames checks lengths and characters of names and labels. The rules for a Service's
// name are the strictest, and all names are derived from the same.
func wantNames(t *testing.T, object runtime.Object) {
	t.Helper()
	about, err := apimeta.Accessor(object)
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range validation.IsDNS1035Label(about.GetName()) {
		t.Errorf("%T %s: %s", object, about.GetName(), wrong)
	}
	for key, value := range about.GetLabels() {
		for _, wrong := range append(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)...) {
			t.Errorf("%T %s has the label %s=%s: %s", object, about.GetName(), key, value, wrong)
		}
	}
}

// container returns the exporter's container.
func (c cluster) container(t *testing.T) core.Container {
	t.Helper()
	if n := len(c.deployment.Spec.Template.Spec.Containers); n != 1 {
		t.Fatalf("there are %d containers, want one", n)
	}
	return c.deployment.Spec.Template.Spec.Containers[0]
}

// wantValid checks what must be true of every installation.
func (c cluster) wantValid(t *testing.T) {
	t.Helper()
	pod := c.deployment.Spec.Template
	if replicas := c.deployment.Spec.Replicas; replicas == nil || *replicas != 1 {
		t.Error("want one replica: each lists by itself, and duplicates all series")
	}
	c.wantRestricted(t, pod.ObjectMeta, pod.Spec)
	for _, other := range c.pods {
		c.wantRestricted(t, other.ObjectMeta, other.Spec)
		if labels.SelectorFromSet(c.service.Spec.Selector).Matches(labels.Set(other.Labels)) {
			t.Errorf("the Service selects pod %s", other.Name)
		}
	}
	c.wantReachable(t)
	c.wantMounts(t)
	if limits := c.container(t).Resources.Limits; limits.Memory().IsZero() {
		t.Error("the exporter has no memory limit")
	}
}

// wantRestricted checks a pod against the restricted Pod Security Standard, and against
// what that does not cover.
func (c cluster) wantRestricted(t *testing.T, about meta.ObjectMeta, pod core.PodSpec) {
	t.Helper()
	standard, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	restricted := podsecurity.LevelVersion{Level: podsecurity.LevelRestricted, Version: podsecurity.LatestVersion()}
	for _, result := range standard.EvaluatePod(restricted, &about, &pod) {
		if !result.Allowed {
			t.Errorf("%s: %s", result.ForbiddenReason, result.ForbiddenDetail)
		}
	}
	for _, container := range pod.Containers {
		if context := container.SecurityContext; context == nil || context.ReadOnlyRootFilesystem == nil || !*context.ReadOnlyRootFilesystem {
			t.Errorf("container %s has a writable root file system", container.Name)
		}
	}
	if pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken {
		t.Error("the pod has a token for the Kubernetes API")
	}
}

// wantReachable checks the selectors and ports from Prometheus to the exporter.
func (c cluster) wantReachable(t *testing.T) {
	t.Helper()
	pod := labels.Set(c.deployment.Spec.Template.Labels)
	selects := func(what string, selector labels.Selector, of labels.Set) {
		if selector.Empty() || !selector.Matches(of) {
			t.Errorf("%s selects %q, which does not match %q", what, selector, of)
		}
	}
	ports := map[string]int32{}
	for _, port := range c.container(t).Ports {
		ports[port.Name] = port.ContainerPort
	}
	if ports["metrics"] != 10187 {
		t.Errorf("the exporter's ports are %v, want metrics at its default", ports)
	}
	selects("the Deployment", selectorOf(t, *c.deployment.Spec.Selector), pod)
	selects("the Service", labels.SelectorFromSet(c.service.Spec.Selector), pod)
	if n := len(c.service.Spec.Ports); n != 1 || c.service.Spec.Ports[0].TargetPort != intstr.FromString("metrics") {
		t.Errorf("the Service has the ports %v, want one that leads to metrics", c.service.Spec.Ports)
	}
	for _, policy := range c.policies {
		selects("the NetworkPolicy", selectorOf(t, policy.Spec.PodSelector), pod)
		if in := policy.Spec.Ingress; len(in) != 1 || len(in[0].From) == 0 || len(in[0].Ports) != 1 || in[0].Ports[0].Port.IntVal != ports["metrics"] {
			t.Errorf("the NetworkPolicy lets in %v, want scrapes alone", in)
		}
		if !slices.Contains(policy.Spec.PolicyTypes, networking.PolicyTypeEgress) {
			t.Error("the NetworkPolicy does not limit egress")
		}
	}
	for _, monitor := range c.monitors {
		selects("the ServiceMonitor", selectorOf(t, monitor.Spec.Selector), c.service.Labels)
		if n := len(monitor.Spec.Endpoints); n != 1 || monitor.Spec.Endpoints[0].Port != c.service.Spec.Ports[0].Name {
			t.Errorf("the ServiceMonitor has %d endpoints, want one, the Service's port", n)
		}
	}
	for name, probe := range map[string]*core.Probe{"/-/healthy": c.container(t).LivenessProbe, "/-/ready": c.container(t).ReadinessProbe} {
		switch {
		case probe == nil:
			t.Errorf("there is no probe of %s", name)
		case probe.HTTPGet != nil && (probe.HTTPGet.Path != name || probe.HTTPGet.Port != intstr.FromString("metrics")):
			t.Errorf("the probe of %s requests %v", name, probe.HTTPGet)
		}
	}
}

func selectorOf(t *testing.T, selector meta.LabelSelector) labels.Selector {
	t.Helper()
	s, err := meta.LabelSelectorAsSelector(&selector)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// wantMounts checks that all files in flags and variables are mounted.
func (c cluster) wantMounts(t *testing.T) {
	t.Helper()
	container := c.container(t)
	volumes := map[string]core.Volume{}
	for _, volume := range c.deployment.Spec.Template.Spec.Volumes {
		volumes[volume.Name] = volume
	}
	mounted := map[string]bool{}
	for _, mount := range container.VolumeMounts {
		if _, there := volumes[mount.Name]; !there {
			t.Errorf("there is no volume %s to mount", mount.Name)
		}
		if !mount.ReadOnly && !slices.Contains(container.Args, "--storage.path="+mount.MountPath) {
			t.Errorf("the exporter can write to %s", mount.MountPath)
		}
		mounted[mount.MountPath] = true
	}
	for _, path := range c.paths(t) {
		if !mounted[path] && !mounted[filepath.Dir(path)] {
			t.Errorf("the exporter reads %s, but only %q are mounted", path, slices.Sorted(maps.Keys(mounted)))
		}
	}
}

// paths returns the files in flags and variables.
func (c cluster) paths(t *testing.T) (paths []string) {
	t.Helper()
	for _, arg := range c.container(t).Args {
		if _, path, ok := strings.Cut(arg, "=/"); ok {
			paths = append(paths, "/"+path)
		}
	}
	for _, variable := range c.container(t).Env {
		if strings.HasPrefix(variable.Value, "/") {
			paths = append(paths, variable.Value)
		}
	}
	return paths
}

// wantConfiguration writes the pod's files and runs check-config on its configuration
// and policy. keys are the names in the Secret.
func (c cluster) wantConfiguration(t *testing.T, keys ...string) {
	t.Helper()
	root := t.TempDir()
	for _, mount := range c.container(t).VolumeMounts {
		files := map[string]string{}
		for _, volume := range c.deployment.Spec.Template.Spec.Volumes {
			switch {
			case volume.Name != mount.Name:
			case volume.Secret != nil:
				for _, key := range keys {
					files[key] = "0123456789abcdef\n"
				}
			case volume.ConfigMap != nil:
				for _, configMap := range c.configMaps {
					if configMap.Name == volume.ConfigMap.Name {
						maps.Copy(files, configMap.Data)
					}
				}
			}
		}
		for name, content := range files {
			write(t, filepath.Join(root, mount.MountPath, name), content)
		}
	}
	args := []string{"check-config"}
	for _, arg := range c.container(t).Args {
		if path, ok := strings.CutPrefix(arg, "--config.file="); ok {
			args = append(args, filepath.Join(root, path))
		}
		if path, ok := strings.CutPrefix(arg, "--policy.file="); ok {
			args = append(args, "--policy.file="+filepath.Join(root, path))
		}
	}
	if len(args) != 3 {
		t.Fatalf("the exporter is started with %q, want a configuration and a policy file", c.container(t).Args)
	}
	cmd := exec.Command(exporter, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil || stderr.Len() > 0 {
		t.Errorf("%s: %v\n%s", cmd, err, &stderr)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600)); err != nil {
		t.Fatal(err)
	}
}
