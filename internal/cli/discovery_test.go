package cli

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"datadog_org_connections_exporter/datadog/fake"
)

// unobserved is the series of an org that is known, but has no credentials here.
func unobserved(org string) string { return fmt.Sprintf("\ndatadog_org_observed{org_id=%q} 0\n", org) }

func TestServe_DiscoversOrgsWithoutConnections(t *testing.T) {
	of := newAPI(t)
	lonely := of.AddOrg(fake.Org{Name: "Acme Lonely"})
	p := start(t, of.args("--datadog.discover-orgs")...)
	p.waitUntilReady()
	metrics := p.get("/metrics").body
	wantConnections(t, of, metrics)
	wantContains(t, "/metrics", metrics, unobserved(lonely), fmt.Sprintf("\ndatadog_org_observed{org_id=%q} 1\n", of.org),
		fmt.Sprintf("\ndatadog_org_info{org_id=%q,org_name=\"Acme Lonely\",", lonely))

	without := start(t, of.args()...)
	without.waitUntilReady()
	wantNone(t, "/metrics without discovery", without.get("/metrics").body, lonely)
}

func TestServe_FailedDiscoveryTouchesNoListing(t *testing.T) {
	of := newAPI(t)
	of.DenyOrgManagement(of.org)
	p := start(t, of.args("--datadog.discover-orgs")...)
	p.waitFor(p.stderr, "which permission is missing", func(log string) bool {
		return strings.Contains(log, "listing orgs needs the permission org_management or org_connections_write; check the credentials and their site")
	})
	p.waitUntilReady()
	metrics := p.get("/metrics").body
	wantConnections(t, of, metrics)
	wantContains(t, "/metrics", metrics, "\ndatadog_up{org=\"default\"} 1\n", "\ndatadog_listing_failures_total{org=\"default\",reason=\"forbidden\"} 0\n")
}

func TestReload_ReplacesDiscoveries(t *testing.T) {
	a := newAccount(t, 3, 3)
	lonely := a.AddOrg(fake.Org{Name: "Acme Lonely"})
	parent := a.Orgs()[0].ID
	p := a.start()
	wantNone(t, "/metrics without discovery", p.get("/metrics").body, lonely)

	discovery := fmt.Sprintf("discovery: [{name: parent, api_url: '%s', access_token_file: %s}]\n", a.url, filepath.Join(a.dir, parent))
	for _, test := range []struct {
		yaml string
		want bool
	}{{discovery, true}, {"", false}} {
		write(t, a.file, a.yaml(a.Orgs()[:3])+test.yaml)
		p.wantReload(http.StatusOK)
		poll(t, fmt.Sprintf("%s to be a blind spot: %v", lonely, test.want), func() bool {
			metrics := p.get("/metrics").body
			return strings.Contains(metrics, unobserved(lonely)) == test.want &&
				strings.Contains(metrics, `datadog_api_requests_total{code="200",org="parent"} 1`) == test.want
		})
	}
}

func TestList_TellsWhatADiscoveryLacks(t *testing.T) {
	a := newAccount(t, 3, 3)
	lonely := a.AddOrg(fake.Org{Name: "Acme Lonely"})
	parent := a.Orgs()[0].ID
	write(t, a.file, a.yaml(a.Orgs()[:3])+fmt.Sprintf("discovery: [{api_url: '%s', access_token_file: %s}]\n", a.url, parent))
	list := func() (stdout, stderr string) {
		t.Helper()
		out, log := newOutput(), newOutput()
		if err := run(t.Context(), []string{"list", "-o", "json", "--config.file=" + a.file}, out, log); err != nil {
			t.Error(err)
		}
		return out.String(), log.String()
	}
	if stdout, stderr := list(); !strings.Contains(stdout, lonely) || stderr != "" {
		t.Errorf("stdout %s, stderr %q", stdout, stderr)
	}
	a.DenyOrgManagement(parent)
	if _, stderr := list(); !strings.HasPrefix(stderr, "warning: the orgs of the account of discovery could not be listed: GET ") || !strings.Contains(stderr, "org_management") {
		t.Errorf("stderr %q", stderr)
	}
}
