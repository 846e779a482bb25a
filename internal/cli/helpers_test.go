package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"datadog_org_connections_exporter/datadog/fake"
)

// The tests call run, as Main does, and look at the program from outside.

// patience is how long a test waits for an event. It is long, for slow machines:
// nothing is asserted about time.
const patience = time.Minute

// TestMain makes the program a command that scripts and tests find by its name.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){programName: func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		status := Main(ctx, os.Args[1:], os.Stdout, os.Stderr)
		stop()
		os.Exit(status)
	}})
}

// output is a buffer that is written and read concurrently.
type output struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{} // closed with the next write
}

func newOutput() *output { return &output{changed: make(chan struct{})} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.changed)
	o.changed = make(chan struct{})
	return o.text.Write(p)
}

func (o *output) String() string {
	text, _ := o.now()
	return text
}

func (o *output) now() (text string, changed <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String(), o.changed
}

// program is a running program.
type program struct {
	t              *testing.T
	stdout, stderr *output
	stop           context.CancelFunc // as a signal does
	ended          chan struct{}
	err            error // once ended

	base string // http:// and its first address
}

// start runs the program until the test ends, and waits until it listens.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	p := startSilent(t, args...)
	p.base = "http://" + p.addresses(1)[0]
	return p
}

// startSilent runs the program until the test ends.
func startSilent(t *testing.T, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p := &program{t: t, stdout: newOutput(), stderr: newOutput(), stop: cancel, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		p.err = run(ctx, args, p.stdout, p.stderr)
	}()
	t.Cleanup(func() {
		p.stop()
		p.waitForEnd()
		if p.err != nil {
			t.Errorf("the program ended with %v, want no error", p.err)
		}
		if t.Failed() {
			t.Logf("its log:\n%s", p.stderr)
		}
	})
	return p
}

func (p *program) waitForEnd() {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Fatal("the program was stopped and did not end")
	}
}

// listeningOn finds the address in a line of either log format.
var listeningOn = regexp.MustCompile(`"?msg"?[=:]"Listening on".*address"?[=:]"?([^"\s,}]+)|address"?[=:]"?([^"\s,}]+).*"?msg"?[=:]"Listening on"`)

// addresses returns the first n addresses that the program logs to listen on.
func (p *program) addresses(n int) []string {
	p.t.Helper()
	var addresses []string
	p.waitFor(p.stderr, fmt.Sprintf("%d lines that tell an address", n), func(log string) bool {
		addresses = nil
		for _, match := range listeningOn.FindAllStringSubmatch(log, -1) {
			addresses = append(addresses, match[1]+match[2])
		}
		return len(addresses) >= n
	})
	return addresses[:n]
}

// waitFor waits until what the program wrote satisfies the test.
func (p *program) waitFor(o *output, what string, satisfied func(text string) bool) {
	p.t.Helper()
	o.waitFor(p.t, p.ended, what, satisfied)
}

func (o *output) waitFor(t *testing.T, ended <-chan struct{}, what string, satisfied func(text string) bool) {
	t.Helper()
	deadline := time.After(patience)
	for {
		text, changed := o.now()
		if satisfied(text) {
			return
		}
		select {
		case <-changed:
		case <-ended:
			if text := o.String(); !satisfied(text) {
				t.Fatalf("the program ended before it wrote %s:\n%s", what, text)
			}
			return
		case <-deadline:
			t.Fatalf("waiting in vain for %s in:\n%s", what, text)
		}
	}
}

// answer is an HTTP response with its body.
type answer struct {
	status int
	header http.Header
	body   string
}

// client keeps no connection open, so that none is left when a test looks for leaked
// goroutines.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}

// get asks the program, with headers given as "Name: value".
func (p *program) get(path string, headers ...string) answer {
	p.t.Helper()
	a, err := get(client, p.base+path, headers...)
	if err != nil {
		p.t.Fatal(err)
	}
	return a
}

func get(client *http.Client, url string, headers ...string) (answer, error) {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		return answer{}, err
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Set(name, value)
	}
	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(body)}, err
}

// poll calls satisfied until it returns true.
func poll(t *testing.T, what string, satisfied func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for !satisfied() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("waiting in vain for %s", what)
		}
	}
}

func (p *program) waitUntilReady() {
	p.t.Helper()
	poll(p.t, "/-/ready to be 200", func() bool { return p.get("/-/ready").status == http.StatusOK })
}

// onlyTheEnvironment unsets every variable that the program reads.
func onlyTheEnvironment(t *testing.T) {
	t.Helper()
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, "DD_") || strings.HasPrefix(name, strings.ToUpper(programName)) {
			t.Setenv(name, "")
		}
	}
}

// api is a simulated API on the loopback network, and keys in the environment.
type api struct {
	*fake.Server
	url string
	org string // whose keys they are
}

// teamConnections is how many connections the keys of newAPI list.
const teamConnections = 5

// requestsOfListing is the number of requests of one listing of newAPI: a page with all
// connections, and one that shows that there are no more.
const requestsOfListing = 2

func newAPI(t *testing.T) api {
	t.Helper()
	account, hub := fake.Star(fake.Options{}, teamConnections, 1)
	return serveAPI(t, account, hub, account)
}

// serveAPI puts a handler in front of the account, which is the account itself
// or one that misbehaves.
func serveAPI(t *testing.T, account *fake.Server, org string, handler http.Handler) api {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	onlyTheEnvironment(t)
	t.Setenv("DD_API_KEY", account.Keys(org).API)
	t.Setenv("DD_APP_KEY", account.Keys(org).App)
	return api{Server: account, url: server.URL, org: org}
}

// args returns the flags for listing a's connections and listening on a free port.
func (a api) args(more ...string) []string {
	return append([]string{"--web.listen-address=127.0.0.1:0", "--datadog.api-url=" + a.url}, more...)
}

// series returns the series of the org's connections, without the value, which is 1.
func (a api) series() []string {
	names := map[string]string{}
	for _, org := range a.Orgs() {
		names[org.ID] = org.Name
	}
	var series []string
	for _, c := range a.Visible(a.org) {
		for _, kind := range c.Types {
			series = append(series, fmt.Sprintf(
				`datadog_org_connections{connection_type="%s",sink_org_id="%s",sink_org_name="%s",source_org_id="%s",source_org_name="%s"}`,
				kind, c.SinkID, names[c.SinkID], c.SourceID, names[c.SourceID]))
		}
	}
	return series
}

// showsConnections returns an error unless the metrics have the account's
// connections and no others.
func (a api) showsConnections(metrics string) error {
	series := a.series()
	if n := strings.Count(metrics, "\ndatadog_org_connections{"); n != len(series) {
		return fmt.Errorf("there are %d series of connections, want %d", n, len(series))
	}
	for _, one := range series {
		if !strings.Contains(metrics, "\n"+one+" 1\n") && !strings.Contains(metrics, "\n"+one+" 1.0\n") {
			return fmt.Errorf("there is no %s", one)
		}
	}
	return nil
}

func wantConnections(t *testing.T, of api, metrics string) {
	t.Helper()
	if err := of.showsConnections(metrics); err != nil {
		t.Errorf("%v in:\n%s", err, metrics)
	}
}

func wantContains(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s does not hold %q:\n%s", what, part, text)
		}
	}
}

func wantNone(t *testing.T, what, text string, secrets ...string) {
	t.Helper()
	for _, secret := range secrets {
		if strings.Contains(text, secret) {
			t.Errorf("%s holds %q:\n%s", what, secret, text)
		}
	}
}

// write writes a file that only its owner can read.
func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// writeFile writes a file into a new directory.
func writeFile(t *testing.T, name, content string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), name)
	write(t, path, content)
	return path
}

// hangUp sends this process a SIGHUP, as a person or a service manager would. It skips
// the test where that cannot be done.
func hangUp(t *testing.T) {
	t.Helper()
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Signal(syscall.SIGHUP)
	}
	if err != nil {
		t.Skip(err)
	}
}
