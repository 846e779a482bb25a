package cli

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kingpin/v2"
)

//go:generate go test -run ^TestDocs_ -update .

var update = flag.Bool("update", false, "write what the documentation says of the command line anew")

// TestDocs_AreThoseOfTheCommandLine: what stands between markers such as
// <!-- flags of serve --> and <!-- end --> is written from the code.
func TestDocs_AreThoseOfTheCommandLine(t *testing.T) {
	app, commands := newApp()
	if _, err := app.ParseContext(nil); err != nil { // names the environment variables
		t.Fatal(err)
	}
	documented := map[string]bool{}
	generated := regexp.MustCompile(`(?s)(<!-- (flags|help) of ([a-z-]+) -->\n).*?(<!-- end -->)`)
	for _, name := range []string{"configuration.md", "commands.md"} {
		path := filepath.Join("..", "..", "docs", name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want := generated.ReplaceAllStringFunc(string(text), func(block string) string {
			part := generated.FindStringSubmatch(block)
			documented[part[3]] = true
			return part[1] + document(t, app.GetCommand(part[3]).Model(), part[2]) + part[4]
		})
		if want == string(text) {
			continue
		}
		if !*update {
			t.Errorf("docs/%s is not what the command line says: run make generate", name)
			continue
		}
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name := range commands {
		if !documented[name] {
			t.Errorf("%s is in none of the documents", name)
		}
	}
}

// document returns a command's flags as a table, or its help with its own flags.
func document(t *testing.T, command *kingpin.CmdModel, part string) string {
	t.Helper()
	var doc strings.Builder
	if part == "help" {
		fmt.Fprintf(&doc, "```text\n%s\n```\n\n", strings.TrimSpace(command.Help))
	}
	fmt.Fprint(&doc, "| Flag | Environment variable | Default | |\n| --- | --- | --- | --- |\n")
	rows := 0
	for _, f := range command.Flags {
		if part == "help" && (strings.HasPrefix(f.Name, "datadog.") || f.Name == "config.file") {
			continue // docs/configuration.md has them
		}
		rows++
		preset := strings.Join(f.Default, ", ")
		if preset != "" {
			preset = "`" + preset + "`"
		}
		fmt.Fprintf(&doc, "| `--%s` | `%s` | %s | %s |\n", f.Name, f.Envar, preset, strings.ReplaceAll(f.Help, "|", "\\|"))
	}
	if rows == 0 {
		return strings.Split(doc.String(), "| Flag")[0]
	}
	return doc.String()
}

// TestDocs_LinksLeadSomewhere: every relative link of a document names a file, its
// fragment a heading there, and every path in backquotes is there.
func TestDocs_LinksLeadSomewhere(t *testing.T) {
	root := filepath.Join("..", "..")
	pathInText := regexp.MustCompile("`((?:collector|dashboards|datadog|deploy|docs|e2e|internal)/[\\w./-]+)`")
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	checked := 0
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".md" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, match := range pathInText.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(root, match[1])); err != nil {
				t.Errorf("%s names %s, which is not there", path, match[1])
			}
		}
		for _, match := range link.FindAllStringSubmatch(string(text), -1) {
			target, fragment, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, ":") {
				continue // a URL
			}
			checked++
			file := filepath.Join(filepath.Dir(path), target)
			if target == "" {
				file = path
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s links to %s, which is not there", path, match[1])
				continue
			}
			if fragment != "" && !slices.Contains(headings(t, file), fragment) {
				t.Errorf("%s links to %s, which has no such heading", path, match[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if checked == 0 {
		t.Error("there are no links to check")
	}
}

// headings returns the fragments under which the headings of a document are found.
func headings(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var fragments []string
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(string(text), -1) {
		fragments = append(fragments, regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(strings.ReplaceAll(heading[1], " ", "-")), ""))
	}
	return fragments
}
