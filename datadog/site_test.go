package datadog_test

import (
	"strings"
	"testing"

	"datadog_org_connections_exporter/datadog"
)

func TestParseSite(t *testing.T) {
	for _, test := range []struct {
		in, api string
		known   bool
	}{
		{"", "https://api.datadoghq.com", true},
		{"datadoghq.com", "https://api.datadoghq.com", true},
		{"us3.datadoghq.com", "https://api.us3.datadoghq.com", true},
		{"us5.datadoghq.com", "https://api.us5.datadoghq.com", true},
		{"datadoghq.eu", "https://api.datadoghq.eu", true},
		{"ap1.datadoghq.com", "https://api.ap1.datadoghq.com", true},
		{"ap2.datadoghq.com", "https://api.ap2.datadoghq.com", true},
		{"uk1.datadoghq.com", "https://api.uk1.datadoghq.com", true},
		{"ddog-gov.com", "https://api.ddog-gov.com", true},
		{"us2.ddog-gov.com", "https://api.us2.ddog-gov.com", true},
		{"app.datadoghq.com", "https://api.datadoghq.com", true},
		{"https://app.datadoghq.eu/", "https://api.datadoghq.eu", true},
		{" HTTPS://US5.DatadogHQ.com/organization-settings/api-keys?id=1\n", "https://api.us5.datadoghq.com", true},
		{"api.datadoghq.eu", "https://api.datadoghq.eu", true},
		{"datadoghq.com.", "https://api.datadoghq.com", true},
		{"mars1.datadoghq.com", "https://api.mars1.datadoghq.com", false},
		{"acme.datadoghq.com", "https://api.acme.datadoghq.com", false},
	} {
		site, err := datadog.ParseSite(test.in)
		if err != nil {
			t.Errorf("%q: %v", test.in, err)
			continue
		}
		if api := site.APIURL().String(); api != test.api || site.IsKnown() != test.known {
			t.Errorf("%q is at %s, known %v", test.in, api, site.IsKnown())
		}
	}
}

func TestParseSite_RejectsInvalid(t *testing.T) {
	for _, in := range []string{"datadoghq", "https://", "us1", "data doghq.com", "datadoghq.com:8080", "https://user:hunter2@datadoghq.com", "-x.com", "[::1]", "/"} {
		site, err := datadog.ParseSite(in)
		if err == nil {
			t.Errorf("%q is parsed as the site %v", in, site)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error contains a secret: %v", err)
		}
	}
}

func TestParseAPIURL(t *testing.T) {
	for _, test := range []struct {
		in, out     string
		unprotected bool
	}{
		{"http://127.0.0.1:8080", "http://127.0.0.1:8080", false},
		{"http://[::1]:8080/", "http://[::1]:8080", false},
		{"http://localhost", "http://localhost", false},
		{"https://proxy.example.com/datadog/", "https://proxy.example.com/datadog", false},
		{"http://proxy.example.com", "http://proxy.example.com", true},
		{"http://10.0.0.1", "http://10.0.0.1", true},
	} {
		u, err := datadog.ParseAPIURL(test.in)
		if err != nil {
			t.Errorf("%q: %v", test.in, err)
			continue
		}
		if u.String() != test.out || datadog.Unprotected(u) != test.unprotected {
			t.Errorf("%q is parsed as %q, unprotected %v", test.in, u, datadog.Unprotected(u))
		}
	}
	for _, in := range []string{
		"", "proxy.example.com", "ftp://proxy.example.com", "https://", "https://user:hunter2@proxy.example.com",
		"https://proxy.example.com?key=hunter2", "https://proxy.example.com#hunter2", "https://user:hunter2%zz@proxy.example.com", "://hunter2",
		"user:hunter2@proxy.example.com:8443", "https:user:hunter2@proxy.example.com", "ftp://proxy.example.com/?key=hunter2",
	} {
		u, err := datadog.ParseAPIURL(in)
		if err == nil {
			t.Errorf("%q is parsed as %q", in, u)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error contains a secret: %v", err)
		}
	}
}
