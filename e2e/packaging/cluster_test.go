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

// repository is where everything is that is tested here.
const repository = "../.."

// cluster is what a set of manifests makes.
type cluster struct {
	deployment apps.Deployment
	service    core.Service
	policies   []networking.NetworkPolicy
	configMaps []core.ConfigMap
	pods       []core.Pod
	monitors   []monitoring.ServiceMonitor
	rules      []monitoring.PrometheusRule
}

// newCluster reads manifests, and suffers no field that Kubernetes does not know, nor
// one that is there twice.
func newCluster(t *testing.T, manifests []byte) cluster {
	t.Helper()
	known := runtime.NewScheme()
	if err := errors.Join(scheme.AddToScheme(known), monitoring.AddToScheme(known)); err != nil {
		t.Fatal(err)
	}
	decoder := serializer.NewCodecFactory(known, serializer.EnableStrict).UniversalDeserializer()
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
			t.Error("the service account has a token to speak to Kubernetes with")
		}
	default:
		t.Errorf("there is a %T, of which these tests know nothing", object)
	}
}

// wantNames holds an object to the lengths and letters of Kubernetes. A Service's name
// is the strictest, and others are made of the same.
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

// container is the exporter's.
func (c cluster) container(t *testing.T) core.Container {
	t.Helper()
	if n := len(c.deployment.Spec.Template.Spec.Containers); n != 1 {
		t.Fatalf("there are %d containers, want one", n)
	}
	return c.deployment.Spec.Template.Spec.Containers[0]
}

// wantSound says what must hold however the exporter is run.
func (c cluster) wantSound(t *testing.T) {
	t.Helper()
	pod := c.deployment.Spec.Template
	if replicas := c.deployment.Spec.Replicas; replicas == nil || *replicas != 1 {
		t.Error("want one replica: each lists for itself, and shows everything once more")
	}
	c.wantRestricted(t, pod.ObjectMeta, pod.Spec)
	for _, other := range c.pods {
		c.wantRestricted(t, other.ObjectMeta, other.Spec)
		if labels.SelectorFromSet(c.service.Spec.Selector).Matches(labels.Set(other.Labels)) {
			t.Errorf("the Service takes pod %s for an exporter", other.Name)
		}
	}
	c.wantReached(t)
	c.wantMounts(t)
	if limits := c.container(t).Resources.Limits; limits.Memory().IsZero() {
		t.Error("the exporter may take all memory of the node")
	}
}

// wantRestricted holds a pod to the Pod Security Standard, and to what it leaves open.
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
			t.Errorf("container %s can write into its image", container.Name)
		}
	}
	if pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken {
		t.Error("the pod has a token to speak to Kubernetes with")
	}
}

// wantReached follows the names from Prometheus to the exporter.
func (c cluster) wantReached(t *testing.T) {
	t.Helper()
	pod := labels.Set(c.deployment.Spec.Template.Labels)
	selects := func(what string, selector labels.Selector, of labels.Set) {
		if selector.Empty() || !selector.Matches(of) {
			t.Errorf("%s selects %q, which %q is not", what, selector, of)
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
			t.Error("the NetworkPolicy lets out everything")
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
			t.Errorf("nothing asks for %s", name)
		case probe.HTTPGet != nil && (probe.HTTPGet.Path != name || probe.HTTPGet.Port != intstr.FromString("metrics")):
			t.Errorf("what should ask for %s asks for %v", name, probe.HTTPGet)
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

// wantMounts follows the paths that the exporter is told to where they are mounted
// from.
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
		if !mount.ReadOnly {
			t.Errorf("the exporter can write into %s", mount.MountPath)
		}
		mounted[mount.MountPath] = true
	}
	for _, path := range c.paths(t) {
		if !mounted[filepath.Dir(path)] {
			t.Errorf("the exporter is told to read %s, and mounted are %q", path, slices.Sorted(maps.Keys(mounted)))
		}
	}
}

// paths are those that the exporter is told to read, in flags and variables.
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

// wantConfiguration lays out the pod's files and has the exporter check those that it
// is told to read. The Secret has these keys.
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
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil || said.Len() > 0 {
		t.Errorf("%s: %v\n%s", cmd, err, &said)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600)); err != nil {
		t.Fatal(err)
	}
}
