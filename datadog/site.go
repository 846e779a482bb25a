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

// DefaultSite is the site that Datadog's own clients use where none is given.
const DefaultSite = "datadoghq.com"

// knownSites as of 2026, from https://docs.datadoghq.com/getting_started/site/.
// New ones appear, so one that is not here is worth a warning and no more.
var knownSites = []string{
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

// hostName is a DNS name of at least two labels.
var hostName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// Site is a Datadog site, such as datadoghq.eu. Orgs of one account live on one
// site, and keys are good on one site only.
type Site struct {
	domain string
}

// ParseSite reads a site as people write it. The address of the web application
// is understood too: app.datadoghq.com and https://app.datadoghq.com/ are the
// site datadoghq.com. The empty string is [DefaultSite].
//
// It is an error where no host name can be made of s. An unknown site is none:
// ask [Site.Known].
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
		s = "what is given" // there may be a password before it
	}
	if !hostName.MatchString(domain) {
		return Site{}, fmt.Errorf("%q is not a Datadog site: give a domain such as %s", s, strings.Join(knownSites[:4], ", "))
	}
	return Site{domain: domain}, nil
}

// String is the site's domain.
func (s Site) String() string { return s.domain }

// Known tells whether the site was one of Datadog's when this program was
// written.
func (s Site) Known() bool { return slices.Contains(knownSites, s.domain) }

// KnownSites lists the sites that [Site.Known] goes by.
func KnownSites() []string { return slices.Clone(knownSites) }

// APIURL is where the site's API is.
func (s Site) APIURL() *url.URL {
	return &url.URL{Scheme: "https", Host: "api." + s.domain}
}

// ParseAPIURL reads an address to use in place of a site's, of a proxy or a
// test. A path is kept and put before that of the API. What could carry a
// secret or would be ignored (user, query, fragment) is refused. The error does
// not repeat the address: a password stands in many wrong places.
func ParseAPIURL(s string) (*url.URL, error) {
	const example = "give one such as https://datadog-proxy.example.com:8443"
	u, err := url.Parse(strings.TrimSpace(s))
	switch {
	case err != nil:
		return nil, errors.New("the API address cannot be read as a URL: " + example)
	case u.User != nil:
		return nil, errors.New("the API address must not hold a user or password: " + example)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("the API address does not begin with http:// or https://: " + example)
	case u.Hostname() == "":
		return nil, errors.New("the API address names no host: " + example)
	case u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("the API address must not hold a query or a fragment: " + example)
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	return u, nil
}

// Unprotected tells whether keys sent to u cross a network unencrypted: plain
// HTTP to anywhere but this machine.
func Unprotected(u *url.URL) bool {
	if u.Scheme == "https" || u.Hostname() == "localhost" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return ip == nil || !ip.IsLoopback()
}
