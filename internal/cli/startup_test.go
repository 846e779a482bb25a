package cli

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kingpin/v2"
	"github.com/go-kit/log"
)

// keyOfMistakes is in every mistake below that could show a secret.
const keyOfMistakes = "5ec2e75ec2e75ec2e7"

func writeFile(t *testing.T, name, content string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestServe_RefusesWhatCannotWork(t *testing.T) {
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	missing := filepath.Join(t.TempDir(), "missing")
	empty := writeFile(t, "empty", "\n")
	twoLines := writeFile(t, "two-lines", keyOfMistakes+"\n"+keyOfMistakes+"\n")
	badYAML := writeFile(t, "bad.yml", "nonsense: 1\nrubbish: 2\n")
	noCertificate := writeFile(t, "tls.yml", "tls_server_config:\n  cert_file: missing.crt\n  key_file: missing.key\n")

	pair := map[string]string{"DD_API_KEY": keyOfMistakes, "DD_APP_KEY": keyOfMistakes}
	for name, test := range map[string]struct {
		environment map[string]string
		args        []string
		says        []string // what is wrong, and what to do
	}{
		"no credentials": {
			says: []string{"no credentials", "DD_API_KEY", "DD_APP_KEY", "DD_ACCESS_TOKEN", "--datadog.api-key-file", "demo"},
		},
		"an API key alone": {
			environment: map[string]string{"DD_API_KEY": keyOfMistakes},
			says:        []string{"no application key", "DD_APP_KEY"},
		},
		"an application key alone": {
			environment: map[string]string{"DD_APP_KEY": keyOfMistakes},
			says:        []string{"no API key", "DD_API_KEY"},
		},
		"a pair of keys and a token": {
			environment: map[string]string{"DD_API_KEY": keyOfMistakes, "DD_APP_KEY": keyOfMistakes, "DD_ACCESS_TOKEN": keyOfMistakes},
			says:        []string{"both", "unset DD_ACCESS_TOKEN"},
		},
		"a key file that is not there": {
			environment: pair, args: []string{"--datadog.api-key-file=" + missing},
			says: []string{"API key", missing, "no such file"},
		},
		"a key file that is a directory": {
			environment: pair, args: []string{"--datadog.app-key-file=" + t.TempDir()},
			says: []string{"application key", "directory"},
		},
		"an empty key file": {
			environment: pair, args: []string{"--datadog.app-key-file=" + empty},
			says: []string{"application key", empty, "is empty"},
		},
		"an empty token file from the environment": {
			environment: map[string]string{"DD_ACCESS_TOKEN_FILE": empty},
			says:        []string{"access token", empty, "is empty"},
		},
		"a key file with two lines": {
			environment: pair, args: []string{"--datadog.api-key-file=" + twoLines},
			says: []string{"API key", twoLines, "line breaks"},
		},
		"a key with a newline in its middle": {
			environment: map[string]string{"DD_API_KEY": keyOfMistakes + "\n" + keyOfMistakes, "DD_APP_KEY": keyOfMistakes},
			says:        []string{"DD_API_KEY", "line breaks"},
		},
		"a key of white space": {
			environment: map[string]string{"DD_API_KEY": keyOfMistakes, "DD_APP_KEY": " \n"},
			says:        []string{"DD_APP_KEY", "is empty"},
		},
		"a taken port": {
			environment: pair, args: []string{"--web.listen-address=" + taken.Addr().String()},
			says: []string{"--web.listen-address", taken.Addr().String(), "address already in use"},
		},
		"a second port that is taken": {
			environment: pair, args: []string{"--web.listen-address=127.0.0.1:0", "--web.listen-address=" + taken.Addr().String()},
			says: []string{"--web.listen-address", taken.Addr().String(), "address already in use"},
		},
		"an address without a port": {
			environment: pair, args: []string{"--web.listen-address=localhost"},
			says: []string{"--web.listen-address=localhost", "missing port"},
		},
		"a vsock address without a port": {
			environment: pair, args: []string{"--web.listen-address=vsock://:http"},
			says: []string{"--web.listen-address=vsock://:http", "port"},
		},
		"no socket from systemd": {
			environment: pair, args: []string{"--web.systemd-socket"},
			says: []string{"--web.systemd-socket", ".socket unit"},
		},
		"a web config file that is not there": {
			environment: pair, args: []string{"--web.config.file=" + missing},
			says: []string{"--web.config.file", missing, "no such file"},
		},
		"a web config file with unknown settings": {
			environment: pair, args: []string{"--web.config.file=" + badYAML},
			says: []string{"--web.config.file", badYAML, "line 1", "nonsense", "line 2", "rubbish"},
		},
		"a web config file that names no certificate": {
			environment: pair, args: []string{"--web.config.file=" + noCertificate},
			says: []string{"--web.config.file", "missing.crt"},
		},
		"a path for metrics that is none": {
			environment: pair, args: []string{"--web.telemetry-path=metrics"},
			says: []string{"--web.telemetry-path", `"metrics"`, "/metrics"},
		},
		"a path for metrics where the landing page is": {
			environment: pair, args: []string{"--web.telemetry-path=/"},
			says: []string{"--web.telemetry-path", "taken"},
		},
		"a path for metrics where something else is": {
			environment: pair, args: []string{"--web.telemetry-path=/-/ready"},
			says: []string{"--web.telemetry-path", "taken"},
		},
		"a path for metrics that is a pattern": {
			environment: pair, args: []string{"--web.telemetry-path=/{x"},
			says: []string{"--web.telemetry-path", `"/{x"`},
		},
		"a time to live that is no duration": {
			environment: pair, args: []string{"--cache.ttl=60"},
			says: []string{"--cache.ttl", `"60"`, "30s"},
		},
		"a time to live of nothing, from the environment": {
			environment: map[string]string{"DATADOG_ORG_CONNECTIONS_EXPORTER_CACHE_TTL": "0s"},
			says:        []string{"--cache.ttl", `"0s"`, "above zero"},
		},
		"a negative timeout": {
			environment: pair, args: []string{"--datadog.timeout=-1s"},
			says: []string{"--datadog.timeout", `"-1s"`, "above zero"},
		},
		"a page size of zero": {
			environment: pair, args: []string{"--datadog.page-size=0"},
			says: []string{"--datadog.page-size", `"0"`, "above zero"},
		},
		"a page size that is no number": {
			environment: pair, args: []string{"--datadog.page-size=many"},
			says: []string{"--datadog.page-size", `"many"`},
		},
		"a log level that is none, from the environment": {
			environment: map[string]string{"DATADOG_ORG_CONNECTIONS_EXPORTER_LOG_LEVEL": "loud"},
			says:        []string{"--log.level", `"loud"`, "debug, info, warn, error"},
		},
		"a log format that is none": {
			environment: pair, args: []string{"--log.format=xml"},
			says: []string{"--log.format", `"xml"`, "logfmt, json"},
		},
		"an unknown flag": {
			environment: pair, args: []string{"--cache.tll=1m"},
			says: []string{"--cache.tll", "--help"},
		},
		"an unknown command": {
			environment: pair, args: []string{"server"},
			says: []string{"server", "--help"},
		},
		"a site that is none": {
			environment: map[string]string{"DD_API_KEY": keyOfMistakes, "DD_APP_KEY": keyOfMistakes, "DD_SITE": "Datadog Europe"},
			says:        []string{"--datadog.site", "DD_SITE", `"Datadog Europe"`, "datadoghq.eu"},
		},
		"an API address with user and password": {
			environment: pair, args: []string{"--datadog.api-url=https://admin:" + keyOfMistakes + "@proxy.example.com"},
			says: []string{"--datadog.api-url", "user or password"},
		},
		"an API address with user and password and a mistake": {
			environment: pair, args: []string{"--datadog.api-url=https://admin:" + keyOfMistakes + "@proxy.example.com:84x43"},
			says: []string{"--datadog.api-url", "https://"},
		},
		"an API address with user and password and no scheme": {
			environment: pair, args: []string{"--datadog.api-url=admin:" + keyOfMistakes + "@proxy.example.com:8443"},
			says: []string{"--datadog.api-url", "https://"},
		},
		"an API address with user and password and half a scheme": {
			environment: pair, args: []string{"--datadog.api-url=https:admin:" + keyOfMistakes + "@proxy.example.com"},
			says: []string{"--datadog.api-url", "https://"},
		},
		"an API address with a query": {
			environment: pair, args: []string{"--datadog.api-url=https://proxy.example.com/?api_key=" + keyOfMistakes},
			says: []string{"--datadog.api-url", "query"},
		},
		"an API address without a scheme": {
			environment: pair, args: []string{"--datadog.api-url=proxy.example.com"},
			says: []string{"--datadog.api-url", "https://"},
		},
		"a max-stale below the time to live": {
			environment: pair, args: []string{"--cache.max-stale=1m", "--cache.ttl=2m"},
			says: []string{"--cache.max-stale", "--cache.ttl", "1m0s", "2m0s"},
		},
		"a max-stale below the preset time to live": {
			environment: pair, args: []string{"--cache.max-stale=59s"},
			says: []string{"--cache.max-stale", "59s", "1m0s"},
		},
		"a demo that would not move": {
			args: []string{"demo", "--demo.pace=0"},
			says: []string{"--demo.pace", "above zero"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			onlyTheEnvironment(t)
			for name, value := range test.environment {
				t.Setenv(name, value)
			}
			stdout, stderr := newOutput(), newOutput()
			// Should it start after all, this ends it.
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			err := run(ctx, withoutNetwork(test.environment, test.args), stdout, stderr)
			if err == nil {
				t.Fatal("it starts, want an error")
			}
			if strings.ContainsAny(err.Error(), "\n\r") {
				t.Errorf("the error has several lines: %q", err)
			}
			for _, want := range test.says {
				wantContains(t, "the error", err.Error(), want)
			}
			wantNone(t, "the error", err.Error(), keyOfMistakes)
			wantNone(t, "the log", stderr.String(), keyOfMistakes, "Listening on")
			wantNone(t, "stdout", stdout.String(), keyOfMistakes)
		})
	}
}

// withoutNetwork adds what keeps a program that starts against all expectations
// from asking Datadog, or from taking the default port.
func withoutNetwork(environment map[string]string, args []string) []string {
	all := strings.Join(args, " ")
	if environment["DD_SITE"] == "" && !strings.Contains(all, "demo") && !strings.Contains(all, "--datadog.api-url") {
		args = append(args, "--datadog.api-url=http://127.0.0.1:1")
	}
	if !strings.Contains(all, "--web.listen-address") {
		args = append(args, "--web.listen-address=127.0.0.1:0")
	}
	return args
}

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
		"datadoghq.com, where nothing is said": {nil, nil, "https://api.datadoghq.com"},
		"nor by an empty DD_SITE":              {map[string]string{"DD_SITE": ""}, nil, "https://api.datadoghq.com"},
		"DD_SITE":                              {map[string]string{"DD_SITE": "us5.datadoghq.com"}, nil, "https://api.us5.datadoghq.com"},
		"a pasted address of the application":  {map[string]string{"DD_SITE": "https://app.datadoghq.eu/"}, nil, "https://api.datadoghq.eu"},
		"the flag, though there is DD_SITE": {
			map[string]string{"DD_SITE": "datadoghq.eu"}, []string{"--datadog.site=ap1.datadoghq.com"}, "https://api.ap1.datadoghq.com",
		},
		"none where an address is given": {
			map[string]string{"DD_SITE": "datadoghq.eu"}, []string{"--datadog.api-url=https://proxy.example.com/dd/"}, "https://proxy.example.com/dd",
		},
		"none where the environment gives an address": {
			map[string]string{"DATADOG_ORG_CONNECTIONS_EXPORTER_DATADOG_API_URL": "https://proxy.example.com"}, nil, "https://proxy.example.com",
		},
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
	for _, want := range []string{"level=warn", "site=us9.datadoghq.com", "datadoghq.eu"} {
		wantContains(t, "the log", logged, want)
	}
}

func TestDatadogFlags_WarnOfKeysWithoutEncryption(t *testing.T) {
	_, logged := apiAddress(t, nil, "--datadog.api-url=http://proxy.example.com")
	wantContains(t, "the log", logged, "level=warn")
	wantContains(t, "the log", logged, "without encryption")
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

func TestFlags_WinOverTheEnvironment(t *testing.T) {
	of := newAPI(t)
	t.Setenv("DATADOG_ORG_CONNECTIONS_EXPORTER_CACHE_TTL", "1ns")
	for name, test := range map[string]struct {
		args   []string
		asksMe bool // for every scrape
	}{
		"the environment, where the command line says nothing": {of.args(), true},
		"the command line": {of.args("--cache.ttl=1h"), false},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, test.args...)
			p.waitUntilReady()
			before := of.Requests()
			for range 3 {
				p.get("/metrics")
			}
			if asked := of.Requests() - before; (asked > 0) != test.asksMe {
				t.Errorf("three scrapes made %d requests; want some: %v", asked, test.asksMe)
			}
		})
	}
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
