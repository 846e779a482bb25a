package packaging

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"sigs.k8s.io/yaml"
)

// stamped matches the variables that the linker sets.
var stamped = regexp.MustCompile(`-X (\S+)\.(\w+)=`)

func stamps(text string) []string {
	found := map[string]bool{}
	for _, match := range stamped.FindAllStringSubmatch(text, -1) {
		found[match[2]] = true
	}
	return slices.Sorted(maps.Keys(found))
}

func text(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(repository, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestRelease_StampsSameVariablesAsMakefile(t *testing.T) {
	makefile, release := stamps(text(t, "Makefile")), stamps(text(t, ".goreleaser.yml"))
	if len(makefile) == 0 || !slices.Equal(makefile, release) {
		t.Errorf("the Makefile sets %q, and goreleaser %q", makefile, release)
	}
}

func TestRelease_ArchivesExistingFiles(t *testing.T) {
	var release struct {
		Archives []struct {
			Files []string `json:"files"`
		} `json:"archives"`
	}
	if err := yaml.Unmarshal([]byte(text(t, ".goreleaser.yml")), &release); err != nil {
		t.Fatal(err)
	}
	for _, pattern := range release.Archives[0].Files {
		if found, err := filepath.Glob(filepath.Join(repository, pattern)); err != nil || len(found) == 0 {
			t.Errorf("there is no %s to put into an archive (%v)", pattern, err)
		}
	}
}

// The image is compiled with the module's minor version of Go; the patch version may be
// newer.
func TestDockerfile_UsesGoVersionOfModule(t *testing.T) {
	module := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(text(t, "go.mod"))
	image := regexp.MustCompile(`(?m)^ARG GO_VERSION=(\d+\.\d+)\.\d+$`).FindStringSubmatch(text(t, "Dockerfile"))
	if module == nil || image == nil || module[1] != image[1] {
		t.Errorf("go.mod says %q, and the Dockerfile %q", module, image)
	}
}

// workflow is the part of a workflow that the tests check.
type workflow struct {
	Permissions any `json:"permissions"`
	Jobs        map[string]struct {
		Permissions any `json:"permissions"`
		Steps       []struct {
			Uses string         `json:"uses"`
			With map[string]any `json:"with"`
		} `json:"steps"`
	} `json:"jobs"`
}

// A tag can be moved to another commit.
func TestWorkflows_PinActionsAndLimitPermissions(t *testing.T) {
	commit := regexp.MustCompile(`^[\w-]+/[\w/-]+@[0-9a-f]{40}$`)
	for path, content := range sources(t, ".github/workflows/*.yml") {
		var w workflow
		if err := yaml.Unmarshal(content, &w); err != nil {
			t.Fatal(err)
		}
		if read, ok := w.Permissions.(map[string]any); !ok || len(read) > 1 || len(read) == 1 && read["contents"] != "read" {
			t.Errorf("%s may %v, want to read the repository at most; a job says what it needs besides", path, w.Permissions)
		}
		steps := 0
		for name, job := range w.Jobs {
			for _, step := range job.Steps {
				steps++
				if step.Uses != "" && !commit.MatchString(step.Uses) {
					t.Errorf("%s, %s: %s is not pinned to a commit", path, name, step.Uses)
				}
				if regexp.MustCompile(`^actions/checkout@`).MatchString(step.Uses) && step.With["persist-credentials"] != false {
					t.Errorf("%s, %s: the checkout keeps its token", path, name)
				}
			}
		}
		if steps == 0 {
			t.Errorf("%s has no steps: the test would check nothing", path)
		}
	}
}
