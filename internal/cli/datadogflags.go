package cli

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/exporter"
	"datadog_org_connections_exporter/internal/inventory"
)

// datadogFlags are the flags of the one org that is listed without a configuration
// file. Keys have no flags: every user of a machine can read its command lines.
type datadogFlags struct {
	site, apiURL                      string
	apiKeyFile, appKeyFile, tokenFile string
	orgID, sourceOrgID, sinkOrgID     string
	discoverOrgs                      bool
	pageSize                          int
	timeout                           time.Duration
}

func addDatadogFlags(group flagGroup) *datadogFlags {
	f := &datadogFlags{}
	group.Flag("datadog.site", "Datadog site of the org, such as datadoghq.eu.").
		Envar("DD_SITE").Default(datadog.DefaultSite).StringVar(&f.site)
	group.Flag("datadog.api-url", "Address of the API in place of the site's, for a proxy or a test.").
		PlaceHolder("URL").StringVar(&f.apiURL)
	group.Flag("datadog.api-key-file", "File with the API key; without it, the environment variable DD_API_KEY. Read again for every listing.").
		Envar("DD_API_KEY_FILE").PlaceHolder("FILE").StringVar(&f.apiKeyFile)
	group.Flag("datadog.app-key-file", "File with the application key; without it, the environment variable DD_APP_KEY. Read again for every listing.").
		Envar("DD_APP_KEY_FILE").PlaceHolder("FILE").StringVar(&f.appKeyFile)
	group.Flag("datadog.access-token-file", "File with an access token to use instead of keys; without it, the environment variable DD_ACCESS_TOKEN. Read again for every listing.").
		Envar("DD_ACCESS_TOKEN_FILE").PlaceHolder("FILE").StringVar(&f.tokenFile)
	group.Flag("datadog.org-id", "The org of the credentials. Listings fail if they are another org's.").
		PlaceHolder("UUID").StringVar(&f.orgID)
	group.Flag("datadog.discover-orgs", "Ask the API for the other orgs of the account too. The credentials need one more permission: org_management or org_connections_write.").
		BoolVar(&f.discoverOrgs)
	addInt(group, &f.pageSize, "datadog.page-size", datadog.DefaultPageSize, "Connections to ask for at once.")
	group.Flag("datadog.source-org-id", "List only connections from this org.").
		PlaceHolder("UUID").StringVar(&f.sourceOrgID)
	group.Flag("datadog.sink-org-id", "List only connections to this org.").
		PlaceHolder("UUID").StringVar(&f.sinkOrgID)
	addDuration(group, &f.timeout, "datadog.timeout", datadog.DefaultTimeout, "Longest time for one listing, with all its pages and retries.")
	return f
}

// orgs returns the org of the flags and the environment, and the discovery if there is
// to be one. Their errors end with hints.
func (f *datadogFlags) orgs(logger log.Logger, transport http.RoundTripper, hints hints) ([]inventory.Org, []inventory.Discovery, error) {
	o, err := f.options(logger)
	if err != nil {
		return nil, nil, err
	}
	o.UserAgent, o.Transport = exporter.UserAgent(), transport
	client, err := datadog.New(o)
	switch {
	case errors.Is(err, datadog.ErrNoCredentials):
		return nil, nil, fmt.Errorf("%w: set DD_API_KEY and DD_APP_KEY, or DD_ACCESS_TOKEN, or name files with --datadog.api-key-file and --datadog.app-key-file, or --datadog.access-token-file; to look around without any, run: %s demo", err, programName)
	case errors.Is(err, datadog.ErrDoubleCredentials):
		return nil, nil, fmt.Errorf("%w: unset DD_ACCESS_TOKEN, or one of DD_API_KEY and DD_APP_KEY, and the flags of their files", err)
	case err != nil:
		return nil, nil, err
	}
	wrapped := hints.wrap(client)
	orgs := []inventory.Org{{Name: defaultOrg, Lister: wrapped, OrgID: o.OrgID}}
	if !f.discoverOrgs {
		return orgs, nil, nil
	}
	return orgs, []inventory.Discovery{{Name: defaultOrg, Discoverer: wrapped}}, nil
}

// options returns the options of the org's client, without its transport and User-Agent.
func (f *datadogFlags) options(logger log.Logger) (o datadog.Options, err error) {
	o = datadog.Options{
		PageSize:    f.pageSize,
		SourceOrgID: strings.TrimSpace(f.sourceOrgID),
		SinkOrgID:   strings.TrimSpace(f.sinkOrgID),
		Timeout:     f.timeout,
	}
	if f.orgID != "" {
		if o.OrgID, err = datadog.ParseOrgID(f.orgID); err != nil {
			return o, fmt.Errorf("--datadog.org-id: %w", err)
		}
	}
	if o.API, err = f.api(logger); err != nil {
		return o, err
	}
	o.Credentials, err = f.credentials()
	return o, err
}

// api returns the base URL of the API. What looks like a mistake is logged.
func (f *datadogFlags) api(logger log.Logger) (*url.URL, error) {
	if f.apiURL != "" {
		api, err := datadog.ParseAPIURL(f.apiURL)
		if err != nil {
			return nil, fmt.Errorf("--datadog.api-url: %w", err)
		}
		if datadog.Unprotected(api) {
			level.Warn(logger).Log("msg", "The keys are sent without encryption; use https", "api", api)
		}
		return api, nil
	}
	site, err := datadog.ParseSite(f.site)
	if err != nil {
		return nil, fmt.Errorf("--datadog.site (or DD_SITE): %w", err)
	}
	if !site.IsKnown() {
		level.Warn(logger).Log("msg", "Unknown Datadog site; it is used as given", "site", site, "known_sites", strings.Join(datadog.Sites(), ","))
	}
	return site.APIURL(), nil
}

// credentials returns the secrets in the files that the flags name, else those in
// the environment.
func (f *datadogFlags) credentials() (datadog.Credentials, error) {
	var c datadog.Credentials
	for _, s := range []struct {
		target          **datadog.Secret
		name, path, env string
	}{
		{&c.APIKey, "API key", f.apiKeyFile, "DD_API_KEY"},
		{&c.AppKey, "application key", f.appKeyFile, "DD_APP_KEY"},
		{&c.AccessToken, "access token", f.tokenFile, "DD_ACCESS_TOKEN"},
	} {
		var err error
		switch value := os.Getenv(s.env); {
		case s.path != "":
			*s.target, err = datadog.NewSecretFile(s.name, s.path)
		case value != "":
			*s.target, err = datadog.NewSecret("environment variable "+s.env, value)
		}
		if err != nil {
			return c, err
		}
	}
	return c, nil
}
