package yamlcheck_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
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

func read(content string) (recipe, *yamlcheck.Decoder) {
	var got recipe
	d := yamlcheck.NewDecoder("recipe.yml")
	root := d.Parse([]byte(content), "write name: and steps:")
	if root == nil {
		return got, d
	}
	d.Mapping(root, "the recipe", yamlcheck.Fields{
		"name": yamlcheck.To(&got.name, d.String),
		"steps": func(n *yamlcheck.Node, key string) {
			for _, step := range d.List(n, key) {
				got.steps = append(got.steps, d.String(step, key))
			}
		},
		"tools": func(n *yamlcheck.Node, key string) {
			for _, tool := range d.OneOrMore(n) {
				got.tools = append(got.tools, d.String(tool, key))
			}
		},
		"takes":       yamlcheck.To(&got.takes, d.Duration),
		"serves":      yamlcheck.To(&got.serves, d.PositiveInt),
		"veggie":      yamlcheck.To(&got.veggie, d.Bool),
		"secret_file": yamlcheck.To(new(string), d.String),
	})
	return got, d
}

func TestDecoder_DecodesEveryForm(t *testing.T) {
	want := recipe{name: "soup", steps: []string{"cut", "cook: 1"}, tools: []string{"knife"}, takes: 90 * time.Minute, serves: 4, veggie: true}
	for name, content := range map[string]string{
		"block style":           "name: soup\nsteps:\n  - cut\n  - 'cook: 1'\ntools: knife\ntakes: 1h30m\nserves: 4\nveggie: true\n",
		"lists not indented":    "name: soup\nsteps:\n- cut\n- 'cook: 1'\ntools:\n- knife\ntakes: 1h30m\nserves: 4\nveggie: true\n",
		"flow style":            "{name: soup, steps: [cut, 'cook: 1'], tools: [knife], takes: 1h30m, serves: 4, veggie: true}",
		"JSON":                  `{"name": "soup", "steps": ["cut", "cook: 1"], "tools": "knife", "takes": "1h30m", "serves": 4, "veggie": true}`,
		"JSON with tabs":        "{\n\t\"name\": \"soup\",\n\t\"steps\": [\n\t\t\"cut\",\n\t\t\"cook\\u003a 1\"\n\t],\n\t\"tools\": [\"knife\"],\n\t\"takes\": \"1h30m\", \"serves\": 4, \"veggie\": true\n}\n",
		"a byte order mark":     "\ufeffname: soup\nsteps: [cut, 'cook: 1']\ntools: knife\ntakes: 1h30m\nserves: 4\nveggie: true\n",
		"CR and LF":             "name: soup\r\nsteps:\r\n  - cut\r\n  - 'cook: 1'\r\ntools: knife\r\ntakes: 1h30m\r\nserves: 4\r\nveggie: true\r\n",
		"directives":            "%YAML 1.2\n%TAG !e! tag:example.com,2026:\n---\nname: soup\nsteps: [cut, 'cook: 1']\ntools: knife\ntakes: 1h30m\nserves: 4\nveggie: true\n...\n",
		"anchors and aliases":   "name: &n soup\nsteps: &s [cut, 'cook: 1']\ntools: &t knife\ntakes: &d 1h30m\nserves: &four 4\nveggie: &yes true\n",
		"tags":                  "!!map {name: !!str soup, steps: !!seq [!!str cut, 'cook: 1'], tools: ! knife, takes: !<tag:yaml.org,2002:str> 1h30m, serves: !!int '4', veggie: !!bool true}",
		"literals":              "name: |\n  soup\nsteps:\n  - >-\n    cut\n  - |-\n    cook: 1\ntools: >\n  knife\ntakes: |\n  1h30m\nserves: 4\nveggie: TRUE\n",
		"quotes and escapes":    `{'name': "\x73\u006fup", "steps": ["cut", 'cook: 1'], tools: "kni\` + "\n" + `  fe", takes: '1h30m', serves: +4, veggie: True}`,
		"explicit keys":         "? name\n: soup\n? |-\n  steps\n: - cut\n  - 'cook: 1'\n? tools\n: knife\ntakes: 1h30m\nserves: 04\nveggie: true\n",
		"comments everywhere":   "# a\nname: # b\n  soup # c\n# d\nsteps: # e\n  # f\n  - cut # g\n# h\n  - 'cook: 1'\ntools: knife\ntakes: 1h30m\nserves: 4\nveggie: true\n# i",
		"the first --- alone":   "--- # soup\nname: soup\nsteps: [cut, 'cook: 1']\ntools: knife\ntakes: 1h30m\nserves: 4\nveggie: true",
		"values on own lines":   "name:\n  soup\nsteps:\n  [cut,\n  'cook: 1']\ntools:\n  knife\ntakes:\n  1h30m\nserves:\n  4\nveggie:\n  true\n",
		"keys that are aliases": "{name: &a soup, steps: [cut, 'cook: 1'], tools: knife, &k takes: 1h30m, serves: 4, veggie: true}",
	} {
		t.Run(name, func(t *testing.T) {
			got, d := read(content)
			if err := d.Err(); err != nil || d.ErrorCount() != 0 {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestDecoder_ResolvesAliases(t *testing.T) {
	got, d := read("name: &n soup\nsteps: &s [cut, *n]\ntools: *s\n? &key takes\n: 5s\n")
	if err := d.Err(); err != nil || strings.Join(got.tools, ";") != "cut;soup" || got.takes != 5*time.Second {
		t.Errorf("%+v, %v", got, err)
	}
	_, d = read("name: &key takes\n*key : 5s\nsteps: &s\n  - 1\ntools: *s\n")
	if err := d.Err(); err == nil || err.Error() != "recipe.yml:4: steps is not a string; put it in quotes\nrecipe.yml:4: tools is not a string; put it in quotes" {
		t.Errorf("%v", err)
	}
}

func TestDecoder_String(t *testing.T) {
	for content, want := range map[string]string{
		"yes": "yes", "on": "on", "n": "n", "2027-03-31": "2027-03-31", "0x": "0x", "<<": "<<", "1.2.3": "1.2.3", "!!str 7": "7", "'null'": "null",
		`"\u2028"`: "", "|\n  a\n  b\n": "a\nb", `"a\ud83d"`: "", "é 東京 🎉": "é 東京 🎉", "a\u00a0b": "a\u00a0b",
		"7": "", "0x10": "", "0o7": "", "1_000": "", "1.5": "", ".inf": "", ".NaN": "", "true": "", "False": "", "null": "", "~": "", "": "", "''": "", "' a'": "", "[a]": "", "{a: b}": "",
		"!!binary aGk=": "", "!mine a": "", "!!int a": "", "!!null a": "", "!!seq a": "",
	} {
		if got, d := read("name: " + content); got.name != want || (d.Err() == nil) != (want != "") {
			t.Errorf("%s: %q, %v", content, got.name, d.Err())
		}
	}
}

func TestDecoder_PositiveInt(t *testing.T) {
	for content, want := range map[string]int{
		"4": 4, "+4": 4, "010": 10, "!!int 4": 4,
		"0": 0, "-4": 0, "0x10": 0, "0o10": 0, "1_000": 0, "4.0": 0, "1e3": 0, "'4'": 0, ".inf": 0, "99999999999999999999": 0, "~": 0, "[4]": 0, "!!int four": 0,
	} {
		if got, d := read("serves: " + content); got.serves != want || (d.Err() == nil) != (want != 0) {
			t.Errorf("%s: %d, %v", content, got.serves, d.Err())
		}
	}
}

func TestDecoder_Bool(t *testing.T) {
	for content, valid := range map[string]bool{
		"true": true, "True": true, "TRUE": true, "false": true, "!!bool 'false'": true,
		"yes": false, "no": false, "on": false, "y": false, "'true'": false, "1": false, "!!bool yes": false, "~": false, "[true]": false,
	} {
		if got, d := read("veggie: " + content); (d.Err() == nil) != valid || valid && got.veggie != strings.EqualFold(content, "true") {
			t.Errorf("%s: %v, %v", content, got.veggie, d.Err())
		}
	}
}

func TestDecoder_ReportsEveryErrorInTheOrderOfLines(t *testing.T) {
	_, d := read(`name: 7
steps: {a: b}
tools: [1]
takes: soon
serves: none
veggie: perhaps
secret: hunter2
Secret-File: hunter2
name: again
`)
	d.Errorf(2, "%s", "an error of the caller's")
	var all yamlcheck.Errors
	if !errors.As(d.Err(), &all) || len(all) != 10 || d.ErrorCount() != 10 {
		t.Fatalf("%v", d.Err())
	}
	want := []string{
		"recipe.yml:1: name is not a string; put it in quotes",
		"recipe.yml:2: steps is not a list; begin each entry with a dash",
		"recipe.yml:2: an error of the caller's",
		"recipe.yml:3: tools is not a string",
		"recipe.yml:4: takes is not a duration above zero",
		"recipe.yml:5: serves is not a whole number above zero",
		"recipe.yml:6: veggie is neither true nor false",
		`recipe.yml:7: "secret": unknown key; write secret_file and keep the secret itself in that file`,
		`recipe.yml:8: "Secret-File": unknown key; write secret_file`,
		`recipe.yml:9: "name": duplicate key; it is in line 1 already`,
	}
	for n, problem := range all {
		if !strings.HasPrefix(problem.Error(), want[n]) {
			t.Errorf("got  %v\nwant %s", problem, want[n])
		}
	}
	if strings.Contains(d.Err().Error(), "hunter2") {
		t.Error("a value is repeated")
	}
}

func TestDecoder_ReportsWhatIsNotSupported(t *testing.T) {
	for content, want := range map[string]string{
		"":                                "1: the file is empty; write name: and steps:",
		"# nothing\n---\n# here\n":        "1: the file is empty",
		"null":                            "1: the recipe is not a mapping; write name: …, secret_file: …",
		"- a":                             "1: the recipe is not a mapping",
		"name: a\n---\nname: b":           "2: a second document begins here",
		"name: a\n...\n---\n":             "3: a second document begins here",
		"name: a\n7: b":                   "2: a key is not a string; known are name, secret_file, serves,",
		"? [name]\n: a\n? {name: a}\n: b": "1: a key is not a string",
		"? \n: a":                         "1: a key is not a string",
		"name: a\n'<<': b":                `2: "<<": unknown key`,
		"name: a\n<<: {name: b}":          "2: merge keys (<<) are not supported; write the keys out",
		"name: a\nsteps: !mine [a]":       "2: a tag that is not supported here",
		"name: a\nsteps: !!str [a]":       "2: a tag that is not supported here",
		"!!set {name}":                    "1: a tag that is not supported here",
		"name: a\nsteps: &s [b, *s]":      "2: an alias of a value that contains it",
		"name: &a {b: [*a]}":              "1: an alias of a value that contains it",
		"name: a\x00b":                    "1: invalid YAML: control characters",
		"name: a\ntakes: b\x1b[31m":       "2: invalid YAML: control characters",
		"name: a\n\xffsteps: b":           "2: not valid UTF-8",
		"name: caf\xe9\n":                 "1: not valid UTF-8",
		"\xff\xfen\x00:\x00":              "1: not valid UTF-8",
		"name: a\nsteps: [b\u2028c]":      "2: a separator of lines",
		"name: a\nsteps: [b\u0085c]":      "2: a separator of lines",
		"%YAML 3.0\n---\nname: a":         "1: invalid YAML: found incompatible YAML document",
		strings.Repeat("#", yamlcheck.MaxSize) + "\n": "1: the file is larger than 4 MiB",
	} {
		_, d := read(content)
		if d.Err() == nil {
			t.Errorf("%.40q is accepted", content)
		} else if got, _, _ := strings.Cut(d.Err().Error(), "\n"); !strings.HasPrefix(got, "recipe.yml:"+want) {
			t.Errorf("%.40q:\n got %s\nwant %s", content, got, want)
		}
	}
}

func TestDecoder_ReportsTheLineOfASyntaxError(t *testing.T) {
	for content, line := range map[string]int{
		"steps:\n  - name: [\n":                                      2,
		"steps:\n\t- name: a\n":                                      2,
		"steps:\n  - name: a\n\t  b: c\n":                            3,
		"a: b\nc: d\n  e: f\ng: h\n":                                 3,
		"a: b\nc: d\ne\ng: h\n":                                      3,
		"steps:\n  - a: hunter2\n   b: hunter2\n  - c: d\n":          3,
		"steps:\n  - a: hunter2\n  b: hunter2\n  - c: d\n":           3,
		"steps:\n  - a: \"hunter2\n    b: c\n  - d: e\n":             2,
		"steps:\n  - a: 'it's'\n    b: hunter2\n  - d: e\n":          2,
		"steps:\n  - a: *hunter2\n  - b: c\n":                        2,
		"steps:\n  - a: *hunter2\n\n# more\n\n  - b: c\n":            2,
		"steps:\n  - a: @hunter2\n  - b: c\n":                        2,
		"steps:\n  - a: hunter2: c\n  - b: c\n":                      2,
		"steps:\n  - a: \"\\q hunter2\"\n  - b: c\n":                 2,
		"steps:\n  - a: b\n]\n":                                      3,
		"steps:\n- a\n-hunter2\n- c\n":                               3,
		"steps:\n- a: !<hunter2 y\n- b: c\n":                         2,
		"steps:\n- a: !e!hunter2 y\n- b: c\n":                        2,
		"steps:\n- a: &b &c hunter2\n- b: c\n":                       2,
		"steps: |9x\n x\ny: c\n":                                     1,
		"{\n  \"a\": 1,\n  \"b\": 2\n  \"c\": 3\n}\n":                3, // where the comma is missing
		"{\n  \"a\": 1,\n  \"b\": 2,,\n  \"c\": 3\n}\n":              3,
		"{\n  \"a\": 1,\n  \"b\" \"hunter2\",\n  \"c\": 3\n}\n":      3,
		"{\n  \"a\": 1,\n  \"b\": 2\n":                               3,
		"a: b\n--- hunter2: c\n":                                     2,
		"steps:\n- a: ]\n- b: c\n":                                   2,
		"a: b\n... hunter2\nc: d\n":                                  3,
		"# a\n\n" + strings.Repeat("a: b\n", 10000) + "c: ]\nd: e\n": 10003,
	} {
		_, d := read(content)
		if d.Err() == nil {
			t.Errorf("%.60q is accepted", content)
		} else if got := d.Err().Error(); !strings.HasPrefix(got, fmt.Sprintf("recipe.yml:%d: invalid YAML: ", line)) || strings.Contains(got, "hunter2") || strings.Contains(got, "\n") {
			t.Errorf("%.60q: line %d wanted, got %s", content, line, got)
		}
	}
}

// TestDecoder_LimitsDepthAndAliases has files that would need more memory or stack
// than there is.
func TestDecoder_LimitsDepthAndAliases(t *testing.T) {
	laughs := "a: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for n := range 9 {
		laughs += fmt.Sprintf("b%d: &a%d [%s*a%d]\n", n, n+1, strings.Repeat(fmt.Sprintf("*a%d, ", n), 9), n)
	}
	rules := "rules: &r [" + strings.Repeat("a,", 200_000) + "]\n" + strings.Repeat("a: *r\n", 50_000)
	for name, test := range map[string]struct{ content, want string }{
		"20 levels":       {"name: " + strings.Repeat("[", 18) + "a" + strings.Repeat("]", 18), "1: name is not a string"},
		"21 levels":       {"name: " + strings.Repeat("[", 19) + "a" + strings.Repeat("]", 19), "1: nested more than 20 levels deep"},
		"blocks":          {strings.Repeat("- ", 30) + "a", "1: nested more than 20 levels deep"},
		"brackets":        {strings.Repeat("[", 200_000), "1: nested more than 20 levels deep"},
		"braces":          {strings.Repeat("{a: ", 200_000), "1: nested more than 20 levels deep"},
		"brackets closed": {strings.Repeat("[", 9000) + strings.Repeat("]", 9000), "1: nested more than 20 levels deep"},
		"lines":           {strings.Repeat("[\n", 200_000), "10001: nested more than 20 levels deep"},
		"dashes":          {strings.Repeat("- ", 200_000), "1: nested more than 20 levels deep"},
		"question marks":  {strings.Repeat("? ", 200_000), "1: nested more than 20 levels deep"},
		"billion laughs":  {laughs, "1: more than 1,048,576 values, aliases expanded"},
		"one long list":   {rules, "1: more than 1,048,576 values, aliases expanded"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, d := read(test.content); d.Err() == nil || !strings.HasPrefix(d.Err().Error(), "recipe.yml:"+test.want) {
				t.Errorf("%.200v", d.Err())
			}
		})
	}
}

func TestDecoder_UniqueName(t *testing.T) {
	d := yamlcheck.NewDecoder("recipe.yml")
	for line, name := range []string{"a", "b", "", "a", "", "a"} {
		d.UniqueName(line+1, "recipe", name)
	}
	want := "recipe.yml:4: the name \"a\" is taken by the recipe in line 1; names are unique\n" +
		"recipe.yml:6: the name \"a\" is taken by the recipe in line 1; names are unique"
	if d.Err() == nil || d.Err().Error() != want {
		t.Errorf("%v", d.Err())
	}
}

func TestDecoder_WarningsAreNoErrors(t *testing.T) {
	d := yamlcheck.NewDecoder("recipe.yml")
	d.Warnf(3, "a lot of %s", "salt")
	if d.Err() != nil || len(d.Warnings()) != 1 || d.Warnings()[0] != "recipe.yml:3: a lot of salt" || d.File() != "recipe.yml" {
		t.Errorf("%q, %v", d.Warnings(), d.Err())
	}
}

func TestReadFile_LimitsTheSize(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "recipe.yml")
	for size, want := range map[int]string{0: "", yamlcheck.MaxSize: "", yamlcheck.MaxSize + 1: "recipe.yml: the file is larger than 4 MiB", 3 * yamlcheck.MaxSize: "larger"} {
		if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
		content, err := yamlcheck.ReadFile(path)
		if want == "" && (err != nil || len(content) != size) || want != "" && (err == nil || !strings.Contains(err.Error(), want) || content != nil) {
			t.Errorf("%d bytes: %d read, %v", size, len(content), err)
		}
	}
	for _, unreadable := range []string{dir, filepath.Join(dir, "gone.yml"), "/dev/zero"} {
		if content, err := yamlcheck.ReadFile(unreadable); err == nil || content != nil || !strings.Contains(err.Error(), unreadable) {
			t.Errorf("%s: %d bytes, %v", unreadable, len(content), err)
		}
	}
}
