package cli

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"datadog_org_connections_exporter/datadog/fake"
)

// account is a simulated API with many orgs, and a configuration file with all of
// them at first.
type account struct {
	*fake.Server
	t    *testing.T
	url  string
	dir  string
	file string
}

func newAccount(t *testing.T, orgs, connections int) account {
	t.Helper()
	onlyTheEnvironment(t)
	server := fake.Mesh(fake.Options{}, orgs, connections, 3)
	api := httptest.NewServer(server)
	t.Cleanup(api.Close)
	dir := t.TempDir()
	a := account{Server: server, t: t, url: api.URL, dir: dir, file: filepath.Join(dir, "orgs.yml")}
	for _, org := range server.Orgs() {
		a.writeToken(org.ID, server.Keys(org.ID).Token)
	}
	write(t, a.file, a.yaml(a.Orgs()))
	return a
}

func (a account) writeToken(org, token string) { write(a.t, filepath.Join(a.dir, org), token+"\n") }

// yaml is a configuration of some orgs, named by their ids.
func (a account) yaml(orgs []fake.Org) string {
	var yaml strings.Builder
	fmt.Fprintf(&yaml, "defaults: {timeout: 5s}\norgs:\n")
	for _, org := range orgs {
		fmt.Fprintf(&yaml, "  - {name: %s, api_url: '%s', access_token_file: %s}\n", org.ID, a.url, filepath.Join(a.dir, org.ID))
	}
	return yaml.String()
}

// start runs the program with the file, and waits for a first inventory.
func (a account) start(args ...string) *program {
	a.t.Helper()
	p := start(a.t, append([]string{"--web.listen-address=127.0.0.1:0", "--config.file=" + a.file, "--cache.ttl=20ms", "--web.enable-lifecycle"}, args...)...)
	p.waitUntilReady()
	return p
}

// visible are the ids of connections that some of the orgs take part in.
func (a account) visible(orgs []fake.Org) []string {
	var ids []string
	for _, c := range a.Connections() {
		if slices.ContainsFunc(orgs, func(o fake.Org) bool { return o.ID == c.SourceID || o.ID == c.SinkID }) {
			ids = append(ids, c.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// shownIDs are the ids of the connections in an exposition.
func shownIDs(metrics string) []string {
	var ids []string
	for line := range strings.Lines(metrics) {
		if rest, ok := strings.CutPrefix(line, `datadog_org_connection_info{connection_id="`); ok {
			id, _, _ := strings.Cut(rest, `"`)
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// wantReload reloads over HTTP, and wants a status.
func (p *program) wantReload(want int) {
	p.t.Helper()
	response, err := client.Post(p.base+"/-/reload", "", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != want {
		p.t.Errorf("/-/reload is %d, want %d", response.StatusCode, want)
	}
}

func TestServe_MergesAllOrgs(t *testing.T) {
	a := newAccount(t, 40, 300)
	p := a.start()
	metrics := p.get("/metrics").body
	if got := shownIDs(metrics); !slices.Equal(got, a.visible(a.Orgs())) {
		t.Errorf("%d connections are shown, want %d", len(got), len(a.Connections()))
	}
	if got := strings.Count(metrics, "\ndatadog_up{"); got != 40 {
		t.Errorf("%d series of datadog_up, want 40", got)
	}

	// One org's keys stop working: it is a blind spot, and nothing else changes.
	victim := a.Orgs()[7].ID
	a.RevokeKeys(victim)
	poll(t, "the blind spot to show", func() bool {
		metrics = p.get("/metrics").body
		return strings.Contains(metrics, `datadog_org_observed{org_id="`+victim+`"} 0`)
	})
	if got := shownIDs(metrics); !slices.Equal(got, a.visible(a.Orgs())) {
		t.Errorf("%d connections are shown, want %d", len(got), len(a.Connections()))
	}
	wantContains(t, "/metrics", metrics, `datadog_up{org="`+victim+`"} 0`)
}

func TestProbe_ShowsOneOrg(t *testing.T) {
	a := newAccount(t, 10, 30)
	p := a.start()
	for _, org := range a.Orgs() {
		probe := p.get("/probe?org=" + org.ID)
		if got, want := shownIDs(probe.body), a.visible([]fake.Org{org}); probe.status != http.StatusOK || !slices.Equal(got, want) {
			t.Errorf("%d: %d connections of %s, want %d", probe.status, len(got), org.Name, len(want))
		}
		wantContains(t, "/probe", probe.body, `datadog_up{org="`+org.ID+`"} 1`, `datadog_api_requests_total{code="200",org="`+org.ID+`"}`)
		if got := strings.Count(probe.body, `org="`) - strings.Count(probe.body, `org="`+org.ID+`"`); got != 0 {
			t.Errorf("%d series of other orgs", got)
		}
		wantContains(t, "/sd", p.get("/sd").body, `"__param_org":"`+org.ID+`"`)
	}
	if got := p.get("/probe?org=nobody").status; got != http.StatusNotFound {
		t.Errorf("status %d for an org that is not configured", got)
	}
}

var blindSpot = regexp.MustCompile(`datadog_org_observed{.*} 0\n`)

// What only others see is not missing to one org, and is no blind spot.
func TestProbe_ShowsWhatTheAccountMisses(t *testing.T) {
	a := newAccount(t, 10, 30)
	rules := filepath.Join(a.dir, "policy.yml")
	var required strings.Builder
	for _, c := range a.Connections() {
		fmt.Fprintf(&required, "  - {name: '%s', source: %s, sink: %s, types: [%s], required: true}\n", c.ID, c.SourceID, c.SinkID, c.Types[0])
	}
	here, there := a.Orgs()[0].ID, a.Orgs()[1].ID
	write(a.t, rules, "rules:\n"+required.String()+"  - {name: sorely, source: "+here+", sink: "+there+", types: [carrier-pigeons], required: true}\n")
	p := a.start("--policy.file=" + rules)
	for _, org := range a.Orgs() {
		probe := p.get("/probe?org=" + org.ID).body
		wantContains(t, "/probe", probe, `datadog_org_connections_missing{connection_type="carrier-pigeons",rule="sorely"} 1`)
		if got := strings.Count(probe, "\ndatadog_org_connections_missing{"); got != 1 {
			t.Errorf("%s misses %d types, want one", org.Name, got)
		}
		if spot := blindSpot.FindString(probe); spot != "" {
			t.Errorf("the target of %s shows a blind spot: %s", org.Name, spot)
		}
	}
}

// TestReload_WhileManyScrape: whatever is done to the files, no scrape fails, and
// the metrics are right after each step.
func TestReload_WhileManyScrape(t *testing.T) {
	a := newAccount(t, 12, 60)
	orgs := a.Orgs()
	// As Kubernetes mounts a ConfigMap: the file is behind a link that is swapped.
	swap := func(content string) {
		version := a.file + fmt.Sprint(len(content))
		write(a.t, version, content)
		if err := os.Symlink(version, a.file+".new"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(a.file+".new", a.file); err != nil {
			t.Fatal(err)
		}
	}
	swap(a.yaml(orgs))
	p := a.start()

	var scrapers sync.WaitGroup
	stop := make(chan struct{})
	for range 20 {
		scrapers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				scrape, err := get(client, p.base+"/metrics")
				switch ids := shownIDs(scrape.body); {
				case err != nil || scrape.status != http.StatusOK:
					t.Errorf("a scrape failed: %v, status %d", err, scrape.status)
					return
				case len(ids) < len(a.visible(orgs[:10])):
					t.Errorf("a scrape shows %d connections only", len(ids))
					return
				}
			}
		})
	}
	wantConnected := func(when string, configured []fake.Org) {
		t.Helper()
		poll(t, "the connections "+when, func() bool {
			return slices.Equal(shownIDs(p.get("/metrics").body), a.visible(configured))
		})
	}

	wantConnected("at first", orgs)

	swap("orgs: [{nick: broken}]\n")
	p.wantReload(http.StatusInternalServerError)
	metrics := p.get("/metrics").body
	wantContains(t, "/metrics", metrics, "datadog_org_connections_exporter_config_last_reload_successful 0\n")
	wantConnected("after a broken configuration", orgs)

	swap(a.yaml(orgs[:10]))
	p.wantReload(http.StatusOK)
	wantConnected("without two orgs", orgs[:10])
	metrics = p.get("/metrics").body
	wantContains(t, "/metrics", metrics, "datadog_org_connections_exporter_config_last_reload_successful 1\n")
	wantNone(t, "/metrics", metrics, `org="`+orgs[10].ID+`"`, `org="`+orgs[11].ID+`"`)

	swap(a.yaml(orgs))
	hangUp(t)
	wantConnected("with all of them again, after SIGHUP", orgs)

	// The token is rotated: the old one is refused, the new one stands in the file.
	rotated := orgs[0].ID
	a.writeToken(rotated, "ddpat_wrong")
	poll(t, "the wrong token to be refused", func() bool {
		return strings.Contains(p.get("/metrics").body, `datadog_up{org="`+rotated+`"} 0`)
	})
	a.writeToken(rotated, a.Keys(rotated).Token)
	poll(t, "the right token to be used", func() bool {
		return strings.Contains(p.get("/metrics").body, `datadog_up{org="`+rotated+`"} 1`)
	})
	wantConnected("with another token", orgs)

	// A file that is of no use for a moment must not look like a revoked token.
	a.writeToken(rotated, "")
	p.waitFor(p.stderr, "a warning about the empty file", func(log string) bool {
		wantContains(t, "/metrics", p.get("/metrics").body, `datadog_up{org="`+rotated+`"} 1`)
		return strings.Contains(log, "using the last valid key") && strings.Contains(log, filepath.Join(a.dir, rotated))
	})
	wantNone(t, "the log", p.stderr.String(), "ddpat_wrong", a.Keys(rotated).Token)

	close(stop)
	scrapers.Wait()
}

func TestReload_OverHTTPMustBeEnabled(t *testing.T) {
	a := newAccount(t, 3, 3)
	p := start(t, "--web.listen-address=127.0.0.1:0", "--config.file="+a.file)
	p.wantReload(http.StatusForbidden)
}

func TestReload_HangupWithoutFilesIsLogged(t *testing.T) {
	p := start(t, newAPI(t).args()...)
	p.waitUntilReady()
	hangUp(t)
	p.waitFor(p.stderr, "that there is nothing to reload", func(log string) bool { return strings.Contains(log, "Nothing to reload") })
	if got := p.get("/-/healthy").status; got != http.StatusOK {
		t.Errorf("status %d", got)
	}
}

func TestCheckConfig_AcceptsValidConfiguration(t *testing.T) {
	a := newAccount(t, 3, 3)
	stdout, stderr := newOutput(), newOutput()
	if err := run(t.Context(), []string{"check-config", a.file}, stdout, stderr); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(stdout.String(), a.file+" is valid: orgs: 3\n") || stderr.String() != "" {
		t.Errorf("stdout %q, stderr %q", stdout, stderr)
	}
}

func TestList_FailsWithAnotherOrgsCredentials(t *testing.T) {
	a := newAccount(t, 3, 6) // each org shares with each
	org, other := a.Orgs()[0].ID, a.Orgs()[1].ID
	for stated, failure := range map[string]string{org: "", other: "not those of the stated org " + other} {
		write(t, a.file, fmt.Sprintf("orgs: [{name: a, api_url: '%s', access_token_file: %s, org_id: %s}]\n", a.url, org, stated))
		stdout, stderr := newOutput(), newOutput()
		err := run(t.Context(), []string{"list", "--config.file=" + a.file}, stdout, stderr)
		if text := fmt.Sprint(err, stderr); (err != nil) != (failure != "") || err != nil && (!strings.Contains(text, failure) || !strings.Contains(text, "the org's org_id")) {
			t.Errorf("%s is stated: the error is %v, stderr %q", stated, err, stderr)
		}
	}
}
