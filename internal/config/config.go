package config

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/yamlcheck"
)

// Config is a valid configuration.
type Config struct {
	// Orgs in the order of the file, at least one, each name once.
	Orgs []Org
	// Warnings name what is valid and yet looks like a mistake, with its line.
	Warnings []string
}

// Org is an org to list.
type Org struct {
	// Name is the org label of the metrics about listing this org.
	Name string
	// API is the address of the API: of a site, or one given instead.
	API string
	// Files with an API key and an application key, or with an access token. They
	// could be read when the configuration was.
	APIKeyFile, AppKeyFile, AccessTokenFile string
	// SourceOrgID and SinkOrgID restrict the listing. Default: none.
	SourceOrgID, SinkOrgID string
	// Timeout of one listing. Default: [datadog.DefaultTimeout].
	Timeout time.Duration
	// PageSize is the number of connections to ask for at once. Default:
	// [datadog.DefaultPageSize].
	PageSize int

	line int // of the file
}

// Same tells whether two orgs are listed in the same way. Where they stand in the
// file does not matter.
func (o Org) Same(other Org) bool {
	o.line, other.line = 0, 0
	return o == other
}

// Options are what a client of the org is made with, but for its transport and
// its User-Agent. The error tells of a key file that cannot be read (any more).
func (o Org) Options() (datadog.Options, error) {
	api, err := url.Parse(o.API)
	if err != nil {
		return datadog.Options{}, fmt.Errorf("org %s: %w", o.Name, err)
	}
	options := datadog.Options{API: api, SourceOrgID: o.SourceOrgID, SinkOrgID: o.SinkOrgID, Timeout: o.Timeout, PageSize: o.PageSize}
	for _, key := range o.keys(&options.Credentials) {
		if key.file == "" {
			continue
		}
		if *key.secret, err = datadog.NewSecretFile(key.what, key.file); err != nil {
			return datadog.Options{}, fmt.Errorf("org %s: %w", o.Name, err)
		}
	}
	return options, nil
}

// key is one of an org's key files.
type key struct {
	setting, what, file string
	secret              **datadog.Secret
}

func (o Org) keys(to *datadog.Credentials) []key {
	return []key{
		{"api_key_file", "API key", o.APIKeyFile, &to.APIKey},
		{"app_key_file", "application key", o.AppKeyFile, &to.AppKey},
		{"access_token_file", "access token", o.AccessTokenFile, &to.AccessToken},
	}
}

// Load reads a configuration file. The error, [yamlcheck.Errors] where it is the
// content's fault, tells everything that is wrong with it.
func Load(path string) (*Config, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return Parse(path, content)
}

// Parse reads a configuration. Relative paths in it start where the file is.
func Parse(path string, content []byte) (*Config, error) {
	r := &reader{yamlcheck.New(path)}
	root := r.Parse(content, writeOrgs)
	if root == nil {
		return nil, r.Err()
	}
	var c Config
	defaults := Org{Timeout: datadog.DefaultTimeout, PageSize: datadog.DefaultPageSize}
	var orgs []yamlcheck.Node
	// Defaults hold for all orgs, wherever in the file they stand.
	r.Mapping(root, "the configuration", yamlcheck.Settings{
		"defaults": func(n yamlcheck.Node) { r.Mapping(n, "defaults", r.common(&defaults)) },
		"orgs":     func(n yamlcheck.Node) { orgs = r.List(n, "orgs") },
	})
	for _, n := range orgs {
		c.Orgs = append(c.Orgs, r.org(n, defaults))
	}
	if len(orgs) == 0 && r.Mistakes() == 0 {
		r.Complain(1, "no orgs are listed; %s", writeOrgs)
	}
	r.unique(c.Orgs)
	if err := r.Err(); err != nil {
		return nil, err
	}
	c.Warnings = r.Warnings()
	return &c, nil
}

// writeOrgs says what a file without content should hold.
const writeOrgs = "write orgs: and below it one entry for each org"

// reader reads orgs.
type reader struct{ *yamlcheck.Reader }

// common are the settings that orgs and defaults have.
func (r *reader) common(o *Org) yamlcheck.Settings {
	return yamlcheck.Settings{
		"site":      func(n yamlcheck.Node) { o.API = r.site(n) },
		"timeout":   func(n yamlcheck.Node) { o.Timeout = r.Duration(n, "timeout") },
		"page_size": func(n yamlcheck.Node) { o.PageSize = r.Number(n, "page_size") },
	}
}

func (r *reader) org(n yamlcheck.Node, defaults Org) Org {
	o := defaults
	o.line = yamlcheck.Line(n)
	var apiURL, site string
	known := r.common(&o)
	known["name"] = func(n yamlcheck.Node) { o.Name = r.Text(n, "name") }
	known["site"] = func(n yamlcheck.Node) { site = r.site(n) }
	known["api_url"] = func(n yamlcheck.Node) { apiURL = r.apiURL(n) }
	known["api_key_file"] = func(n yamlcheck.Node) { o.APIKeyFile = r.path(n, "api_key_file") }
	known["app_key_file"] = func(n yamlcheck.Node) { o.AppKeyFile = r.path(n, "app_key_file") }
	known["access_token_file"] = func(n yamlcheck.Node) { o.AccessTokenFile = r.path(n, "access_token_file") }
	known["source_org_id"] = func(n yamlcheck.Node) { o.SourceOrgID = r.Text(n, "source_org_id") }
	known["sink_org_id"] = func(n yamlcheck.Node) { o.SinkOrgID = r.Text(n, "sink_org_id") }
	faults := r.Mistakes()
	r.Mapping(n, "an org", known)

	switch {
	case site != "" && apiURL != "":
		r.Complain(o.line, "both site and api_url are given; api_url takes the site's place, so give one of them")
	case apiURL != "":
		o.API = apiURL
	case site != "":
		o.API = site
	case o.API == "":
		o.API = r.siteURL(datadog.DefaultSite, o.line)
	}
	if o.Name == "" && r.Mistakes() == faults {
		r.Complain(o.line, "the org has no name; write name: NAME, which becomes the org label of metrics")
	}
	// What was said of a key file already is not said again as a missing one.
	if r.Mistakes() == faults {
		r.credentials(o)
	}
	return o
}

// credentials checks that they are of one kind, whole, and can be read.
func (r *reader) credentials(o Org) {
	keys := o.APIKeyFile != "" || o.AppKeyFile != ""
	switch {
	case keys && o.AccessTokenFile != "":
		r.Complain(o.line, "org %q has both keys and an access token; keep api_key_file and app_key_file, or access_token_file", o.Name)
		return
	case !keys && o.AccessTokenFile == "":
		r.Complain(o.line, "org %q has no credentials; write api_key_file and app_key_file, or access_token_file", o.Name)
		return
	case keys && o.APIKeyFile == "":
		r.Complain(o.line, "org %q has an app_key_file but no api_key_file; write both", o.Name)
		return
	case keys && o.AppKeyFile == "":
		r.Complain(o.line, "org %q has an api_key_file but no app_key_file; write both", o.Name)
		return
	}
	for _, key := range o.keys(&datadog.Credentials{}) {
		if key.file == "" {
			continue
		}
		if _, err := datadog.NewSecretFile(key.what, key.file); err != nil {
			r.Complain(o.line, "org %q, %s: %v", o.Name, key.setting, err)
		}
	}
}

func (r *reader) unique(orgs []Org) {
	first := map[string]int{}
	for _, o := range orgs {
		if before, taken := first[o.Name]; taken && o.Name != "" {
			r.Complain(o.line, "the name %q is taken by the org in line %d; names are unique", o.Name, before)
			continue
		}
		first[o.Name] = o.line
	}
}

func (r *reader) site(n yamlcheck.Node) string {
	text := r.Text(n, "site")
	if text == "" {
		return ""
	}
	return r.siteURL(text, yamlcheck.Line(n))
}

func (r *reader) siteURL(text string, line int) string {
	site, err := datadog.ParseSite(text)
	if err != nil {
		r.Complain(line, "%v", err)
		return ""
	}
	if !site.IsKnown() {
		r.Warn(line, "unknown Datadog site %s (known: %s); it is used as given", site, strings.Join(datadog.Sites(), ", "))
	}
	return site.APIURL().String()
}

func (r *reader) apiURL(n yamlcheck.Node) string {
	text := r.Text(n, "api_url")
	if text == "" {
		return ""
	}
	api, err := datadog.ParseAPIURL(text)
	if err != nil {
		r.Complain(yamlcheck.Line(n), "api_url: %v", err)
		return ""
	}
	if datadog.Unprotected(api) {
		r.Warn(yamlcheck.Line(n), "the keys are sent to %s over a network without encryption; use https", api)
	}
	return api.String()
}

// path gives a path that holds wherever the process was started.
func (r *reader) path(n yamlcheck.Node, setting string) string {
	path := r.Text(n, setting)
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(r.File()), path)
}
