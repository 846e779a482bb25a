package config_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/config"
	"datadog_org_connections_exporter/internal/yamlcheck"
)

// inDir writes the configuration into a new directory with key files.
func inDir(t *testing.T, content string) (file string) {
	t.Helper()
	dir := t.TempDir()
	for name, key := range map[string]string{"api": "0123\n", "app": "4567\n", "token": "ddpat_89\n", "empty": "", "orgs.yml": content} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(key), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "orgs.yml")
}

func TestLoad_ReadsOrgsAndDefaults(t *testing.T) {
	file := inDir(t, `# who shares with whom
orgs:
  - name: payments
    site: https://app.datadoghq.eu/
    api_key_file: api
    app_key_file: app
    org_id: 83999DCD-7f97-11f0-8de1-1ecf66f1aa85
    timeout: 1m30s
    page_size: 100
  - name: "platform: 東京"
    access_token_file: token
    api_url: http://127.0.0.1:8080/
    source_org_id: 5e1f0a6b-3c2d-4b7e-9a10-64d2f8b7c015
  - {name: security, access_token_file: token, sink_org_id: x}
defaults: {site: us5.datadoghq.com, timeout: 10s}
`)
	dir := filepath.Dir(file)
	c, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	want := []config.Org{
		{Name: "payments", API: "https://api.datadoghq.eu", APIKeyFile: filepath.Join(dir, "api"), AppKeyFile: filepath.Join(dir, "app"), OrgID: "83999dcd-7f97-11f0-8de1-1ecf66f1aa85", Timeout: 90 * time.Second, PageSize: 100},
		{Name: "platform: 東京", API: "http://127.0.0.1:8080", AccessTokenFile: filepath.Join(dir, "token"), SourceOrgID: "5e1f0a6b-3c2d-4b7e-9a10-64d2f8b7c015", Timeout: 10 * time.Second, PageSize: 1000},
		{Name: "security", API: "https://api.us5.datadoghq.com", AccessTokenFile: filepath.Join(dir, "token"), SinkOrgID: "x", Timeout: 10 * time.Second, PageSize: 1000},
	}
	if len(c.Orgs) != len(want) || len(c.Warnings) != 0 {
		t.Fatalf("%+v", c)
	}
	for n, org := range c.Orgs {
		if org != want[n] {
			t.Errorf("got %+v\nwant %+v", org, want[n])
		}
		options, err := org.Options()
		if err != nil || options.OrgID != org.OrgID {
			t.Fatalf("%+v, %v", options, err)
		}
		if _, err := datadog.New(options); err != nil {
			t.Errorf("no client can be made of %+v: %v", org, err)
		}
	}
}

func TestLoad_ReadsDiscovery(t *testing.T) {
	file := inDir(t, `discovery:
  - {access_token_file: token, timeout: 5s}
  - {name: elsewhere, api_key_file: api, app_key_file: app, site: datadoghq.eu}
orgs:
  - {name: a, access_token_file: token}
defaults: {site: us5.datadoghq.com, timeout: 10s}
`)
	dir := filepath.Dir(file)
	c, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	want := []config.Org{
		{Name: "discovery", API: "https://api.us5.datadoghq.com", AccessTokenFile: filepath.Join(dir, "token"), Timeout: 5 * time.Second, PageSize: 1000},
		{Name: "elsewhere", API: "https://api.datadoghq.eu", APIKeyFile: filepath.Join(dir, "api"), AppKeyFile: filepath.Join(dir, "app"), Timeout: 10 * time.Second, PageSize: 1000},
	}
	if !slices.Equal(c.Discovery, want) || len(c.Orgs) != 1 {
		t.Errorf("got  %+v\nwant %+v", c.Discovery, want)
	}
}

func TestLoad_WarnsOfWhatLooksLikeAMistake(t *testing.T) {
	c, err := config.Load(inDir(t, `orgs:
  - name: a
    site: mars1.datadoghq.com
    access_token_file: token
  - name: b
    api_url: http://proxy.example.com
    access_token_file: token
`))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) != 2 || !strings.Contains(c.Warnings[0], "orgs.yml:3: ") || !strings.Contains(c.Warnings[1], "orgs.yml:6: ") {
		t.Errorf("warnings %q", c.Warnings)
	}
}

func TestLoad_ReportsEveryErrorWithLineAndRemedy(t *testing.T) {
	for _, test := range []struct {
		name, content string
		problems      []string
	}{
		{"nothing", "", []string{"1: the file is empty; write orgs: and"}},
		{"no orgs", "defaults: {timeout: 5s}", []string{"1: no orgs are listed"}},
		{"null orgs", "orgs:\n", []string{"1: no orgs are listed"}},
		{"an empty list", "orgs: []\n", []string{"1: no orgs are listed"}},
		{"a list", "- orgs\n", []string{"1: the configuration is not a mapping; write defaults: …, discovery: …, orgs: …"}},
		{"invalid YAML", "orgs:\n  - name: [\n", []string{"2: invalid YAML"}},
		{"orgs that are no list", "orgs: {name: a}\n", []string{"1: orgs is not a list"}},
		{"an org that is a text", "orgs:\n  - payments\n", []string{"2: an org is not a mapping"}},
		{"everything at once", `defaults:
  site: data dog
  time_out: 5s
orgs:
  - name: a
    api_key: hunter2
    app_key_file: app
  - name: b
    access_token_file: token
    nick: c
  - name: b
    access_token_file: missing
  - access_token_file: token
orgz: []
`, []string{
			`2: site is not a Datadog site; write a domain such as datadoghq.com,`,
			`3: "time_out": unknown key; write timeout`,
			`6: "api_key": unknown key; write api_key_file and keep the secret itself in that file`,
			`10: "nick": unknown key; known are access_token_file, api_key_file,`,
			`11: org "b", access_token_file: read the access token: open`,
			`11: the name "b" is taken by the org in line 8`,
			`13: the org has no name`,
			`14: "orgz": unknown key; known are defaults, discovery, orgs`,
		}},
		{"credentials", `orgs:
  - {name: none}
  - {name: half, api_key_file: api}
  - {name: other half, app_key_file: app}
  - {name: both, api_key_file: api, app_key_file: app, access_token_file: token}
  - {name: empty, access_token_file: empty}
  - {name: gone, api_key_file: gone1, app_key_file: gone2}
`, []string{
			`2: org "none" has no credentials; write api_key_file and app_key_file, or access_token_file`,
			`3: org "half" has an api_key_file but no app_key_file`,
			`4: org "other half" has an app_key_file but no api_key_file`,
			`5: org "both" has both keys and an access token; keep`,
			`6: org "empty", access_token_file: the access token in `,
			`7: org "gone", api_key_file: read the API key: open`,
			`7: org "gone", app_key_file: read the application key: open`,
		}},
		{"values of the wrong kind", `defaults: {timeout: 5, page_size: many}
orgs:
  - name: 7
    timeout: -5s
    page_size: 0
    site: true
    api_key_file: [api]
    app_key_file: ""
    api_url: "http://user:hunter2@proxy"
    source_org_id: null
    sink_org_id: " x"
`, []string{
			"1: timeout is not a duration above zero; write one such as 30s",
			"1: page_size is not a whole number above zero",
			"3: name is not a string; put it in quotes",
			"4: timeout is not a duration above zero",
			"5: page_size is not a whole number above zero",
			"6: site is not a string",
			"7: api_key_file is not a string; write api_key_file: VALUE",
			"8: app_key_file is empty",
			"9: api_url: the API URL must not contain a user or password",
			"10: source_org_id is not a string",
			"11: sink_org_id is empty or has white space around it",
		}},
		{"discovery", `orgs:
  - {name: a, access_token_file: token}
discovery:
  - {name: a, access_token_file: token}
  - {name: b}
  - {access_token_file: token}
  - {access_token_file: token}
  - {access_token_file: token, org_id: x, page_size: 5}
  - token
`, []string{
			`4: the name "a" is taken by the org in line 2`,
			`5: discovery "b" has no credentials; write api_key_file`,
			`7: the name "discovery" is taken by the discovery in line 6`,
			`8: "org_id": unknown key`,
			`8: "page_size": unknown key`,
			`9: a discovery is not a mapping`,
		}},
		{"discovery that is no list", "discovery: {access_token_file: token}\norgs:\n  - {name: a, access_token_file: token}\n", []string{"1: discovery is not a list"}},
		{"discovery alone", "discovery:\n  - {access_token_file: token}\n", []string{"1: no orgs are listed"}},
		{"ids", `orgs:
  - {name: a, access_token_file: token, org_id: hunter2}
  - {name: b, access_token_file: token, org_id: 7}
  - {name: c, access_token_file: token, org_id: 83999dcd7f9711f08de11ecf66f1aa85}
`, []string{
			"2: org_id: not the id of an org: expected a UUID such as",
			"3: org_id is not a string",
			"4: org_id: not the id of an org",
		}},
		{"site and address", "orgs:\n  - {name: a, site: datadoghq.eu, api_url: 'https://proxy.example.com', access_token_file: token}\n", []string{"2: both site and api_url"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := inDir(t, test.content)
			c, err := config.Load(file)
			if err == nil {
				t.Fatalf("it is read as %+v", c)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("a secret is repeated: %v", err)
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != len(test.problems) {
				t.Errorf("%d problems, want %d:\n%v", len(lines), len(test.problems), err)
			}
			for n := range min(len(lines), len(test.problems)) {
				if !strings.HasPrefix(lines[n], file+":") || !strings.Contains(lines[n], test.problems[n]) {
					t.Errorf("got  %s\nwant %s", lines[n], test.problems[n])
				}
			}
		})
	}
}

func TestLoad_RefusesALargeFile(t *testing.T) {
	_, err := config.Load(inDir(t, strings.Repeat("#\n", yamlcheck.MaxSize)))
	if err == nil || !strings.Contains(err.Error(), "orgs.yml: the file is larger than 4 MiB") {
		t.Errorf("%v", err)
	}
}

func TestLoad_DoesNotRepeatAKeyInPlaceOfItsFile(t *testing.T) {
	for _, pasted := range []string{"0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef01234567", "ddpat_0123456789ABCDEFGHIJKLMNOPQRSTUV", "eyJ" + strings.Repeat("a.", 200)} {
		_, err := config.Load(inDir(t, "orgs:\n  - {name: a, access_token_file: "+pasted+"}\n"))
		if err == nil || strings.Contains(err.Error(), pasted) || !strings.Contains(err.Error(), "orgs.yml:2: org \"a\", access_token_file: there is no such file") {
			t.Errorf("%v", err)
		}
	}
}

// FuzzParse checks that nothing panics, that errors have lines, and that orgs that are
// accepted are complete and read the same when written as JSON.
func FuzzParse(f *testing.F) {
	f.Add("orgs:\n  - name: a\n    access_token_file: /dev/null\n")
	f.Add("orgs: [{name: a, api_key_file: x, app_key_file: y}]\ndefaults: {site: datadoghq.eu}\n")
	f.Add("? [a]\n: &x {<<: *x}\n---\n!!str |\n  x\n")
	f.Add("%YAML 1.2\n---\n\"orgs\":\n- {name: !!str a, access_token_file: token, timeout: &t 5s, page_size: 7}\n- {name: b, timeout: *t, api_url: 'https://x', access_token_file: token}\n")
	dir := f.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "token"), []byte("ddpat_89"), 0o600); err != nil {
		f.Fatal(err)
	}
	file := filepath.Join(dir, "fuzz.yml")
	f.Fuzz(func(t *testing.T, content string) {
		c, err := config.Parse(file, []byte(content))
		var all yamlcheck.Errors
		if err != nil && !errors.As(err, &all) {
			t.Errorf("no lines: %v", err)
		}
		for _, e := range all {
			if e.Line < 1 || e.Line > 1+strings.Count(content, "\n")+strings.Count(content, "\r") || e.Text == "" {
				t.Errorf("line: %v", e)
			}
		}
		if err != nil {
			return
		}
		var written struct {
			Orgs []map[string]any `json:"orgs"`
		}
		for _, org := range c.Orgs {
			if org.Name == "" || org.API == "" || org.Timeout <= 0 || org.PageSize <= 0 {
				t.Errorf("%+v", org)
			}
			fields := map[string]any{"name": org.Name, "api_url": org.API, "timeout": org.Timeout.String(), "page_size": org.PageSize}
			for key, value := range map[string]string{
				"api_key_file": org.APIKeyFile, "app_key_file": org.AppKeyFile, "access_token_file": org.AccessTokenFile,
				"source_org_id": org.SourceOrgID, "sink_org_id": org.SinkOrgID,
			} {
				if value != "" {
					fields[key] = value
				}
			}
			written.Orgs = append(written.Orgs, fields)
		}
		text, err := json.Marshal(written)
		if err != nil {
			t.Fatal(err)
		}
		if len(text) > yamlcheck.MaxSize || strings.Contains(string(text), "\ufeff") || slices.ContainsFunc([]rune(string(text)), unicode.IsControl) {
			return // which JSON does not escape
		}
		again, err := config.Parse(file, text)
		if err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		if !slices.Equal(again.Orgs, c.Orgs) {
			t.Errorf("got %+v\nof  %+v", again.Orgs, c.Orgs)
		}
	})
}
