package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/yamlcheck"
)

// Config is a valid configuration.
type Config struct {
	// Orgs in the order of the file, at least one, each name once.
	Orgs []Org
	// Discovery are the credentials to list the orgs of accounts with, in the order of
	// the file. Their names are those of no org. They have neither an OrgID nor a
	// filter.
	Discovery []Org
	// Warnings are file:line: text about what is valid but looks like a mistake.
	Warnings []string
}

// Org is an org to list. Two that are equal are listed in the same way.
type Org struct {
	// Name is the org label of the metrics about listing this org.
	Name string
	// API is the URL of the API: a site's, or one given instead.
	API string
	// Files with an API key and an application key, or with an access token. They
	// were readable when the configuration was read.
	APIKeyFile, AppKeyFile, AccessTokenFile string
	// OrgID is the org of the credentials. Default: not stated.
	OrgID string
	// SourceOrgID and SinkOrgID restrict the listing. Default: none.
	SourceOrgID, SinkOrgID string
	// Timeout of one listing. Default: [datadog.DefaultTimeout].
	Timeout time.Duration
	// PageSize is the number of connections in a page. Default:
	// [datadog.DefaultPageSize].
	PageSize int
}

// Options returns the options of a client of the org, without its transport and
// User-Agent. The error is that of a key file that cannot be read (any more).
func (o Org) Options() (datadog.Options, error) {
	api, err := url.Parse(o.API)
	if err != nil {
		return datadog.Options{}, err
	}
	options := datadog.Options{API: api, OrgID: o.OrgID, SourceOrgID: o.SourceOrgID, SinkOrgID: o.SinkOrgID, Timeout: o.Timeout, PageSize: o.PageSize}
	for _, key := range o.keys(&options.Credentials) {
		if *key.secret, err = datadog.NewSecretFile(key.what, key.file); err != nil {
			return datadog.Options{}, err
		}
	}
	return options, nil
}

// key is a key file of an org, and the credential that it holds.
type key struct {
	setting, what, file string
	secret              **datadog.Secret
}

// keys returns the org's key files; their credentials are those of to.
func (o Org) keys(to *datadog.Credentials) []key {
	return slices.DeleteFunc([]key{
		{"api_key_file", "API key", o.APIKeyFile, &to.APIKey},
		{"app_key_file", "application key", o.AppKeyFile, &to.AppKey},
		{"access_token_file", "access token", o.AccessTokenFile, &to.AccessToken},
	}, func(k key) bool { return k.file == "" })
}

// Load reads a configuration file. The error is [yamlcheck.Errors], all that is
// wrong with the file, or that of reading it.
func Load(path string) (*Config, error) {
	content, err := yamlcheck.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return Parse(path, content)
}

// Parse decodes a configuration. Relative paths in it are relative to the file's
// directory.
func Parse(path string, content []byte) (*Config, error) {
	d := &decoder{yamlcheck.NewDecoder(path)}
	root := d.Parse(content, writeOrgs)
	if root == nil {
		return nil, d.Err()
	}
	defaults := Org{Timeout: datadog.DefaultTimeout, PageSize: datadog.DefaultPageSize}
	var orgs, discovery []*yamlcheck.Node // decoded after the defaults, which may follow
	d.Mapping(root, "the configuration", yamlcheck.Fields{
		"defaults":  func(n *yamlcheck.Node, key string) { d.Mapping(n, key, d.defaults(&defaults)) },
		"orgs":      yamlcheck.To(&orgs, d.List),
		"discovery": yamlcheck.To(&discovery, d.List),
	})
	var c Config
	for _, n := range orgs {
		c.Orgs = append(c.Orgs, d.org(n, defaults))
	}
	for _, n := range discovery {
		c.Discovery = append(c.Discovery, d.discovery(n, defaults))
	}
	if len(orgs) == 0 && d.ErrorCount() == 0 {
		d.Errorf(1, "no orgs are listed; %s", writeOrgs)
	}
	if err := d.Err(); err != nil {
		return nil, err
	}
	c.Warnings = d.Warnings()
	return &c, nil
}

const writeOrgs = "write orgs: and below it one entry for each org"

type decoder struct{ *yamlcheck.Decoder }

// defaults returns the fields that orgs and defaults have.
func (d *decoder) defaults(o *Org) yamlcheck.Fields {
	return yamlcheck.Fields{
		"site":      yamlcheck.To(&o.API, d.site),
		"timeout":   yamlcheck.To(&o.Timeout, d.Duration),
		"page_size": yamlcheck.To(&o.PageSize, d.PositiveInt),
	}
}

func (d *decoder) org(n *yamlcheck.Node, o Org) Org {
	fields := d.defaults(&o)
	maps.Copy(fields, yamlcheck.Fields{
		"org_id":        yamlcheck.To(&o.OrgID, d.orgID),
		"source_org_id": yamlcheck.To(&o.SourceOrgID, d.String),
		"sink_org_id":   yamlcheck.To(&o.SinkOrgID, d.String),
	})
	d.access(n, "an org", "", &o, fields)
	return o
}

func (d *decoder) discovery(n *yamlcheck.Node, o Org) Org {
	fields := d.defaults(&o)
	delete(fields, "page_size")
	d.access(n, "a discovery", "discovery", &o, fields)
	return o
}

// access decodes an entry that has these fields, and those that say where to send
// requests, and with whose credentials. Without a defaultName, it must have a name.
func (d *decoder) access(n *yamlcheck.Node, what, defaultName string, o *Org, fields yamlcheck.Fields) {
	_, kind, _ := strings.Cut(what, " ")
	var apiURL, site string
	maps.Copy(fields, yamlcheck.Fields{
		"name":              yamlcheck.To(&o.Name, d.String),
		"site":              yamlcheck.To(&site, d.site),
		"api_url":           yamlcheck.To(&apiURL, d.apiURL),
		"api_key_file":      yamlcheck.To(&o.APIKeyFile, d.path),
		"app_key_file":      yamlcheck.To(&o.AppKeyFile, d.path),
		"access_token_file": yamlcheck.To(&o.AccessTokenFile, d.path),
	})
	before := d.ErrorCount()
	d.Mapping(n, what, fields)

	if site != "" && apiURL != "" {
		d.Errorf(n.Line, "both site and api_url are given; api_url takes the site's place, so give one of them")
	}
	if o.API = cmp.Or(apiURL, site, o.API); o.API == "" {
		o.API = d.siteURL(datadog.DefaultSite, n.Line)
	}
	// An error in a field is not reported again as a missing field.
	if d.ErrorCount() == before {
		if o.Name = cmp.Or(o.Name, defaultName); o.Name == "" {
			d.Errorf(n.Line, "the %s has no name; write name: NAME, which becomes the org label of metrics", kind)
		}
	}
	if d.ErrorCount() == before {
		d.credentials(n.Line, kind, o)
	}
	d.UniqueName(n.Line, kind, o.Name)
}

// credentials adds errors unless there is exactly one kind of credentials, complete,
// in files that can be read.
func (d *decoder) credentials(line int, kind string, o *Org) {
	if text := o.credentialsError(); text != "" {
		d.Errorf(line, "%s %q has %s", kind, o.Name, text)
		return
	}
	for _, key := range o.keys(&datadog.Credentials{}) {
		_, err := datadog.NewSecretFile(key.what, key.file)
		var pathErr *fs.PathError
		switch {
		case errors.As(err, &pathErr) && keyLike.MatchString(filepath.Base(key.file)):
			d.Errorf(line, "%s %q, %s: there is no such file, and this looks like the %s itself; write it to a file and give its path", kind, o.Name, key.setting, key.what)
		case err != nil:
			d.Errorf(line, "%s %q, %s: %v", kind, o.Name, key.setting, err)
		}
	}
}

// credentialsError returns what is wrong with the choice of credentials, or "".
func (o Org) credentialsError() string {
	keys := o.APIKeyFile != "" || o.AppKeyFile != ""
	switch {
	case keys && o.AccessTokenFile != "":
		return "both keys and an access token; keep api_key_file and app_key_file, or access_token_file"
	case !keys && o.AccessTokenFile == "":
		return "no credentials; write api_key_file and app_key_file, or access_token_file"
	case keys && o.APIKeyFile == "":
		return "an app_key_file but no api_key_file; write both"
	case keys && o.AppKeyFile == "":
		return "an api_key_file but no app_key_file; write both"
	}
	return ""
}

// keyLike matches what may be a key pasted in place of its file's name, and must not
// be repeated then.
var keyLike = regexp.MustCompile(`^(dd[a-z]+_)?[0-9A-Za-z]{32,}$|^eyJ`)

func (d *decoder) site(n *yamlcheck.Node, key string) string {
	text := d.String(n, key)
	if text == "" {
		return ""
	}
	return d.siteURL(text, n.Line)
}

func (d *decoder) siteURL(text string, line int) string {
	site, err := datadog.ParseSite(text)
	if err != nil { // which repeats the text
		d.Errorf(line, "site is not a Datadog site; write a domain such as %s", strings.Join(datadog.Sites(), ", "))
		return ""
	}
	if !site.IsKnown() {
		d.Warnf(line, "unknown Datadog site %s (known: %s); it is used as given", site, strings.Join(datadog.Sites(), ", "))
	}
	return site.APIURL().String()
}

func (d *decoder) apiURL(n *yamlcheck.Node, key string) string {
	text := d.String(n, key)
	if text == "" {
		return ""
	}
	api, err := datadog.ParseAPIURL(text)
	if err != nil {
		d.Errorf(n.Line, "%s: %v", key, err)
		return ""
	}
	if datadog.Unprotected(api) {
		d.Warnf(n.Line, "the keys are sent to %s over a network without encryption; use https", api)
	}
	return api.String()
}

func (d *decoder) orgID(n *yamlcheck.Node, key string) string {
	text := d.String(n, key)
	if text == "" {
		return ""
	}
	id, err := datadog.ParseOrgID(text)
	if err != nil {
		d.Errorf(n.Line, "%s: %v", key, err)
	}
	return id
}

// path returns a path that does not depend on the working directory.
func (d *decoder) path(n *yamlcheck.Node, key string) string {
	path := d.String(n, key)
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(d.File()), path)
}
