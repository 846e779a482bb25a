package yamlcheck_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"datadog_org_connections_exporter/internal/yamlcheck"
)

// recipe is a file of some kind.
type recipe struct {
	name   string
	steps  []string
	tools  []string
	takes  time.Duration
	serves int
	veggie bool
}

func read(content string) (recipe, *yamlcheck.Reader) {
	var got recipe
	r := yamlcheck.New("recipe.yml")
	root := r.Parse([]byte(content), "write name: and steps:")
	if root == nil {
		return got, r
	}
	r.Mapping(root, "the recipe", yamlcheck.Settings{
		"name": func(n yamlcheck.Node) { got.name = r.Text(n, "name") },
		"steps": func(n yamlcheck.Node) {
			for _, step := range r.List(n, "steps") {
				got.steps = append(got.steps, r.Text(step, "steps"))
			}
		},
		"tools": func(n yamlcheck.Node) {
			for _, tool := range r.OneOrMore(n) {
				got.tools = append(got.tools, r.Text(tool, "tools"))
			}
		},
		"takes":       func(n yamlcheck.Node) { got.takes = r.Duration(n, "takes") },
		"serves":      func(n yamlcheck.Node) { got.serves = r.Number(n, "serves") },
		"veggie":      func(n yamlcheck.Node) { got.veggie = r.Bool(n, "veggie") },
		"secret_file": func(n yamlcheck.Node) { r.Text(n, "secret_file") },
	})
	return got, r
}

func TestAFileIsRead(t *testing.T) {
	got, r := read("name: |\n  soup\nsteps: [cut, 'cook: 1']\ntools: knife\ntakes: 1h30m\nserves: 4\nveggie: true\n")
	if err := r.Err(); err != nil || r.Mistakes() != 0 {
		t.Fatal(err)
	}
	if got.name != "soup" || strings.Join(got.steps, ";") != "cut;cook: 1" || strings.Join(got.tools, ";") != "knife" ||
		got.takes != 90*time.Minute || got.serves != 4 || !got.veggie {
		t.Errorf("%+v", got)
	}
}

func TestEveryMistakeIsToldInTheOrderOfLines(t *testing.T) {
	_, r := read(`name: 7
steps: {a: b}
tools: [1]
takes: soon
serves: none
veggie: perhaps
secret: hunter2
Secret-File: hunter2
name: again
`)
	r.Complain(2, "%s", "a word of the caller's")
	var all yamlcheck.Errors
	if !errors.As(r.Err(), &all) || len(all) != 10 || r.Mistakes() != 10 {
		t.Fatalf("%v", r.Err())
	}
	want := []string{
		"recipe.yml:1: name is not a text; put it in quotes",
		"recipe.yml:2: steps is not a list; begin each entry with a dash",
		"recipe.yml:2: a word of the caller's",
		"recipe.yml:3: tools is not a text",
		"recipe.yml:4: takes is not a duration above zero",
		"recipe.yml:5: serves is not a whole number above zero",
		"recipe.yml:6: veggie is neither true nor false",
		`recipe.yml:7: "secret": there is no setting of this name here; write secret_file and keep the secret itself in that file`,
		`recipe.yml:8: "Secret-File": there is no setting of this name here; write secret_file`,
		"recipe.yml:9: name is given a second time; it stands in line 1 already",
	}
	for n, problem := range all {
		if !strings.HasPrefix(problem.Error(), want[n]) {
			t.Errorf("got  %v\nwant %s", problem, want[n])
		}
	}
	if strings.Contains(r.Err().Error(), "hunter2") {
		t.Error("a value is repeated")
	}
}

func TestWhatIsNoFileOfTheKind(t *testing.T) {
	for content, want := range map[string]string{
		"":                      "recipe.yml:1: the file is empty; write name: and steps:",
		"a: [":                  "this is no YAML",
		"name: a\n---\nname: b": "recipe.yml:3: a second document begins here",
		"- a":                   "recipe.yml:1: the recipe is not a list of settings",
	} {
		if _, r := read(content); r.Err() == nil || !strings.Contains(r.Err().Error(), want) {
			t.Errorf("%q: %v", content, r.Err())
		}
	}
}

func TestWarningsAreNoMistakes(t *testing.T) {
	r := yamlcheck.New("recipe.yml")
	r.Warn(3, "a lot of %s", "salt")
	if r.Err() != nil || len(r.Warnings()) != 1 || r.Warnings()[0] != "recipe.yml:3: a lot of salt" || r.File() != "recipe.yml" {
		t.Errorf("%q, %v", r.Warnings(), r.Err())
	}
}
