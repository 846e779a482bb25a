package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// deployedFiles is the directory of the Prometheus configuration.
const deployedFiles = "../deploy/prometheus"

// deployed is one of those files, adapted as its comments say.
type deployed struct {
	t    *testing.T
	text string
}

// intervals are the durations that a test cannot wait for.
var intervals = regexp.MustCompile(`(?m)^(\s*(?:scrape_interval|scrape_timeout|refresh_interval):) \S+`)

// readDeployed reads a file and sets all intervals to a second.
func readDeployed(t *testing.T, name string) deployed {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(deployedFiles, name))
	if err != nil {
		t.Fatal(err)
	}
	return deployed{t: t, text: string(content)}.seconds()
}

func (d deployed) seconds() deployed {
	d.text = intervals.ReplaceAllString(d.text, "$1 1s")
	return d
}

// replace replaces a text that must occur exactly once.
func (d deployed) replace(before, after string) deployed {
	d.t.Helper()
	if n := strings.Count(d.text, before); n != 1 {
		d.t.Fatalf("%q is there %d times, want once, in:\n%s", before, n, d.text)
	}
	d.text = strings.Replace(d.text, before, after, 1)
	return d
}

// from sets the exporter's address.
func (d deployed) from(exporter *process) deployed {
	d.t.Helper()
	return d.replace("localhost:10187", strings.TrimPrefix(exporter.base, "http://"))
}

// commentedOut matches a commented-out line of YAML: the first line follows the # at
// once, the lines of its block are indented by at least two spaces. A comment in prose
// is indented by one.
var commentedOut = regexp.MustCompile(`^(\s*)#(\S.*|  +\S.*)$`)

// uncomment uncomments the block that begins with the line that contains first.
func (d deployed) uncomment(first string) deployed {
	d.t.Helper()
	lines := strings.Split(d.text, "\n")
	inside, found := false, false
	for n, line := range lines {
		inside = inside || !found && strings.Contains(line, "#"+first)
		if !inside {
			continue
		}
		if inside = commentedOut.MatchString(line); inside {
			lines[n], found = commentedOut.ReplaceAllString(line, "$1$2"), true
		}
	}
	if !found {
		d.t.Fatalf("nothing is commented out from %q on in:\n%s", first, d.text)
	}
	d.text = strings.Join(lines, "\n")
	return d.seconds()
}
