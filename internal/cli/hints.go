package cli

import (
	"context"
	"errors"
	"fmt"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/exporter"
)

// hints say what to do about a failed listing: by what runs, and by where its
// settings come from.
type hints struct {
	repeats    bool // the listing is repeated without anybody's doing
	configFile bool // the settings are in a configuration file, else flags
}

// wrap returns a client whose errors end with what to do about them. Clients that
// wrap the same one are equal.
func (h hints) wrap(c exporter.Client) exporter.Client { return hintClient{c, h} }

type hintClient struct {
	exporter.Client
	hints hints
}

// List implements [inventory.Lister].
func (c hintClient) List(ctx context.Context) (*datadog.Listing, error) {
	listing, err := c.Client.List(ctx)
	return listing, withHint(err, c.hints.of)
}

// ListOrgs implements [inventory.Discoverer].
func (c hintClient) ListOrgs(ctx context.Context) (*datadog.Account, error) {
	account, err := c.Client.ListOrgs(ctx)
	return account, withHint(err, c.hints.ofDiscovery)
}

// withHint returns an error of a listing with the hint for its reason, others as they are.
func withHint(err error, hint func(datadog.Reason) string) error {
	var failure *datadog.Error
	if errors.As(err, &failure) {
		return fmt.Errorf("%w; %s", err, hint(failure.Reason))
	}
	return err
}

// ofDiscovery returns what to do about a failure to list the orgs of an account.
func (h hints) ofDiscovery(reason datadog.Reason) string {
	api, timeout := "--datadog.site and --datadog.api-url", "--datadog.timeout"
	if h.configFile {
		api, timeout = "the discovery's site and api_url", "its timeout"
	}
	switch reason {
	case datadog.Forbidden: // the error names the permission
		return "check the credentials and their site"
	case datadog.RateLimited:
		return h.again() + "; see what else uses this limit"
	case datadog.ClientError, datadog.Malformed:
		return fmt.Sprintf("check that %s lead to Datadog's API and not to a login page or a proxy's", api)
	case datadog.Timeout:
		return fmt.Sprintf("%s; raise %s if it takes that long", h.again(), timeout)
	}
	return h.of(reason)
}

func (h hints) again() string {
	if h.repeats {
		return "the exporter tries again by itself"
	}
	return "run the command again"
}

// of returns what to do about a failed listing of connections.
func (h hints) of(reason datadog.Reason) string {
	api, filters := "--datadog.site and --datadog.api-url", "--datadog.source-org-id and --datadog.sink-org-id"
	timeout, pageSize, orgID := "--datadog.timeout", "--datadog.page-size", "--datadog.org-id"
	if h.configFile {
		api, filters = "the org's site and api_url", "source_org_id and sink_org_id"
		timeout, pageSize, orgID = "the org's timeout", "its page_size", "the org's org_id"
	}
	again := h.again()
	switch reason {
	case datadog.Unauthorized:
		return "check the credentials and that they belong to this site"
	case datadog.Forbidden:
		return "check the credentials, their site, and that they have the permission org_connections_read"
	case datadog.RateLimited:
		if !h.repeats {
			return fmt.Sprintf("run the command again once the limit resets, or raise %s to wait for that, and see what else uses it", timeout)
		}
		return fmt.Sprintf("%s; if this happens often, raise --cache.ttl or %s, or see what else uses this limit", again, timeout)
	case datadog.ServerError:
		return again + "; see https://status.datadoghq.com if it lasts"
	case datadog.ClientError:
		return fmt.Sprintf("check %s, and the filters %s", api, filters)
	case datadog.Timeout:
		return fmt.Sprintf("%s; raise %s or lower %s if listing takes that long", again, timeout, pageSize)
	case datadog.Network:
		return again + "; check name resolution, proxy and firewall if it lasts"
	case datadog.Malformed:
		return fmt.Sprintf("check that %s lead to Datadog's API and not to a login page or a proxy's", api)
	case datadog.WrongOrg:
		return fmt.Sprintf("give the stated org's credentials, or correct %s", orgID)
	}
	return again + "; connections may be changing at this moment" // datadog.Incomplete
}
