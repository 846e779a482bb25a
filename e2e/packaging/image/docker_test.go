package image

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// waitTimeout is how long a test waits for an event. No test depends on it.
const waitTimeout = time.Minute

const (
	name = "datadog_org_connections_exporter"
	port = "10187"
)

var withDocker = flag.Bool("docker", false, "build the image and run it with this machine's Docker engine")

// docker runs a command of Docker's client and returns its output.
func docker(t *testing.T, args ...string) string {
	t.Helper()
	out, err := tryDocker(args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func tryDocker(args ...string) (string, error) {
	cmd := exec.Command("docker", args...)
	cmd.Env = append(os.Environ(), "DOCKER_BUILDKIT=1") // for Docker before 23
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("docker %s: %w\n%s", strings.Join(args, " "), err, &stderr)
	}
	return strings.TrimSpace(stdout.String()), nil
}

// build builds an image from a build context, and removes it when the test ends.
func build(t *testing.T, context string, args ...string) (image string) {
	t.Helper()
	if !*withDocker {
		t.Skip("needs a Docker engine: go test ./image -docker")
	}
	image = name + ":" + strings.ToLower(strings.ReplaceAll(t.Name(), "/", "-"))
	docker(t, append([]string{"build", "--quiet", "--file=../../../Dockerfile", "--tag=" + image, context}, args...)...)
	t.Cleanup(func() { _, _ = tryDocker("image", "rm", "--force", image) })
	return image
}

// about is the part of docker image inspect that the tests check.
type about struct {
	Size         int64
	Architecture string
	Config       struct {
		User   string
		Labels map[string]string
	}
}

func inspect(t *testing.T, image string) about {
	t.Helper()
	var found []about
	if err := json.Unmarshal([]byte(docker(t, "image", "inspect", image)), &found); err != nil || len(found) != 1 {
		t.Fatalf("docker image inspect returns %d images: %v", len(found), err)
	}
	return found[0]
}

// files returns the files of an image by path, without Docker's metadata.
func files(t *testing.T, image string) map[string][]byte {
	t.Helper()
	layers := filepath.Join(t.TempDir(), "image.tar")
	docker(t, "image", "save", "--output="+layers, image)
	saved, err := os.ReadFile(layers)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]byte{}
	for file, content := range untar(t, saved) {
		if !strings.HasSuffix(file, "/layer.tar") && !strings.HasPrefix(file, "blobs/") {
			continue // the image's manifest and configuration
		}
		if bytes.HasPrefix(content, []byte("{")) {
			continue // the same, among the blobs of newer engines
		}
		for name, content := range untar(t, content) {
			found["/"+name] = content
		}
	}
	return found
}

func untar(t *testing.T, archive []byte) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	for reader := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		if found[header.Name], err = io.ReadAll(reader); err != nil {
			t.Fatal(err)
		}
	}
}

// container is a container that runs until the test ends.
type container struct {
	t  *testing.T
	id string
}

// run starts a container without write access and privileges.
func run(t *testing.T, image string, options []string, args ...string) container {
	t.Helper()
	restricted := []string{"run", "--detach", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges",
		"--publish=127.0.0.1::" + port, "--health-interval=1s"}
	id := docker(t, append(append(append(restricted, options...), image), args...)...)
	c := container{t: t, id: id}
	t.Cleanup(func() {
		if t.Failed() {
			logs, _ := exec.Command("docker", "logs", id).CombinedOutput() // for the log only
			t.Logf("output of the container:\n%s", logs)
		}
		_, _ = tryDocker("rm", "--force", id)
	})
	return c
}

// state returns a value of docker inspect.
func (c container) state(value string) string {
	c.t.Helper()
	return docker(c.t, "inspect", "--format={{"+value+"}}", c.id)
}

// get sends a request to the exporter in the container.
func (c container) get(path string) (status int, body string, err error) {
	address, _, _ := strings.Cut(docker(c.t, "port", c.id, port), "\n")
	response, err := (&http.Client{Timeout: 10 * time.Second}).Get("http://" + address + path)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return response.StatusCode, string(content), err
}

// eventually repeats check until it returns nil.
func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(waitTimeout)
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("timed out waiting for %s: %v", what, err)
		}
	}
}
