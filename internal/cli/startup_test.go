package cli

import (
	"strings"
	"testing"

	"github.com/alecthomas/kingpin/v2"
	"github.com/go-kit/log"
)

// apiAddress is where requests would go, by what the environment and the command
// line say, and what is logged about it.
func apiAddress(t *testing.T, environment map[string]string, args ...string) (address, logged string) {
	t.Helper()
	onlyTheEnvironment(t)
	for name, value := range environment {
		t.Setenv(name, value)
	}
	app := kingpin.New(programName, "").DefaultEnvars()
	flags := addDatadogFlags(app)
	if _, err := app.Parse(args); err != nil {
		t.Fatal(err)
	}
	var written strings.Builder
	api, err := flags.api(log.NewLogfmtLogger(&written))
	if err != nil {
		t.Fatal(err)
	}
	return api.String(), written.String()
}

func TestDatadogFlags_APIIsThatOfTheSite(t *testing.T) {
	for name, test := range map[string]struct {
		environment map[string]string
		args        []string
		want        string
	}{
		"datadoghq.com, where nothing is said":        {nil, nil, "https://api.datadoghq.com"},
		"nor by an empty DD_SITE":                     {map[string]string{"DD_SITE": ""}, nil, "https://api.datadoghq.com"},
		"DD_SITE":                                     {map[string]string{"DD_SITE": "us5.datadoghq.com"}, nil, "https://api.us5.datadoghq.com"},
		"a pasted address of the application":         {map[string]string{"DD_SITE": "https://app.datadoghq.eu/"}, nil, "https://api.datadoghq.eu"},
		"the flag, though there is DD_SITE":           {map[string]string{"DD_SITE": "datadoghq.eu"}, []string{"--datadog.site=ap1.datadoghq.com"}, "https://api.ap1.datadoghq.com"},
		"none where an address is given":              {map[string]string{"DD_SITE": "datadoghq.eu"}, []string{"--datadog.api-url=https://proxy.example.com/dd/"}, "https://proxy.example.com/dd"},
		"none where the environment gives an address": {map[string]string{"DATADOG_ORG_CONNECTIONS_EXPORTER_DATADOG_API_URL": "https://proxy.example.com"}, nil, "https://proxy.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			address, logged := apiAddress(t, test.environment, test.args...)
			if address != test.want {
				t.Errorf("the API is %s, want %s", address, test.want)
			}
			if logged != "" {
				t.Errorf("it logs %s", logged)
			}
		})
	}
}

func TestDatadogFlags_UnknownSiteIsUsedWithWarning(t *testing.T) {
	address, logged := apiAddress(t, map[string]string{"DD_SITE": "us9.datadoghq.com"})
	if want := "https://api.us9.datadoghq.com"; address != want {
		t.Errorf("the API is %s, want %s", address, want)
	}
	wantContains(t, "the log", logged, "level=warn", "site=us9.datadoghq.com", "datadoghq.eu")
}

func TestDatadogFlags_WarnOfKeysWithoutEncryption(t *testing.T) {
	_, logged := apiAddress(t, nil, "--datadog.api-url=http://proxy.example.com")
	wantContains(t, "the log", logged, "level=warn", "without encryption")
	for _, safe := range []string{"http://127.0.0.1:8080", "http://localhost", "https://proxy.example.com"} {
		if _, logged := apiAddress(t, nil, "--datadog.api-url="+safe); logged != "" {
			t.Errorf("%s is logged: %s", safe, logged)
		}
	}
}

func TestFlags_OfServeHaveEnvironmentVariables(t *testing.T) {
	of := newAPI(t)
	for name, value := range map[string]string{
		"WEB_LISTEN_ADDRESS": "127.0.0.1:0",
		"WEB_TELEMETRY_PATH": "/who/shares",
		"DATADOG_API_URL":    of.url,
		"DATADOG_PAGE_SIZE":  "2",
		"CACHE_TTL":          "1h",
		"CACHE_MAX_STALE":    "2h",
		"LOG_FORMAT":         "json",
	} {
		t.Setenv("DATADOG_ORG_CONNECTIONS_EXPORTER_"+name, value)
	}
	p := start(t)
	p.waitUntilReady()
	wantConnections(t, of, p.get("/who/shares").body)
	for _, request := range of.RequestLog() {
		if request.Limit != 2 {
			t.Errorf("a page of %d was asked for, want 2", request.Limit)
		}
	}
	wantContains(t, "the log", p.stderr.String(), `"level":"info"`)
}

func TestDatadogFlags_SecretsComeFromEnvironmentOrFile(t *testing.T) {
	of := newAPI(t)
	keys := of.Keys(of.org)
	none := map[string]string{"DD_API_KEY": "", "DD_APP_KEY": ""}
	for name, test := range map[string]struct {
		environment map[string]string
		args        []string
	}{
		"a pair of keys":               {environment: nil},
		"a pair with newlines":         {environment: map[string]string{"DD_API_KEY": keys.API + "\n", "DD_APP_KEY": " " + keys.App}},
		"a token":                      {environment: map[string]string{"DD_API_KEY": "", "DD_APP_KEY": "", "DD_ACCESS_TOKEN": keys.Token}},
		"a token beside an API key":    {environment: map[string]string{"DD_APP_KEY": "", "DD_ACCESS_TOKEN": keys.Token}},
		"files with a newline at last": {none, []string{"--datadog.api-key-file=" + writeFile(t, "api", keys.API+"\n"), "--datadog.app-key-file=" + writeFile(t, "app", keys.App+"\r\n")}},
		"a file and a variable":        {map[string]string{"DD_API_KEY": ""}, []string{"--datadog.api-key-file=" + writeFile(t, "api", keys.API)}},
		"a file over a variable":       {map[string]string{"DD_API_KEY": "wrong"}, []string{"--datadog.api-key-file=" + writeFile(t, "api", keys.API)}},
		"files that variables name":    {map[string]string{"DD_API_KEY": "", "DD_APP_KEY": "", "DD_API_KEY_FILE": writeFile(t, "api", keys.API+"\n"), "DD_APP_KEY_FILE": writeFile(t, "app", keys.App+"\n")}, nil},
		"a token in a file":            {none, []string{"--datadog.access-token-file=" + writeFile(t, "token", keys.Token+"\n")}},
	} {
		t.Run(name, func(t *testing.T) {
			for name, value := range test.environment {
				t.Setenv(name, value)
			}
			p := start(t, of.args(test.args...)...)
			wantConnections(t, of, p.get("/metrics").body)
		})
	}
}
