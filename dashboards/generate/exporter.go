package main

const exporterUID = "datadog-org-connections-exporter"

// exporter answers whether what the inventory shows can be trusted: which orgs are
// listed and how old that is, why listing fails, how much may be asked, and what it
// costs.
func exporter() dashboard {
	return dashboard{
		UID:           exporterUID,
		Title:         "Datadog org connections exporter",
		Description:   "How datadog_org_connections_exporter lists the org connections of Datadog: what succeeds, how old it is, what fails and why.",
		Tags:          []string{"datadog", "org-connections"},
		SchemaVersion: 39,
		GraphTooltip:  1, // a crosshair that all panels share
		Timezone:      "utc",
		Time:          timeRange{"now-6h", "now"},
		Refresh:       "1m",
		Links:         doors("Who shares what with whom?", inventoryUID),
		Templating:    list{targets()},
		Annotations: events(
			notListed,
			moment("Start", blue, "{{instance}} started", in("process_start_time_seconds", scraped)),
			moment("Reload", green, "{{instance}} loaded its configuration", in("datadog_org_connections_exporter_config_last_reload_success_timestamp_seconds", scraped)),
		),
		Panels: arranged(
			section{"", []line{
				{4, []panel{
					targetsDown(), orgCount(), notListedCount(3), oldestListing(3),
					incompleteCount(), blindSpotCount(3), rateLimitLeft(), configuration(),
				}},
				{7, []panel{listingTable()}},
				{8, []panel{orgsListed(), ages()}},
			}},
			section{"Why does listing fail?", []line{{8, []panel{failures(), requests(), retries()}}}},
			section{"How fast does Datadog answer, and how much may be asked?", []line{
				{8, []panel{latency(), durations(), rateLimits()}},
				{8, []panel{rateLimitTable(), blindSpotTable()}},
			}},
			section{"What does it cost?", []line{
				{8, []panel{scrapes(), samples(), memory(), cpu()}},
				{5, []panel{processTable()}},
			}},
		),
	}
}

// Each org's listing, the better one where several exporters list it.
func eachOrg(metric string) string { return "max by (org) (" + in(metric, scraped) + ")" }

// listingAge is how old the last good listing of each org is.
var listingAge = "time() - " + eachOrg("datadog_listing_last_success_timestamp_seconds")

// zeroWhere counts what is 0, and is 0 itself where nothing is.
func zeroWhere(values, known string) string {
	return "count(" + values + " == 0)\nor 0 * group(" + known + ")"
}

// blindSpots are orgs that no target observes.
var blindSpots = "max by (org_id) (" + in("datadog_org_observed", scraped) + ") == 0"

var notListed = event("Not listed", orange, "Not listed", "{{org}}: what is shown of it may be out of date", "count by (org) ("+eachOrg("datadog_up")+" == 0)")

// moment marks the time that is the value of a query.
func moment(name, color, text, expr string) object {
	e := event(name, color, name, text, expr+" * 1000")
	e["useValueForTime"] = true
	return e
}

func notListedCount(width int) panel {
	return alarm(width, "Orgs not listed", "Orgs whose last listing failed, or whose last good one is too old to be shown. Until then, what is shown of them is that of the last good listing.",
		red, "no exporter", zeroWhere(eachOrg("datadog_up"), in("datadog_up", scraped))).
		runbook("DatadogOrgConnectionListingFailing")
}

func oldestListing(width int) panel {
	return stat(width, "Oldest listing", "How long ago the org was listed whose last good listing is the oldest.", "s", "none yet", "max("+listingAge+")").
		with("decimals", 0).
		with("thresholds", colored(green, step{10 * 60, orange}, step{60 * 60, red})).
		runbook("DatadogOrgConnectionDataStale")
}

func blindSpotCount(width int) panel {
	return stat(width, "Blind spots", "Orgs that are seen from the other end of connections only, because no keys of theirs are configured, or work. What two of them share with each other cannot be seen.",
		"none", "unknown", orNone("count("+blindSpots+")")).
		with("mappings", words(map[string]object{"0": word("none", green)})).
		runbook("DatadogOrgConnectionBlindSpot")
}

func targetsDown() panel {
	return alarm(3, "Targets down", "Targets that Prometheus cannot scrape. What Datadog answers does not matter here.", red, "no target",
		zeroWhere(in("up", scraped), in("up", scraped))).
		runbook("DatadogOrgConnectionTargetDown")
}

func orgCount() panel {
	return stat(3, "Orgs", "Orgs whose keys are configured, whether they work or not.", "none", "none", "count("+eachOrg("datadog_up")+")")
}

func incompleteCount() panel {
	return alarm(3, "Not complete", "Orgs whose last good listing holds another number of connections than the API says there are. It was believed because two reads agreed.", orange, "none yet",
		zeroWhere(eachOrg("datadog_listing_complete"), in("datadog_listing_complete", scraped))).
		runbook("DatadogOrgConnectionListingIncomplete")
}

// left is how much of each rate limit is left.
const left = `(datadog_api_ratelimit_remaining{` + scraped + `} / datadog_api_ratelimit_limit{` + scraped + `})`

func rateLimitLeft() panel {
	return stat(3, "Rate limit left", "How much is left of the rate limit of the org that has the least, as the API's last answer to it said. Other tools may share it.", "percentunit", "not told", "min("+left+")").
		with("decimals", 0).
		with("thresholds", colored(red, step{0.05, orange}, step{0.25, green})).
		runbook("DatadogOrgConnectionRateLimited")
}

func configuration() panel {
	return stat(3, "Configuration", "Whether the configuration file was loaded when that was last tried. Where it failed, the configuration is as it was. Nothing is told where there is no file, or /metrics is not scraped.", "none", "–",
		"min("+in("datadog_org_connections_exporter_config_last_reload_successful", scraped)+")").
		with("mappings", words(map[string]object{"1": word("ok", green), "0": word("failed", red)})).
		runbook("DatadogOrgConnectionReloadFailed")
}

func listingTable() panel {
	each := func(metric string) string { return "max by (org, instance) (" + in(metric, scraped) + ")" }
	lately := func(metric, by string) string {
		return "sum by (" + by + ") (increase(" + in(metric, scraped, "[$__range]") + "))"
	}
	failed := lately("datadog_listing_failures_total", "org, instance, reason")
	return table(24, "Orgs", "Every org whose keys are configured. Listings, failures and retries are those of the time range; the reason is that of most of the failures.", "No exporter is scraped.",
		text("org", "Org"),
		number("Value #A", "Listed", "none").worded(map[string]object{"1": word("yes", green), "0": word("no", red)}).wide(80),
		number("Value #B", "Complete", "none").worded(map[string]object{"1": word("yes", green), "0": word("no", orange)}).wide(100),
		number("Value #C", "Age", "s").with("noValue", "never").with("decimals", 0).inColor().with("thresholds", colored(plain, step{10 * 60, orange}, step{60 * 60, red})).wide(110),
		number("Value #D", "Took", "s").with("noValue", "–").with("decimals", 2).wide(100),
		number("Value #E", "Connections", "none").with("noValue", "–").wide(115),
		number("Value #F", "Pages", "none").with("noValue", "–").wide(80),
		number("Value #K", "Listings", "none").with("decimals", 0).wide(90),
		number("Value #G", "Failures", "none").with("decimals", 0).inColor().with("thresholds", colored(plain, step{0.5, red})).wide(100),
		text("reason", "Reason").with("noValue", " ").wide(130),
		number("Value #I", "Retries", "none").with("decimals", 0).wide(90),
		number("Value #J", "Rate limit left", "percentunit").with("decimals", 0).inColor().with("thresholds", colored(red, step{0.05, orange}, step{0.25, plain})).wide(130),
		text("instance", "Instance").wide(200),
	).
		now(each("datadog_up")).
		now(each("datadog_listing_complete")).
		now("time() - "+each("datadog_listing_last_success_timestamp_seconds")).
		now(each("datadog_listing_duration_seconds")).
		now(each("datadog_listing_connections")).
		now(each("datadog_listing_pages")).
		now(lately("datadog_listing_failures_total", "org, instance")).
		now("topk by (org, instance) (1, "+failed+" > 0)").
		now(lately("datadog_api_retries_total", "org, instance")).
		now("min by (org, instance) "+left).
		now(lately("datadog_listings_total", "org, instance")).
		sorted("Listed", "-Age", "Org")
}

func orgsListed() panel {
	return series(12, "Orgs listed", "Orgs whose last listing succeeded, and those whose last listing failed.", "none", "No exporter is scraped.").with("decimals", 0).
		over("count("+eachOrg("datadog_up")+" == 1)", "listed").
		over("count("+eachOrg("datadog_up")+" == 0)", "not listed").
		draw(stacked).where("listed", fixed(green)).where("not listed", fixed(red)).
		runbook("DatadogOrgConnectionListingFailing")
}

func ages() panel {
	return series(12, "Age of the last good listing", "How old the last good listing of each org is: the ten orgs whose listing is the oldest at the end of the time range.", "s", "No listing succeeded yet.").
		over(listingAge+"\nand bottomk(10, max by (org) ("+in("datadog_listing_last_success_timestamp_seconds", scraped, " @ end()")+"))", "{{org}}").draw(lines).
		runbook("DatadogOrgConnectionDataStale")
}

// perMinute is how often something happens, only where it does.
func perMinute(metric, by string) string {
	return "60 * sum by (" + by + ") (rate(" + in(metric, scraped, "[$__rate_interval]") + ")) > 0"
}

func failures() panel {
	return series(8, "Failed listings", "Listings that failed, by reason.", "cpm", "No listing fails.").
		over(perMinute("datadog_listing_failures_total", "reason"), "{{reason}}").draw(bars).inReasonColors().
		runbook("DatadogOrgConnectionListingFailing")
}

// inReasonColors paints each reason the same everywhere.
func (p panel) inReasonColors() panel {
	return p.
		where("unauthorized", fixed("red")).where("forbidden", fixed("dark-red")).
		where("rate_limited", fixed("orange")).where("server_error", fixed("purple")).where("client_error", fixed("yellow")).
		where("timeout", fixed("blue")).where("network", fixed("dark-blue")).
		where("malformed", fixed("dark-purple")).where("incomplete", fixed("dark-yellow"))
}

func requests() panel {
	return series(8, "Requests", "HTTP requests to Datadog's API, by status code; none where no answer came.", "cpm", "Nothing is asked.").
		over(perMinute("datadog_api_requests_total", "code"), "{{code}}").draw(bars).
		where("200", fixed(green)).where("429", fixed(orange)).where("none", fixed(red))
}

func retries() panel {
	return series(8, "Retries", "HTTP requests that were sent again, by the reason why the one before failed.", "cpm", "Nothing is sent again.").
		over(perMinute("datadog_api_retries_total", "reason"), "{{reason}}").draw(bars).inReasonColors()
}

func latency() panel {
	const buckets = "datadog_api_request_duration_seconds_bucket"
	const native = "datadog_api_request_duration_seconds"
	quantile := func(q string) string {
		rate := func(metric string) string { return "(rate(" + in(metric, scraped, "[$__rate_interval]") + "))" }
		return "histogram_quantile(" + q + ", sum by (le) " + rate(buckets) + ")\nor histogram_quantile(" + q + ", sum " + rate(native) + ")"
	}
	return series(8, "Latency", "How long Datadog's API takes to begin its answer, or to fail: half of the requests, and 99 in 100, take no longer. From classic or native histograms, whichever Prometheus scrapes.", "s", "Nothing is asked.").
		over(quantile("0.5"), "p50").over(quantile("0.99"), "p99").
		where("p50", fixed(blue)).where("p99", fixed(orange))
}

func durations() panel {
	return series(8, "Duration of listings", "How long the last good listing of an org took, with all its pages, pauses and repeated reads.", "s", "No listing succeeded yet.").
		over("quantile(0.5, "+eachOrg("datadog_listing_duration_seconds")+")", "median").
		over("max("+eachOrg("datadog_listing_duration_seconds")+")", "longest").
		draw(steps).where("median", fixed(blue)).where("longest", fixed(orange))
}

func rateLimits() panel {
	return series(8, "Rate limit left", "How much is left of each org's rate limit, as the API's last answer said: the ten orgs that have the least at the end of the time range.", "percentunit", "The API tells no rate limit.").
		over("min by (org) "+left+"\nand bottomk(10, min by (org) (datadog_api_ratelimit_remaining{"+scraped+"} @ end() / datadog_api_ratelimit_limit{"+scraped+"} @ end()))", "{{org}}").
		with("max", 1).draw(lines).draw(object{"lineInterpolation": "stepAfter"}).
		runbook("DatadogOrgConnectionRateLimited")
}

func rateLimitTable() panel {
	each := func(metric string) string { return "min by (org, name) (" + in(metric, scraped) + ")" }
	return table(12, "Rate limits", "As the API's last answer to each org said. One that is over begins anew with the next request.", "The API tells no rate limit.",
		text("org", "Org"),
		text("name", "Rate limit"),
		number("Value #A", "Left", "none").wide(90),
		number("Value #B", "Of", "none").wide(90),
		number("Value #C", "Period", "s").wide(90),
		number("Value #D", "Resets in", "s").with("decimals", 0).with("mappings", []object{{"type": "range", "options": object{"from": nil, "to": 0, "result": word("over", grey)}}}).wide(110),
	).
		now(each("datadog_api_ratelimit_remaining")).
		now(each("datadog_api_ratelimit_limit")).
		now(each("datadog_api_ratelimit_period_seconds")).
		now(each("datadog_api_ratelimit_reset_timestamp_seconds")+" - time()").
		sorted("Left", "Org").
		runbook("DatadogOrgConnectionRateLimited")
}

func blindSpotTable() panel {
	end := func(name string) string {
		return `label_replace(` + in("datadog_org_connection_info", scraped) + `, "org_id", "$1", "` + name + `_org_id", "(.*)")`
	}
	return table(12, "Blind spots", "Orgs that are seen from the other end only: with how many connections, and the id to look for.", "None: keys of all orgs are known.",
		text("org", "Org"),
		number("Value #B", "Connections", "none").wide(115),
		text("org_id", "Id").wide(300),
	).
		now(called(blindSpots)).
		now(onlyOf("count by (org_id) (group by (org_id, connection_id) ("+end("source")+" or "+end("sink")+"))", "org_id", blindSpots)).
		sorted("-Connections", "Org").
		runbook("DatadogOrgConnectionBlindSpot")
}

func scrapes() panel {
	return series(6, "Duration of scrapes", "How long Prometheus waits for a target. A scrape for which a listing is due waits for Datadog.", "s", "Nothing is scraped.").
		over("quantile(0.5, "+in("scrape_duration_seconds", scraped)+")", "median").
		over("max("+in("scrape_duration_seconds", scraped)+")", "longest").
		where("median", fixed(blue)).where("longest", fixed(orange))
}

func samples() panel {
	return series(6, "Samples", "Samples that one scrape of all targets brings.", "short", "Nothing is scraped.").
		over("sum("+in("scrape_samples_scraped", scraped)+")", "samples").where("samples", fixed(blue))
}

const onlyMetrics = "Only /metrics tells, which is not scraped."

func memory() panel {
	return series(6, "Memory", "Resident memory, and what of it is the heap in use.", "bytes", onlyMetrics).
		over(in("process_resident_memory_bytes", scraped), "resident {{instance}}").
		over(in("go_memstats_heap_inuse_bytes", scraped), "heap {{instance}}")
}

func cpu() panel {
	return series(6, "CPU", "How much of one CPU it takes.", "percentunit", onlyMetrics).
		over("rate("+in("process_cpu_seconds_total", scraped, "[$__rate_interval]")+")", "{{instance}}")
}

func processTable() panel {
	since := func(metric string) string { return "time() - max by (instance) (" + in(metric, scraped) + ")" }
	return table(24, "Exporters", "The processes, which tell of themselves on /metrics only.", onlyMetrics,
		text("instance", "Instance"),
		text("version", "Version"),
		text("goversion", "Go"),
		number("Value #B", "Up for", "s").with("decimals", 1),
		number("Value #C", "Configuration", "none").with("noValue", "no file").worded(map[string]object{"1": word("loaded", green), "0": word("last reload failed", red)}),
		number("Value #D", "Loaded ago", "s").with("noValue", "–").with("decimals", 1),
		number("Value #E", "Failed scrapes", "none").with("decimals", 0),
		number("Value #F", "Goroutines", "none"),
	).
		now("group by (instance, version, goversion) (" + in("datadog_org_connections_exporter_build_info", scraped) + ")").
		now(since("process_start_time_seconds")).
		now("min by (instance) (" + in("datadog_org_connections_exporter_config_last_reload_successful", scraped) + ")").
		now(since("datadog_org_connections_exporter_config_last_reload_success_timestamp_seconds")).
		now("sum by (instance) (increase(" + in("promhttp_metric_handler_requests_total", scraped+`, code!="200"`, "[$__range]") + "))").
		now("max by (instance) (" + in("go_goroutines", scraped) + ")").
		sorted("Instance")
}
