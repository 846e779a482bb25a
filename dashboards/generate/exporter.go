package main

const exporterUID = "datadog-org-connections-exporter"

// exporterDashboard returns the dashboard about the exporter: which orgs are listed and
// how old their listings are, why listing fails, rate limits, resource usage.
func exporterDashboard() dashboard {
	return newDashboard(dashboard{
		UID:         exporterUID,
		Title:       "Datadog org connections exporter",
		Description: "How datadog_org_connections_exporter lists the org connections of Datadog: age of the data, failures and their reasons, rate limits, resource usage.",
		Time:        timeRange{From: "now-6h"},
		Links:       dashboardLinks("Who shares what with whom?", inventoryUID),
		Templating:  list{targetVariables()},
		Annotations: annotations(
			notListedAnnotation,
			timestampAnnotation("Start", blue, "{{instance}} started", selector("process_start_time_seconds", targetMatchers)),
			timestampAnnotation("Reload", green, "{{instance}} loaded its configuration", selector("datadog_org_connections_exporter_config_last_reload_success_timestamp_seconds", targetMatchers)),
		),
		Panels: layOut(
			row{"", []line{
				{4, []panel{targetsDownStat(), orgsStat(), notListedStat(4), oldestListingStat(4), incompleteStat(), blindSpotsStat(4)}},
				{3, []panel{rateLimitLeftStat(), configurationStat(), historyStat(5), failedWritesStat(), discoveryStat()}},
				{7, []panel{orgListingsTable()}},
				{8, []panel{orgsListedSeries(), listingAgeSeries()}},
			}},
			row{"Why does listing fail?", []line{{8, []panel{failuresSeries(), requestsSeries(), retriesSeries()}}}},
			row{"How fast is Datadog's API, and what are its rate limits?", []line{
				{8, []panel{latencySeries(), listingDurationSeries(), rateLimitLeftSeries()}},
				{8, []panel{rateLimitsTable(), blindSpotsTable()}},
			}},
			row{"What resources does it use?", []line{
				{8, []panel{scrapeDurationSeries(), samplesSeries(), memorySeries(), cpuSeries()}},
				{5, []panel{processesTable()}},
			}},
		),
	})
}

// maxByOrg returns the metric of each org, the largest where several targets have it.
func maxByOrg(metric string) string { return "max by (org) (" + selector(metric, targetMatchers) + ")" }

// listingAge is the age of each org's last good listing in seconds.
var listingAge = "time() - " + maxByOrg("datadog_listing_last_success_timestamp_seconds")

// countZero counts the values that are 0. It returns 0 for none, and nothing where
// exists is empty.
func countZero(values, exists string) string {
	return "count(" + values + " == 0)\nor 0 * group(" + exists + ")"
}

// blindSpots are orgs that no target observes.
var blindSpots = "max by (org_id) (" + selector("datadog_org_observed", targetMatchers) + ") == 0"

var notListedAnnotation = annotation("Not listed", orange, "Not listed", "{{org}}: its data may be stale", "count by (org) ("+maxByOrg("datadog_up")+" == 0)")

func notListedStat(width int) panel {
	return zeroStat(width, "Orgs not listed", "Orgs whose last listing failed. Connections of the last good listing are shown until it is too old (--cache.max-stale).",
		red, "no exporter", countZero(maxByOrg("datadog_up"), selector("datadog_up", targetMatchers))).
		withRunbook("DatadogOrgConnectionListingFailing")
}

func oldestListingStat(width int) panel {
	return stat(width, "Oldest listing", "Age of the oldest last good listing of any org.", "s", "none yet", "max("+listingAge+")").
		withDefault("decimals", 0).
		withDefault("thresholds", thresholds(green, threshold{10 * 60, orange}, threshold{60 * 60, red})).
		withRunbook("DatadogOrgConnectionDataStale")
}

func blindSpotsStat(width int) panel {
	return stat(width, "Blind spots", "Orgs that are only known from connections of other orgs, because the exporter has no working keys of them. Connections between two blind spots are unknown.",
		"none", "unknown", orZero("count("+blindSpots+")")).
		withDefault("mappings", valueMappings(map[string]object{"0": mapped("none", green)})).
		withRunbook("DatadogOrgConnectionBlindSpot")
}

func targetsDownStat() panel {
	return zeroStat(4, "Targets down", "Targets that Prometheus cannot scrape, independent of Datadog's API.", red, "no target",
		countZero(selector("up", targetMatchers), selector("up", targetMatchers))).
		withRunbook("DatadogOrgConnectionTargetDown")
}

func orgsStat() panel {
	return stat(4, "Orgs", "Orgs with configured keys, working or not.", "none", "none", "count("+maxByOrg("datadog_up")+")")
}

func incompleteStat() panel {
	return zeroStat(4, "Not complete", "Orgs whose last good listing has more or fewer connections than the API's total. It is used because two reads agreed.", orange, "none yet",
		countZero(maxByOrg("datadog_listing_complete"), selector("datadog_listing_complete", targetMatchers))).
		withRunbook("DatadogOrgConnectionListingIncomplete")
}

// rateLimitLeft is the ratio of each rate limit that is left.
const rateLimitLeft = `(datadog_api_ratelimit_remaining{` + targetMatchers + `} / datadog_api_ratelimit_limit{` + targetMatchers + `})`

func rateLimitLeftStat() panel {
	return stat(5, "Rate limit left", "The lowest remaining part of any org's rate limit, from the API's last answer. Other tools may share the limit.", "percentunit", "unknown", "min("+rateLimitLeft+")").
		withDefault("decimals", 0).
		withDefault("thresholds", thresholds(red, threshold{0.05, orange}, threshold{0.25, green})).
		withRunbook("DatadogOrgConnectionRateLimited")
}

func configurationStat() panel {
	return stat(5, "Configuration", "Whether the last reload of the configuration file succeeded. If it failed, the previous configuration is in use. Empty without a file, or if /metrics is not scraped.", "none", "–",
		"min("+selector("datadog_org_connections_exporter_config_last_reload_successful", targetMatchers)+")").
		withDefault("mappings", valueMappings(map[string]object{"1": mapped("ok", green), "0": mapped("failed", red)})).
		withRunbook("DatadogOrgConnectionReloadFailed")
}

func discoveryStat() panel {
	up := maxByOrg("datadog_discovery_up")
	return zeroStat(4, "Discovery failing", "Credentials with which the orgs of the account could not be listed at the last attempt: a new org may not be shown as a blind spot. Empty without discovery.",
		orange, "–", countZero(up, selector("datadog_discovery_up", targetMatchers)))
}

func failedWritesStat() panel {
	return zeroStat(5, "Failed writes", "How often changes and listings could not be written to the state directory in the time range. They are in memory, and written with the next listing if that succeeds. None without a state directory.",
		orange, "no exporter", "round(max(increase("+selector("datadog_history_writes_failed_total", targetMatchers, "[$__range]")+")))")
}

func orgListingsTable() panel {
	each := func(metric string) string { return "max by (org, instance) (" + selector(metric, targetMatchers) + ")" }
	increase := func(metric, by string) string {
		return "sum by (" + by + ") (increase(" + selector(metric, targetMatchers, "[$__range]") + "))"
	}
	failed := increase("datadog_listing_failures_total", "org, instance, reason")
	return table(24, "Orgs", "Orgs with configured keys. Listings, failures and retries are those of the time range; the reason is the most frequent one.", "No exporter is scraped.",
		textColumn("org", "Org"),
		numberColumn("Value #A", "Listed", "none").withMappings(map[string]object{"1": mapped("yes", green), "0": mapped("no", red)}).withWidth(80),
		numberColumn("Value #B", "Complete", "none").withMappings(map[string]object{"1": mapped("yes", green), "0": mapped("no", orange)}).withWidth(100),
		numberColumn("Value #C", "Age", "s").withProperty("noValue", "never").withProperty("decimals", 0).withColoredText().withProperty("thresholds", thresholds(textColor, threshold{10 * 60, orange}, threshold{60 * 60, red})).withWidth(110),
		numberColumn("Value #D", "Took", "s").withProperty("noValue", "–").withProperty("decimals", 2).withWidth(100),
		numberColumn("Value #E", "Connections", "none").withProperty("noValue", "–").withWidth(115),
		numberColumn("Value #F", "Pages", "none").withProperty("noValue", "–").withWidth(80),
		numberColumn("Value #K", "Listings", "none").withProperty("decimals", 0).withWidth(90),
		numberColumn("Value #G", "Failures", "none").withProperty("decimals", 0).withColoredText().withProperty("thresholds", thresholds(textColor, threshold{0.5, red})).withWidth(100),
		textColumn("reason", "Reason").withProperty("noValue", " ").withWidth(130),
		numberColumn("Value #I", "Retries", "none").withProperty("decimals", 0).withWidth(90),
		numberColumn("Value #J", "Rate limit left", "percentunit").withProperty("decimals", 0).withColoredText().withProperty("thresholds", thresholds(red, threshold{0.05, orange}, threshold{0.25, textColor})).withWidth(130),
		textColumn("instance", "Instance").withWidth(200),
	).
		withInstantQuery(each("datadog_up")).
		withInstantQuery(each("datadog_listing_complete")).
		withInstantQuery("time() - "+each("datadog_listing_last_success_timestamp_seconds")).
		withInstantQuery(each("datadog_listing_duration_seconds")).
		withInstantQuery(each("datadog_listing_connections")).
		withInstantQuery(each("datadog_listing_pages")).
		withInstantQuery(increase("datadog_listing_failures_total", "org, instance")).
		withInstantQuery("topk by (org, instance) (1, "+failed+" > 0)").
		withInstantQuery(increase("datadog_api_retries_total", "org, instance")).
		withInstantQuery("min by (org, instance) "+rateLimitLeft).
		withInstantQuery(increase("datadog_listings_total", "org, instance")).
		sortBy("Listed", "-Age", "Org")
}

func orgsListedSeries() panel {
	return timeSeries(12, "Orgs listed", "Orgs whose last listing succeeded, and orgs whose last listing failed.", "none", "No exporter is scraped.").withDefault("decimals", 0).
		withRangeQuery("count("+maxByOrg("datadog_up")+" == 1)", "listed").
		withRangeQuery("count("+maxByOrg("datadog_up")+" == 0)", "not listed").
		withCustom(stacked).withOverride("listed", fixedColor(green)).withOverride("not listed", fixedColor(red)).
		withRunbook("DatadogOrgConnectionListingFailing")
}

func listingAgeSeries() panel {
	return timeSeries(12, "Age of the last good listing", "Age of the last good listing of the ten orgs whose listing is the oldest at the end of the time range.", "s", "No listing succeeded yet.").
		withRangeQuery(listingAge+"\nand bottomk(10, max by (org) ("+selector("datadog_listing_last_success_timestamp_seconds", targetMatchers, " @ end()")+"))", "{{org}}").withCustom(unfilled).
		withRunbook("DatadogOrgConnectionDataStale")
}

// perMinute returns the rate of a counter per minute, without series that are 0.
func perMinute(metric, by string) string {
	return "60 * sum by (" + by + ") (rate(" + selector(metric, targetMatchers, "[$__rate_interval]") + ")) > 0"
}

func failuresSeries() panel {
	return timeSeries(8, "Failed listings", "Listings that failed, by reason.", "cpm", "No listing fails.").
		withRangeQuery(perMinute("datadog_listing_failures_total", "reason"), "{{reason}}").withCustom(bars).withReasonColors().
		withRunbook("DatadogOrgConnectionListingFailing")
}

func requestsSeries() panel {
	return timeSeries(8, "Requests", "HTTP requests to Datadog's API, by status code; none without an answer.", "cpm", "No requests.").
		withRangeQuery(perMinute("datadog_api_requests_total", "code"), "{{code}}").withCustom(bars).
		withOverride("200", fixedColor(green)).withOverride("429", fixedColor(orange)).withOverride("none", fixedColor(red))
}

func retriesSeries() panel {
	return timeSeries(8, "Retries", "Retried HTTP requests, by the reason of the failure before.", "cpm", "No retries.").
		withRangeQuery(perMinute("datadog_api_retries_total", "reason"), "{{reason}}").withCustom(bars).withReasonColors()
}

func latencySeries() panel {
	const buckets = "datadog_api_request_duration_seconds_bucket"
	const native = "datadog_api_request_duration_seconds"
	quantile := func(q string) string {
		rate := func(metric string) string {
			return "(rate(" + selector(metric, targetMatchers, "[$__rate_interval]") + "))"
		}
		return "histogram_quantile(" + q + ", sum by (le) " + rate(buckets) + ")\nor histogram_quantile(" + q + ", sum " + rate(native) + ")"
	}
	return timeSeries(8, "Latency", "Time to the first byte of an answer of Datadog's API, or to a failure: median and 99th percentile, from classic or native histograms.", "s", "No requests.").
		withRangeQuery(quantile("0.5"), "p50").withRangeQuery(quantile("0.99"), "p99").
		withOverride("p50", fixedColor(blue)).withOverride("p99", fixedColor(orange))
}

func listingDurationSeries() panel {
	return timeSeries(8, "Duration of listings", "Duration of each org's last good listing, with all pages, pauses and repeated reads.", "s", "No listing succeeded yet.").
		withRangeQuery("quantile(0.5, "+maxByOrg("datadog_listing_duration_seconds")+")", "median").
		withRangeQuery("max("+maxByOrg("datadog_listing_duration_seconds")+")", "longest").
		withCustom(stepAfter).withOverride("median", fixedColor(blue)).withOverride("longest", fixedColor(orange))
}

func rateLimitLeftSeries() panel {
	return timeSeries(8, "Rate limit left", "Remaining part of the rate limit of the ten orgs that have the least at the end of the time range, from the API's last answers.", "percentunit", "The API reports no rate limit.").
		withRangeQuery("min by (org) "+rateLimitLeft+"\nand bottomk(10, min by (org) (datadog_api_ratelimit_remaining{"+targetMatchers+"} @ end() / datadog_api_ratelimit_limit{"+targetMatchers+"} @ end()))", "{{org}}").
		withDefault("max", 1).withCustom(unfilled).withCustom(stepAfter).
		withRunbook("DatadogOrgConnectionRateLimited")
}

func rateLimitsTable() panel {
	each := func(metric string) string { return "min by (org, name) (" + selector(metric, targetMatchers) + ")" }
	return table(12, "Rate limits", "From the API's last answer to each org. A period that is over starts again with the next request.", "The API reports no rate limit.",
		textColumn("org", "Org"),
		textColumn("name", "Rate limit"),
		numberColumn("Value #A", "Left", "none").withWidth(90),
		numberColumn("Value #B", "Of", "none").withWidth(90),
		numberColumn("Value #C", "Period", "s").withWidth(90),
		numberColumn("Value #D", "Resets in", "s").withProperty("decimals", 0).withProperty("mappings", upToMapping(0, mapped("over", grey))).withWidth(110),
	).
		withInstantQuery(each("datadog_api_ratelimit_remaining")).
		withInstantQuery(each("datadog_api_ratelimit_limit")).
		withInstantQuery(each("datadog_api_ratelimit_period_seconds")).
		withInstantQuery(each("datadog_api_ratelimit_reset_timestamp_seconds")+" - time()").
		sortBy("Left", "Org").
		withRunbook("DatadogOrgConnectionRateLimited")
}

func blindSpotsTable() panel {
	orgIDFrom := func(label string) string {
		return `label_replace(` + selector("datadog_org_connection_info", targetMatchers) + `, "org_id", "$1", "` + label + `", "(.*)")`
	}
	return table(12, "Blind spots", "Orgs that are only known from connections of other orgs, with the number of these and their ID.", "None: the exporter has keys of all orgs.",
		textColumn("org", "Org"),
		numberColumn("Value #B", "Connections", "none").withWidth(115),
		textColumn("org_id", "ID").withWidth(300),
	).
		withInstantQuery(withOrg(blindSpots)).
		withInstantQuery(andOn("count by (org_id) (group by (org_id, connection_id) ("+orgIDFrom("source_org_id")+" or "+orgIDFrom("sink_org_id")+"))", "org_id", blindSpots)).
		sortBy("-Connections", "Org").
		withRunbook("DatadogOrgConnectionBlindSpot")
}

func scrapeDurationSeries() panel {
	return timeSeries(6, "Duration of scrapes", "How long a scrape takes. It waits for listings that are due.", "s", "No target is scraped.").
		withRangeQuery("quantile(0.5, "+selector("scrape_duration_seconds", targetMatchers)+")", "median").
		withRangeQuery("max("+selector("scrape_duration_seconds", targetMatchers)+")", "longest").
		withOverride("median", fixedColor(blue)).withOverride("longest", fixedColor(orange))
}

func samplesSeries() panel {
	return timeSeries(6, "Samples", "Samples in one scrape of all targets.", "short", "No target is scraped.").
		withRangeQuery("sum("+selector("scrape_samples_scraped", targetMatchers)+")", "samples").withOverride("samples", fixedColor(blue))
}

const onlyMetrics = "Needs a scrape of /metrics."

func memorySeries() panel {
	return timeSeries(6, "Memory", "Resident memory, and heap in use.", "bytes", onlyMetrics).
		withRangeQuery(selector("process_resident_memory_bytes", targetMatchers), "resident {{instance}}").
		withRangeQuery(selector("go_memstats_heap_inuse_bytes", targetMatchers), "heap {{instance}}")
}

func cpuSeries() panel {
	return timeSeries(6, "CPU", "CPU usage, in CPUs.", "percentunit", onlyMetrics).
		withRangeQuery("rate("+selector("process_cpu_seconds_total", targetMatchers, "[$__rate_interval]")+")", "{{instance}}")
}

func processesTable() panel {
	since := func(metric string) string {
		return "time() - max by (instance) (" + selector(metric, targetMatchers) + ")"
	}
	info := "group by (instance, version, goversion) (" + selector("datadog_org_connections_exporter_build_info", targetMatchers) + ")"
	// /probe exposes changes and failures too: only the processes of /metrics have a row.
	ofProcess := func(values string) string { return andOn(values, "instance", info) }
	return table(24, "Exporters", "Exporter processes, from /metrics. Failures and changes are those of the time range.", onlyMetrics,
		textColumn("instance", "Instance"),
		textColumn("version", "Version"),
		textColumn("goversion", "Go"),
		numberColumn("Value #B", "Up for", "s").withProperty("decimals", 1),
		numberColumn("Value #C", "Configuration", "none").withProperty("noValue", "no file").withMappings(map[string]object{"1": mapped("loaded", green), "0": mapped("last reload failed", red)}),
		numberColumn("Value #D", "Loaded ago", "s").withProperty("noValue", "–").withProperty("decimals", 1),
		numberColumn("Value #E", "Failed scrapes", "none").withProperty("decimals", 0),
		numberColumn("Value #F", "Goroutines", "none"),
		numberColumn("Value #G", "Remembers for", "s").withProperty("noValue", "–").withProperty("decimals", 1),
		numberColumn("Value #H", "Changes", "none").withProperty("decimals", 0),
		numberColumn("Value #I", "Failed writes", "none").withProperty("decimals", 0).withColoredText().withProperty("thresholds", thresholds(textColor, threshold{0.5, orange})),
	).
		withInstantQuery(info).
		withInstantQuery(since("process_start_time_seconds")).
		withInstantQuery("min by (instance) (" + selector("datadog_org_connections_exporter_config_last_reload_successful", targetMatchers) + ")").
		withInstantQuery(since("datadog_org_connections_exporter_config_last_reload_success_timestamp_seconds")).
		withInstantQuery("sum by (instance) (increase(" + selector("promhttp_metric_handler_requests_total", targetMatchers+`, code!="200"`, "[$__range]") + "))").
		withInstantQuery("max by (instance) (" + selector("go_goroutines", targetMatchers) + ")").
		withInstantQuery(ofProcess(since("datadog_history_start_timestamp_seconds"))).
		withInstantQuery(ofProcess("sum by (instance) (increase(" + selector("datadog_org_connection_changes_total", targetMatchers, "[$__range]") + "))")).
		withInstantQuery(ofProcess("sum by (instance) (increase(" + selector("datadog_history_writes_failed_total", targetMatchers, "[$__range]") + "))")).
		sortBy("Instance")
}
