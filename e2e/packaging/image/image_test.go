// Package image builds the container image and runs it, with the machine's Docker
// engine. It has tests only, and skips them without -docker.
package image

import (
	"bytes"
	"crypto/x509"
	"debug/elf"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	binary = "/bin/" + name
	roots  = "/etc/ssl/certs/ca-certificates.crt"
	nobody = "65532"

	sources = "../../.." // the repository
)

func TestImage_HoldsBinaryAndCACertificates(t *testing.T) {
	image := build(t, sources)
	found := files(t, image)
	if names := slices.Sorted(maps.Keys(found)); !slices.Equal(names, []string{binary, roots}) {
		t.Errorf("it holds %q, want the binary and the CA certificates alone", names)
	}
	if !x509.NewCertPool().AppendCertsFromPEM(found[roots]) {
		t.Error("there are no CA certificates")
	}
	if extra := inspect(t, image).Size - int64(len(found[binary])); extra > 1<<20 {
		t.Errorf("it is %d bytes larger than the binary, want 1 MiB at most", extra)
	}
	t.Logf("the image has %d bytes, the binary %d", inspect(t, image).Size, len(found[binary]))
}

func TestImage_ShowsVersion(t *testing.T) {
	image := build(t, sources, "--build-arg=VERSION=1.2.3", "--build-arg=REVISION=0123abc",
		"--build-arg=BRANCH=main", "--build-arg=BUILD_DATE=2026-01-02T03:04:05Z")
	about := inspect(t, image)
	for label, want := range map[string]string{
		"title": name, "licenses": "Apache-2.0",
		"version": "1.2.3", "revision": "0123abc", "created": "2026-01-02T03:04:05Z",
	} {
		if got := about.Config.Labels["org.opencontainers.image."+label]; got != want {
			t.Errorf("its label %s is %q, want %q", label, got, want)
		}
	}
	version := docker(t, "run", "--rm", image, "--version")
	for _, want := range []string{"version 1.2.3", "revision: 0123abc", "branch: main", "2026-01-02T03:04:05Z"} {
		if !strings.Contains(version, want) {
			t.Errorf("--version does not say %q:\n%s", want, version)
		}
	}
}

func TestImage_BuildsForOtherPlatforms(t *testing.T) {
	image := build(t, sources, "--platform=linux/arm64")
	if got := inspect(t, image).Architecture; got != "arm64" {
		t.Errorf("it is for %s, want arm64", got)
	}
	program, err := elf.NewFile(bytes.NewReader(files(t, image)[binary]))
	if err != nil {
		t.Fatal(err)
	}
	if program.Machine != elf.EM_AARCH64 {
		t.Errorf("its binary is for %s, want one for arm64", program.Machine)
	}
	if libraries, err := program.ImportedLibraries(); err != nil || len(libraries) > 0 {
		t.Errorf("its binary needs %q (%v), and there are no libraries", libraries, err)
	}
}

// A release puts the binary of its archives into the image.
func TestImage_TakesPrebuiltBinary(t *testing.T) {
	if !*withDocker {
		t.Skip("needs a Docker engine: go test ./image -docker")
	}
	context := t.TempDir()
	compiled := filepath.Join(context, "linux", runtime.GOARCH, name)
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", compiled, ".")
	cmd.Dir = sources
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the exporter: %v\n%s", err, out)
	}
	want, err := os.ReadFile(compiled)
	if err != nil {
		t.Fatal(err)
	}
	image := build(t, context, "--build-arg=BINARY=prebuilt")
	if !bytes.Equal(files(t, image)[binary], want) {
		t.Error("its binary is not the prebuilt one")
	}
}

func TestContainer_ServesAndStopsGracefully(t *testing.T) {
	image := build(t, sources)
	c := run(t, image, nil, "demo")
	eventually(t, "metrics of the demo", func() error {
		status, metrics, err := c.get("/metrics")
		if err == nil && !strings.Contains(metrics, "\ndatadog_up{org=\"default\"} 1\n") {
			err = fmt.Errorf("status %d, without datadog_up 1", status)
		}
		return err
	})
	eventually(t, "Docker to find it healthy", func() error {
		if health := c.state(".State.Health.Status"); health != "healthy" {
			return errors.New(health)
		}
		return nil
	})
	// docker top requires the pid.
	if top := strings.Fields(docker(t, "top", c.id, "-eo", "uid,gid,pid")); len(top) != 6 || top[3] != nobody || top[4] != nobody {
		t.Errorf("its processes are %q, want one of user and group %s", top, nobody)
	}

	began := time.Now()
	docker(t, "stop", c.id)
	t.Logf("docker stop took %v", time.Since(began).Round(time.Millisecond))
	if code := c.state(".State.ExitCode"); code != "0" {
		t.Errorf("its exit status is %s, want 0: it was told to stop, not killed", code)
	}
	if logs, err := exec.Command("docker", "logs", c.id).CombinedOutput(); err != nil || !strings.Contains(string(logs), "msg=Stopped") {
		t.Errorf("it did not log that it stopped (%v)", err)
	}
}

// Both the exporter and its healthcheck take the address from the environment.
func TestContainer_IsHealthyWhereverItListens(t *testing.T) {
	image := build(t, sources)
	c := run(t, image, []string{"--env=DATADOG_ORG_CONNECTIONS_EXPORTER_WEB_LISTEN_ADDRESS=127.0.0.1:8080"}, "demo")
	eventually(t, "Docker to find it healthy", func() error {
		if health := c.state(".State.Health.Status"); health != "healthy" {
			return errors.New(health)
		}
		return nil
	})
}

func TestContainer_ReadsKeysFromMountedFiles(t *testing.T) {
	image := build(t, sources)
	keys := t.TempDir()
	for _, file := range []string{"api-key", "app-key"} {
		if err := os.WriteFile(filepath.Join(keys, file), []byte("0123456789abcdef\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(keys, 0o755); err != nil {
		t.Fatal(err)
	}
	c := run(t, image, []string{
		"--volume=" + keys + ":/keys:ro",
		"--env=DD_API_KEY_FILE=/keys/api-key", "--env=DD_APP_KEY_FILE=/keys/app-key",
	}, "--datadog.api-url=http://127.0.0.1:1")
	// There is no API at this address: the failed listing shows that the keys were read.
	eventually(t, "a listing to fail at the network", func() error {
		_, metrics, err := c.get("/metrics")
		if err == nil && !strings.Contains(metrics, `datadog_listing_failures_total{org="default",reason="network"} `) {
			err = errors.New("no listing is counted")
		}
		return err
	})
	if status, body, err := c.get("/-/ready"); err != nil || status != 503 {
		t.Errorf("/-/ready answers %d %q (%v), want 503", status, body, err)
	}
}
