package collector

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// Metric names and describes a metric.
type Metric struct {
	Name   string
	Type   string // gauge, counter or histogram
	Help   string
	Labels []string
}

// Metrics returns all metrics of this package, in the order of their documentation.
func Metrics() []Metric {
	return slices.Concat(inventoryMetrics, changeMetrics, policyMetrics, listingMetrics, apiMetrics, reloadMetrics)
}

var (
	inventoryMetrics = []Metric{
		connections, connectionInfo, connectionCreated, connectionCreatorDisabled, orgInfo, orgDisabled, orgObserved,
	}
	changeMetrics  = []Metric{connectionChange, connectionChanges, historyStart, historyWriteFailures}
	policyMetrics  = []Metric{connectionsUnexpected, connectionsMissing, ruleExpiry, rules}
	listingMetrics = []Metric{
		inventoryComplete, discoveryUp, up, listingComplete, listingLastSuccess, listingDuration, listingPages, listingConnections, listingsTotal, listingFailures,
		apiRetries, rateLimit, rateLimitRemaining, rateLimitPeriod, rateLimitReset,
	}
	apiMetrics    = []Metric{apiRequests, apiRequestDuration}
	reloadMetrics = []Metric{reloadSuccessful, reloadLastSuccess}
)

const (
	gauge     = "gauge"
	counter   = "counter"
	histogram = "histogram"

	fromCachedListing = " From the cached listing."
)

var (
	connections = Metric{
		"datadog_org_connections", gauge,
		"Number of org connections of this type from the source org to the sink org; 1 unless the API lists more." + fromCachedListing,
		[]string{"source_org_id", "source_org_name", "sink_org_id", "sink_org_name", "connection_type"},
	}
	connectionInfo = Metric{
		"datadog_org_connection_info", gauge,
		"1 for every org connection, with who created it: creator_kind is service_account, user or unknown." + fromCachedListing,
		[]string{"connection_id", "source_org_id", "sink_org_id", "creator_id", "creator_kind"},
	}
	connectionCreated = Metric{
		"datadog_org_connection_created_timestamp_seconds", gauge,
		"When the org connection was created, in Unix time; absent where the API does not tell. Changing its types does not change it." + fromCachedListing,
		[]string{"connection_id", "source_org_id", "sink_org_id"},
	}
	connectionCreatorDisabled = Metric{
		"datadog_org_connection_creator_disabled", gauge,
		"1 if the account that created the org connection is disabled, so that Datadog is about to delete the connection; 0 if not; absent where the API does not tell." + fromCachedListing,
		[]string{"connection_id", "source_org_id", "sink_org_id"},
	}
	orgInfo = Metric{
		"datadog_org_info", gauge,
		"1 for every org that takes part in a connection, or that discovery lists; public_id and sharing are empty where the API does not tell." + fromCachedListing,
		[]string{"org_id", "org_name", "public_id", "sharing"},
	}
	orgDisabled = Metric{
		"datadog_org_disabled", gauge,
		"1 if the org is disabled, 0 if not; absent where the API does not tell." + fromCachedListing,
		[]string{"org_id"},
	}
	orgObserved = Metric{
		"datadog_org_observed", gauge,
		"1 if the exporter holds working credentials of the org; 0 if it only sees the org from the other end of connections, or in the list of discovery, which is a blind spot; absent where the connections do not tell whose credentials listed them." + fromCachedListing,
		[]string{"org_id"},
	}

	connectionChange = Metric{
		"datadog_org_connection_change_timestamp_seconds", gauge,
		"When the org connection changed, in Unix time, for 7 days from then. change is added (when the API says that it was created), removed, widened (a type more), narrowed (a type less), or discovered (seen for the first time, but there before); these as of when they were found. The latest where the same happened more than once.",
		[]string{"change", "connection_id", "source_org_id", "sink_org_id", "connection_type"},
	}
	connectionChanges = Metric{
		"datadog_org_connection_changes_total", counter,
		"Total number of changes of org connections since the memory began; one of several types counts once.",
		[]string{"change"},
	}
	historyStart = Metric{
		"datadog_history_start_timestamp_seconds", gauge,
		"Since when changes are remembered without a gap, in Unix time: the first complete inventory of this process or, with a state directory, of the first one that used it; absent before.",
		nil,
	}
	historyWriteFailures = Metric{
		"datadog_history_writes_failed_total", counter,
		"Total number of times that changes and listings could not be written to the state directory; they are written with the next listing if that succeeds. 0 without a state directory.",
		nil,
	}

	connectionsUnexpected = Metric{
		"datadog_org_connections_unexpected", gauge,
		"Number of org connections of this type from the source org to the sink org that no rule of the policy allows; absent without a policy." + fromCachedListing,
		connections.Labels,
	}
	connectionsMissing = Metric{
		"datadog_org_connections_missing", gauge,
		"1 for every type of a required rule that is not there; absent without a policy, and while datadog_inventory_complete is 0. A probe of one org tells what all orgs miss." + fromCachedListing,
		[]string{"rule", "connection_type"},
	}
	ruleExpiry = Metric{
		"datadog_org_connection_rule_expiry_timestamp_seconds", gauge,
		"When the rule stops to allow and to require anything, in Unix time; absent where it does not.",
		[]string{"rule"},
	}
	rules = Metric{
		"datadog_org_connection_rules", gauge,
		"Number of rules in the policy, expired ones included; absent without a policy.",
		nil,
	}

	inventoryComplete = Metric{
		"datadog_inventory_complete", gauge,
		"1 if everything is known that the configured credentials can see: the last good listing of every org is not too old, complete and not filtered; else 0, and what is not shown may only be out of sight. A probe of one org tells it about all orgs.",
		nil,
	}
	discoveryUp = Metric{
		"datadog_discovery_up", gauge,
		"1 if the last attempt to list the orgs of the account succeeded, 0 if it failed and the list is an older one; absent without discovery, and until its first attempt ends. org is the name of the discovery's credentials.",
		[]string{"org"},
	}
	up = Metric{
		"datadog_up", gauge,
		"1 if the last listing of the org's connections succeeded and is not too old to be shown, else 0.",
		[]string{"org"},
	}
	listingComplete = Metric{
		"datadog_listing_complete", gauge,
		"1 if the last good listing holds as many connections as the API says there are, 0 if it was believed because two reads agreed; absent until a listing succeeds.",
		[]string{"org"},
	}
	listingLastSuccess = Metric{
		"datadog_listing_last_success_timestamp_seconds", gauge,
		"When the last good listing ended, in Unix time; absent until a listing succeeds.",
		[]string{"org"},
	}
	listingDuration = Metric{
		"datadog_listing_duration_seconds", gauge,
		"How long the last good listing took, with all its pages, pauses and repeated reads, in seconds; absent until a listing succeeds.",
		[]string{"org"},
	}
	listingPages = Metric{
		"datadog_listing_pages", gauge,
		"Number of pages of the last good listing; absent until a listing succeeds.",
		[]string{"org"},
	}
	listingConnections = Metric{
		"datadog_listing_connections", gauge,
		"Number of connections in the last good listing; absent until a listing succeeds.",
		[]string{"org"},
	}
	listingsTotal = Metric{
		"datadog_listings_total", counter,
		"Total number of listings that ended, well or not.",
		[]string{"org"},
	}
	listingFailures = Metric{
		"datadog_listing_failures_total", counter,
		"Total number of listings that failed, by reason.",
		[]string{"org", "reason"},
	}

	apiRequests = Metric{
		"datadog_api_requests_total", counter,
		"Total number of HTTP requests sent to Datadog's API, by status code; code is none where no answer came.",
		[]string{"org", "code"},
	}
	apiRequestDuration = Metric{
		"datadog_api_request_duration_seconds", histogram,
		"How long Datadog's API took to begin its answer to an HTTP request, or to fail, in seconds.",
		[]string{"org"},
	}
	apiRetries = Metric{
		"datadog_api_retries_total", counter,
		"Total number of HTTP requests to Datadog's API that were sent again, by the reason why the one before failed.",
		[]string{"org", "reason"},
	}
	rateLimit = Metric{
		"datadog_api_ratelimit_limit", gauge,
		"Requests that the rate limit allows in a period, as the API's last answer gave it; absent until one does.",
		[]string{"org", "name"},
	}
	rateLimitRemaining = Metric{
		"datadog_api_ratelimit_remaining", gauge,
		"Requests left in the rate limit's present period, as the API's last answer gave it; absent until one does.",
		[]string{"org", "name"},
	}
	rateLimitPeriod = Metric{
		"datadog_api_ratelimit_period_seconds", gauge,
		"Length of the rate limit's period in seconds, as the API's last answer gave it; absent until one does.",
		[]string{"org", "name"},
	}
	rateLimitReset = Metric{
		"datadog_api_ratelimit_reset_timestamp_seconds", gauge,
		"When the rate limit's present period ends, in Unix time, as the API's last answer gave it; absent until one does.",
		[]string{"org", "name"},
	}
)

var (
	reloadSuccessful = Metric{
		"datadog_org_connections_exporter_config_last_reload_successful", gauge,
		"1 if the last attempt to load the configuration file succeeded, 0 if it failed and the configuration is as it was; absent without a configuration file.",
		nil,
	}
	reloadLastSuccess = Metric{
		"datadog_org_connections_exporter_config_last_reload_success_timestamp_seconds", gauge,
		"When the configuration file was last loaded successfully, in Unix time; absent without a configuration file.",
		nil,
	}
)

// descs are the descriptors of all metrics, by name.
var descs = func() map[string]*prometheus.Desc {
	byName := map[string]*prometheus.Desc{}
	for _, m := range Metrics() {
		byName[m.Name] = prometheus.NewDesc(m.Name, m.Help, m.Labels, nil)
	}
	return byName
}()

func describe(ch chan<- *prometheus.Desc, metrics []Metric) {
	for _, m := range metrics {
		ch <- descs[m.Name]
	}
}
