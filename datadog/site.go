package datadog

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// DefaultSite is the default site of Datadog's own clients.
const DefaultSite = "datadoghq.com"

// sites are Datadog's sites as of 2026, from
// https://docs.datadoghq.com/getting_started/site/. New ones appear, so that another
// site deserves a warning, not an error.
var sites = []string{
	"datadoghq.com",
	"us3.datadoghq.com",
	"us5.datadoghq.com",
	"datadoghq.eu",
	"ap1.datadoghq.com",
	"ap2.datadoghq.com",
	"uk1.datadoghq.com",
	"ddog-gov.com",
	"us2.ddog-gov.com",
}

// hostName matches a DNS name with two labels or more.
var hostName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// Site is a Datadog site, such as datadoghq.eu. An org and its keys belong to one
// site.
type Site struct {
	domain string
}

// ParseSite returns the site with the domain s. It accepts the URL of the web
// application and of the API as well: app.datadoghq.com and
// https://app.datadoghq.com/ are the site datadoghq.com. The empty string is
// [DefaultSite].
//
// It returns an error if s has no valid host name. Unknown sites are valid: see
// [Site.IsKnown].
func ParseSite(s string) (Site, error) {
	domain := strings.ToLower(strings.TrimSpace(s))
	if _, rest, found := strings.Cut(domain, "://"); found {
		domain = rest
	}
	domain, _, _ = strings.Cut(domain, "/")
	domain = strings.TrimSuffix(domain, ".")
	for _, prefix := range []string{"app.", "api."} {
		domain = strings.TrimPrefix(domain, prefix)
	}
	if domain == "" && strings.TrimSpace(s) == "" {
		domain = DefaultSite
	}
	if strings.Contains(s, "@") {
		s = "the given value" // what is before the @ may be a password
	}
	if !hostName.MatchString(domain) {
		return Site{}, fmt.Errorf("%q is not a Datadog site: expected a domain such as %s", s, strings.Join(sites[:4], ", "))
	}
	return Site{domain: domain}, nil
}

// String returns the domain of the site.
func (s Site) String() string { return s.domain }

// IsKnown reports whether s is one of [Sites].
func (s Site) IsKnown() bool { return slices.Contains(sites, s.domain) }

// Sites returns the domains of Datadog's sites as of 2026.
func Sites() []string { return slices.Clone(sites) }

// APIURL returns the base URL of the API of the site.
func (s Site) APIURL() *url.URL {
	return &url.URL{Scheme: "https", Host: "api." + s.domain}
}

// ParseAPIURL returns s as the base URL of an API that is not at [Site.APIURL], such
// as a proxy. Paths of the API are appended to its path.
//
// It returns an error for anything but http and https URLs of a host, and for a user,
// a password, a query and a fragment. The error does not contain s: in a malformed URL
// a password can be anywhere.
func ParseAPIURL(s string) (*url.URL, error) {
	const expected = "expected a URL such as https://datadog-proxy.example.com:8443"
	u, err := url.Parse(strings.TrimSpace(s))
	switch {
	case err != nil:
		return nil, errors.New("the API URL cannot be parsed: " + expected)
	case u.User != nil:
		return nil, errors.New("the API URL must not contain a user or password: " + expected)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("the API URL does not begin with http:// or https://: " + expected)
	case u.Hostname() == "":
		return nil, errors.New("the API URL has no host: " + expected)
	case u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("the API URL must not contain a query or a fragment: " + expected)
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	return u, nil
}

// Unprotected reports whether requests to u cross a network unencrypted: by HTTP, to
// another machine.
func Unprotected(u *url.URL) bool {
	if u.Scheme == "https" || u.Hostname() == "localhost" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return ip == nil || !ip.IsLoopback()
}
