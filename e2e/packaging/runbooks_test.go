package packaging

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// runbookURL returns the address of the runbooks as make generate takes it: from the
// environment, or the default in the Makefile.
func runbookURL(t *testing.T) string {
	t.Helper()
	if url := os.Getenv("RUNBOOK_URL"); url != "" {
		return url
	}
	makefile, err := os.ReadFile(filepath.Join(repository, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^RUNBOOK_URL \?= (.+)$`).FindSubmatch(makefile)
	if found == nil {
		t.Fatal("the Makefile has no RUNBOOK_URL")
	}
	return string(found[1])
}

// runbookLinks matches the links of rules and dashboards.
var runbookLinks = regexp.MustCompile(`(?:runbook_url: |"url": ?")(https?://[^"\s]+)`)

// runbookAnchors returns the fragments of all sections of docs/runbooks.md.
func runbookAnchors(t *testing.T) map[string]bool {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(repository, "docs/runbooks.md"))
	if err != nil {
		t.Fatal(err)
	}
	anchors := map[string]bool{}
	for _, heading := range regexp.MustCompile(`(?m)^## (.+)$`).FindAllStringSubmatch(string(page), -1) {
		anchors[strings.ReplaceAll(strings.ToLower(heading[1]), " ", "-")] = true
	}
	return anchors
}

func TestRunbookURL_IsTheSameInAllFiles(t *testing.T) {
	want, anchors := runbookURL(t), runbookAnchors(t)
	files := map[string][]byte{}
	for _, pattern := range []string{
		"deploy/prometheus/*/*.yml",
		"deploy/kubernetes/monitoring/*.yaml",
		"deploy/kubernetes/monitoring/dashboards/*.json",
		"deploy/helm/*/files/*/*",
		"dashboards/*.json",
	} {
		found := sources(t, pattern)
		links := 0
		for _, content := range found {
			links += len(runbookLinks.FindAll(content, -1))
		}
		if links == 0 {
			t.Errorf("no file of %s links to a runbook", pattern)
		}
		maps.Copy(files, found)
	}
	for path, content := range files {
		for _, link := range runbookLinks.FindAllSubmatch(content, -1) {
			url, anchor, hasAnchor := strings.Cut(string(link[1]), "#")
			if url != want {
				t.Errorf("%s links to %s, want %s: run make generate, and set RUNBOOK_URL in the Makefile", path, url, want)
			}
			if hasAnchor && !anchors[anchor] {
				t.Errorf("%s links to #%s, which is no section of docs/runbooks.md", path, anchor)
			}
		}
	}
}

func TestChart_RunbookURL(t *testing.T) {
	const want = "https://wiki.example.org/runbooks.md"
	values := valuesOf(t, "operator")
	values["runbookUrl"] = want
	links := 0
	for name, content := range render(t, values) {
		for _, link := range runbookLinks.FindAllStringSubmatch(content, -1) {
			links++
			if url, _, _ := strings.Cut(link[1], "#"); url != want {
				t.Errorf("%s links to %s, want %s", name, link[1], want)
			}
		}
	}
	if links == 0 {
		t.Error("no link to a runbook")
	}
}
