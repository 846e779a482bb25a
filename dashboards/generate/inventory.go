package main

import (
	"fmt"
	"strconv"
	"strings"
)

const inventoryUID = "datadog-org-connections"

// inventoryDashboard returns the dashboard about org connections. From top to bottom:
// unexpected and missing connections, changes, all connections, risks, history.
func inventoryDashboard() dashboard {
	return newDashboard(dashboard{
		UID:         inventoryUID,
		Title:       "Datadog org connections",
		Description: "Who shares logs, metrics or audit data with whom across the orgs of a Datadog account: unexpected, missing, changed and risky connections.",
		Time:        timeRange{From: "now-24h"},
		Links:       dashboardLinks("Is this complete and up to date?", exporterUID),
		Templating: list{append(targetVariables(),
			orgVariable("source", "Source org"),
			orgVariable("sink", "Sink org"),
			queryVariable("type", "Connection type", ".*", `label_values(datadog_org_connections{`+targetMatchers+`}, connection_type)`, ""),
		)},
		Annotations: annotations(
			changesAnnotation(),
			notListedAnnotation,
		),
		Panels: layOut(
			row{"", []line{
				{4, []panel{unexpectedStat(), missingStat(), creatorDisabledStat(), changesStat(12), historyStat(3)}},
				{3, []panel{connectionsStat(), typesStat(), sourcesStat(), sinksStat(), notListedStat(3), blindSpotsStat(3), oldestListingStat(3)}},
				{7, []panel{unexpectedTable(), missingTable()}},
			}},
			row{"What has changed?", []line{{7, []panel{changesTable()}}}},
			row{"Who shares what with whom?", []line{
				{12, []panel{matrixTable(), topologyGraph()}},
				{12, []panel{connectionsTable()}},
			}},
			row{"What are the risks?", []line{
				{3, []panel{createdByPeopleStat(), sinkSharesMoreStat(), nearSinkLimitStat(), disabledOrgsStat(), expiringRulesStat()}},
				{10, []panel{sinksPerSourceTable(), sourcesPerSinkTable(), orgsTable(), ruleExpiryTable()}},
			}},
			row{"How has it changed?", []line{{9, []panel{connectionsByTypeSeries(), unexpectedAndMissingSeries()}}}},
		),
	})
}

// orgVariable returns a variable of source or sink orgs, whose values are IDs and whose
// texts are display names.
func orgVariable(name, label string) object {
	orgIDs := expand(`group by (org_id) (label_replace(INFO, "org_id", "$1", "NAME_org_id", "(.+)"))`,
		"INFO", selector("datadog_org_connection_info", targetMatchers), "NAME", name)
	options := `label_join(` + withOrg(orgIDs) + `, "option", "|", "org_id", "org")`
	// query_result must be one line.
	query := "query_result(group by (option) (" + strings.ReplaceAll(options, "\n", " ") + "))"
	return queryVariable(name, label, ".*", query, `/option="(?<value>[^|]*)\|(?<text>.*)"} /`)
}

var (
	typeSeries       = "max by (" + typeLabels + ") (" + selector("datadog_org_connections", typeMatchers) + ")"
	connectionSeries = filterTypes(selector("datadog_org_connection_info", orgMatchers))
	unexpectedSeries = "max by (" + typeLabels + ") (" + selector("datadog_org_connections_unexpected", typeMatchers) + ")"
	policySeries     = selector("datadog_org_connection_rules", targetMatchers) // empty without a policy
)

// incompleteOrgs selects the orgs that no exporter with a complete inventory exposes.
// While there are some, missing connections are unknown.
const incompleteOrgs = `(
  datadog_up{` + jobMatcher + `}
  unless on (job, org) (datadog_up{` + jobMatcher + `} and on (job, instance) datadog_inventory_complete{` + jobMatcher + `} == 1)
)`

// missingSeries selects the required types that every exporter with a complete
// inventory reports as missing. Where several exporters have orgs of their own, one
// reports what only another sees. So the variable instance is ignored.
const missingSeries = `(
  count by (job, rule, connection_type) (datadog_org_connections_missing{` + jobMatcher + `, connection_type=~"$type"})
  == on (job) group_left ()
  count by (job) (datadog_org_connection_rules{` + jobMatcher + `} and on (job, instance) datadog_inventory_complete{` + jobMatcher + `} == 1)
  unless on (job) ` + incompleteOrgs + `
)`

// missingCount is empty without a policy, and while missing connections are unknown.
var missingCount = "count(" + missingSeries + ")\nor 0 * group(" + selector("datadog_org_connection_rules", jobMatcher) + ") unless on () " + incompleteOrgs

func unexpectedStat() panel {
	return zeroStat(3, "Unexpected", "Types of connections that no rule of the policy allows. Each is in the table below.", red, "no policy",
		expand("count(UNEXPECTED)\nor 0 * group(POLICY) and on () group(UP == 1)\nor -1 * group(POLICY)",
			"UNEXPECTED", unexpectedSeries, "POLICY", policySeries, "UP", selector("datadog_up", targetMatchers))).
		withRunbook("DatadogOrgConnectionUnexpected")
}

func missingStat() panel {
	return zeroStat(3, "Missing", "Types that required rules of the policy require and no connection shares. Unknown while an org is stale or its listing is not complete. The variables for orgs and instances have no effect here.", red, "no policy",
		missingCount+"\nor -1 * group("+selector("datadog_org_connection_rules", jobMatcher)+")").
		withRunbook("DatadogOrgConnectionMissing")
}

func creatorDisabledStat() panel {
	return zeroStat(3, "Creator disabled", "Connections whose creator's account is disabled: Datadog is about to delete them.", orange, "unknown",
		orZero("count(max by (connection_id) ("+filterTypes(selector("datadog_org_connection_creator_disabled", orgMatchers))+") == 1)")).
		withRunbook("DatadogOrgConnectionCreatorDisabled")
}

func connectionsStat() panel {
	return stat(3, "Connections", "Connections from a source to a sink, of all types. One that several targets expose counts once.", "none", "unknown",
		orZero("count(group by (connection_id) ("+connectionSeries+"))"))
}

func typesStat() panel {
	p := stat(6, "By type", "Connections of each type. One with several types counts for each.", "none", "none", "sum by (connection_type) ("+typeSeries+")")
	p.Targets[0].LegendFormat = "{{connection_type}}"
	p.Options["orientation"] = "vertical"
	p.Options["text"] = object{"titleSize": 16}
	return p.withTypeColors()
}

func sourcesStat() panel { return orgCountStat("Sources", "source", "sink") }
func sinksStat() panel   { return orgCountStat("Sinks", "sink", "source") }

func orgCountStat(title, end, otherEnd string) panel {
	return stat(3, title, "Orgs with a connection as "+end+", to one "+otherEnd+" or more.", "none", "unknown",
		orZero("count(group by ("+end+"_org_id) ("+connectionSeries+"))"))
}

func unexpectedTable() panel {
	return table(14, "Unexpected", "Types that no rule of the policy allows. Age is that of the connection, to which the type may have been added later.",
		"Nothing is unexpected, or there is no policy.",
		textColumn("connection_type", "Type").withBackground(red).withWidth(110),
		textColumn("source", "Source"),
		textColumn("sink", "Sink"),
		ageColumn("Value #B").withWidth(160),
	).
		withInstantQuery(withSourceAndSink(unexpectedSeries, currentOrgs)).
		withInstantQuery(andOn(connectionAge(pairLabels), pairLabels, unexpectedSeries)).
		sortBy("Age", "Source").
		withRunbook("DatadogOrgConnectionUnexpected")
}

// connectionAge returns the seconds since connections were created.
func connectionAge(labels string) string {
	return "time() - max by (" + labels + ") (" + selector("datadog_org_connection_created_timestamp_seconds", orgMatchers) + ")"
}

// ageColumn returns a column of ages, in blue for less than a day.
func ageColumn(field string) column {
	return numberColumn(field, "Age", "s").withProperty("decimals", 1).withColoredText().withProperty("thresholds", thresholds(blue, threshold{24 * 60 * 60, textColor}))
}

func missingTable() panel {
	return table(10, "Missing", "Types that required rules of the policy require and that at least one pair of their sources and sinks does not share.",
		"Nothing is missing, or there is no policy.",
		textColumn("connection_type", "Type").withBackground(red).withWidth(110),
		textColumn("rule", "Rule"),
	).withInstantQuery("group by (rule, connection_type) "+missingSeries).
		sortBy("Rule", "Type").
		withRunbook("DatadogOrgConnectionMissing")
}

// codedTypes are the digits of a type code, from the right: 1 where a connection has the
// type. A type code is one number for the types of a connection, because Grafana cannot
// join labels of several series. otherTypes stands for all types that are not listed.
var codedTypes = []string{"logs", "metrics", "audit", otherTypes}

const otherTypes = "others"

// typeCode returns the type code of each pair of orgs.
func typeCode() string { return "sum by (" + pairLabels + ") (" + typeDigits() + "\n)" }

// typeCodeWithUnexpected returns the type code of each pair of orgs, with one more
// digit on the left that is 1 where a type is unexpected.
func typeCodeWithUnexpected() string {
	return "sum by (" + pairLabels + ") (" + typeDigits() + `
  or 10000 * label_replace(group by (` + pairLabels + `) (` + unexpectedSeries + `), "connection_type", "unexpected", "", "")` + "\n)"
}

func typeDigits() string {
	var digits []string
	digit := "1"
	for _, name := range codedTypes {
		labels, matcher := typeLabels, `connection_type="`+name+`"`
		if name == otherTypes {
			labels, matcher = pairLabels, `connection_type!~"`+strings.Join(codedTypes[:len(codedTypes)-1], "|")+`"`
		}
		digits = append(digits, "\n  "+digit+" * group by ("+labels+") ("+selector("datadog_org_connections", typeMatchers+", "+matcher)+")")
		digit += "0"
	}
	return strings.Join(digits, " or")
}

// typeCodeMappings returns the value mappings of all type codes, in red with an
// unexpected type.
func typeCodeMappings() map[string]object {
	mappings := map[string]object{}
	for bits := 1; bits < 1<<len(codedTypes); bits++ {
		var types []string
		for i, name := range codedTypes {
			if bits>>i&1 == 1 {
				types = append(types, name)
			}
		}
		code, text := strconv.FormatInt(int64(bits), 2), strings.Join(types, ", ")
		mappings[code] = mapped(text, "rgba(87, 148, 242, 0.28)")
		mappings[fmt.Sprintf("1%0*s", len(codedTypes), code)] = mapped(text, red)
	}
	return mappings
}

func matrixTable() panel {
	p := table(14, "Source × sink", "Types that each source (row) shares with each sink (column). Red: one of them is unexpected. If there are many orgs, select some above.",
		"No connections.",
		textColumn("source\\sink", "Source ↓   Sink →").withWidth(185),
	).withInstantQuery(withSourceAndSink(typeCodeWithUnexpected(), currentOrgs))
	ascending := func(field string) transformation {
		return transformation{"sortBy", object{"fields": object{}, "sort": []object{{"field": field}}}}
	}
	p.Transformations = []transformation{
		ascending("sink"),
		{"groupingToMatrix", object{"rowField": "source", "columnField": "sink", "valueField": "Value", "emptyValue": "null"}},
		ascending("source\\sink"),
	}
	p.FieldConfig.Overrides = append([]override{{matcher{"byType", "number"}, []property{
		{"custom.cellOptions", object{"type": "color-background", "mode": "basic"}},
		{"custom.minWidth", 130},
		{"thresholds", thresholds(transparent)},
		{"noValue", " "},
		{"mappings", valueMappings(typeCodeMappings())},
	}}}, p.FieldConfig.Overrides...)
	return p
}

func topologyGraph() panel {
	p := newPanel("nodeGraph", 10, "Topology", "Edges lead from sources to sinks; red ones are unexpected. Hover over an edge for its types. Nodes have the number of sinks (→) and of sources (←) of an org. A grey node is a blind spot: the exporter has no working keys of the org.", "none")
	p.Options = object{"nodes": object{}, "edges": object{}, "zoomMode": "cooperative", "layoutAlgorithm": "force"}
	p = p.withInstantQuery(topologyEdges()).withInstantQuery(topologyNodes())
	p.Targets[0].RefID, p.Targets[1].RefID = "edges", "nodes"
	return p
}

// topologyEdges returns the edges of a node graph, with the fields id, source, target,
// mainstat and color, an HTML color.
func topologyEdges() string {
	replaceByCode := func(series, label, value, code string) string {
		return `label_replace(` + series + `, "` + label + `", "` + value + `", "types", "` + code + `")`
	}
	series := `count_values by (` + pairLabels + `) ("types", ` + typeCodeWithUnexpected() + `)`
	lowerDigits := ""
	var labels []string
	for _, name := range codedTypes {
		series = replaceByCode(series, name, name, ".*1"+lowerDigits)
		labels = append(labels, `"`+name+`"`)
		lowerDigits += "."
	}
	series = replaceByCode(series, "color", "#e02f44", "1"+lowerDigits)
	return expand(`group by (id, source, target, mainstat, color) (
label_replace(label_replace(
label_join(label_join(SERIES, "mainstat", " ", LABELS), "id", "-", "source_org_id", "sink_org_id"),
"source", "$1", "source_org_id", "(.*)"), "target", "$1", "sink_org_id", "(.*)")
)`, "SERIES", series, "LABELS", strings.Join(labels, ", "))
}

// topologyNodes returns the nodes of a node graph, the orgs of all edges, with the
// fields id, title, mainstat, secondarystat and color. Every node has all of them.
func topologyNodes() string {
	series := selector("datadog_org_connections", typeMatchers)
	orgs := expand(`group by (org_id) (label_replace(SERIES, "org_id", "$1", "source_org_id", "(.*)") or label_replace(SERIES, "org_id", "$1", "sink_org_id", "(.*)"))`,
		"SERIES", series)
	join := func(label, values, fallback string) string {
		return "* on (org_id) group_left (" + label + ")\n(" + values + "\nor on (org_id) " + fallback + ")"
	}
	// count is a label since the node graph shows numbers with decimals.
	count := func(label, end, arrow string) string {
		return join(label, expand(`label_replace(label_replace(
count_values by (END_org_id) ("LABEL", count by (END_org_id) (group by (PAIR) (SERIES))),
"LABEL", "ARROW $1", "LABEL", "(.*)"), "org_id", "$1", "END_org_id", "(.*)")`,
			"END", end, "LABEL", label, "PAIR", pairLabels, "SERIES", series, "ARROW", arrow), orgs)
	}
	colored := func(orgs, color string) string {
		return `label_replace(` + orgs + `, "color", "` + color + `", "", "")`
	}
	return strings.Join([]string{
		`label_replace(group by (org_id, title, mainstat, secondarystat, color) (`,
		orgs,
		join("title", displayNames("title", currentOrgs), orgs),
		count("mainstat", "source", "→"),
		count("secondarystat", "sink", "←"),
		join("color", colored(blindSpots, grey), colored(orgs, "#5794f2")),
		`), "id", "$1", "org_id", "(.*)")`,
	}, "\n")
}

func connectionsTable() panel {
	each := func(values string) string { return "max by (connection_id) (" + values + ")" }
	info := "group by (connection_id, " + pairLabels + ") (" + connectionSeries + ")"
	return table(24, "Connections", "All connections. Datadog deletes a connection when the account of its creator is disabled, so it is better created by a service account.",
		"No connections.",
		textColumn("source", "Source"),
		textColumn("sink", "Sink"),
		numberColumn("Value #B", "Types", "none").withProperty("noValue", "none").withProperty("mappings", valueMappings(typeCodeMappings())),
		numberColumn("Value #E", "Expectation", "none").withProperty("noValue", "no policy").withMappings(map[string]object{"0": mapped("expected", green), "1": mapped("unexpected", red)}).withWidth(130),
		ageColumn("Value #C").withWidth(130),
		textColumn("creator_kind", "Creator").withMappings(map[string]object{
			"service_account": mapped("service account", textColor), "user": mapped("person", orange), "unknown": mapped("unknown", grey),
		}).withWidth(140),
		numberColumn("Value #D", "Creator's account", "none").withMappings(map[string]object{"0": mapped("active", textColor), "1": mapped("disabled", red)}).withWidth(150),
		textColumn("connection_id", "Connection").withWidth(310),
	).
		withInstantQuery(withSourceAndSink("topk by (connection_id) (1, group by (connection_id, "+pairLabels+", creator_kind) ("+connectionSeries+"))", currentOrgs)).
		withInstantQuery(each(info+"\n* on ("+pairLabels+") group_left ()\n"+typeCode())).
		withInstantQuery(each("time() - ("+filterTypes(selector("datadog_org_connection_created_timestamp_seconds", orgMatchers))+")")).
		withInstantQuery(each(filterTypes(selector("datadog_org_connection_creator_disabled", orgMatchers)))).
		withInstantQuery(each(info+"\n* on ("+pairLabels+") group_left ()\ngroup by ("+pairLabels+") ("+unexpectedSeries+")\nor 0 * "+info)+"\nand on () group("+policySeries+")").
		sortBy("-Expectation", "Age")
}

func createdByPeopleStat() panel {
	return zeroStat(5, "Created by people", "Connections whose creator is a person: Datadog deletes them when the person leaves.", orange, "unknown",
		orZero("count(group by (connection_id) ("+filterTypes(selector("datadog_org_connection_info", orgMatchers+`, creator_kind="user"`))+"))")).
		withRunbook("DatadogOrgConnectionCreatorIsPerson")
}

func sinkSharesMoreStat() panel {
	filter := func(end, sharing string) string {
		return expand(`and on (END_org_id) label_replace(ORGS, "END_org_id", "$1", "org_id", "(.*)")`,
			"END", end, "ORGS", selector("datadog_org_info", targetMatchers+", "+sharing))
	}
	return zeroStat(5, "Sinks that share more", "Connections from an org that shares nothing publicly to one that does: the sink can publish what the source cannot.", orange, "unknown",
		orZero("count(group by ("+pairLabels+") ("+connectionSeries+")\n"+filter("source", `sharing="all_private"`)+"\n"+filter("sink", `sharing!~"all_private|"`)+")")).
		withRunbook("DatadogOrgConnectionSinkSharesMore")
}

// Of each selected org, sinksPerSource and sourcesPerSink count all other orgs, selected
// or not.
var (
	sinksPerSource = `count by (source_org_id) (group by (` + pairLabels + `) (` + selector("datadog_org_connection_info", targetMatchers+`, source_org_id=~"$source", source_org_id!="", sink_org_id!=""`) + `))`
	sourcesPerSink = `count by (sink_org_id) (group by (` + pairLabels + `) (` + selector("datadog_org_connection_info", targetMatchers+`, sink_org_id=~"$sink", sink_org_id!="", source_org_id!=""`) + `))`
)

// sinkLimit is Datadog's maximum number of sinks of a source that is not Enterprise.
const sinkLimit = 5

func nearSinkLimitStat() panel {
	return zeroStat(5, "Near the limit of sinks", "Sources with four or five sinks. Datadog's limit is five, except for Enterprise accounts, which are those with more.", orange, "unknown",
		orZero(fmt.Sprintf("count(%s >= %d <= %d)", sinksPerSource, sinkLimit-1, sinkLimit))).
		withRunbook("DatadogOrgConnectionNearSinkLimit")
}

func disabledOrgsStat() panel {
	return zeroStat(4, "Disabled orgs", "Disabled orgs with connections.", orange, "unknown",
		orZero("count(max by (org_id) ("+selector("datadog_org_disabled", targetMatchers)+") == 1)"))
}

// untilExpiry is the time until each rule of the policy expires in seconds.
var untilExpiry = "min by (rule) (" + selector("datadog_org_connection_rule_expiry_timestamp_seconds", targetMatchers) + ") - time()"

func expiringRulesStat() panel {
	return zeroStat(5, "Expiring rules", "Rules of the policy that expire within 30 days, or have expired. What they allowed is unexpected then.", orange, "no policy",
		"count("+untilExpiry+" < 30 * 86400)\nor 0 * group("+policySeries+")").
		withRunbook("DatadogOrgConnectionRuleExpiresSoon")
}

func sinksPerSourceTable() panel {
	return table(5, "Sinks per source", "Sinks of each source. Datadog's limit is five, except for Enterprise accounts.", "No connections.",
		textColumn("org", "Source").withOrgLink("source", "org_id"),
		numberColumn("Value", "Sinks", "none").withGauge(sinkLimit, thresholds(blue, threshold{sinkLimit - 1, orange}, threshold{sinkLimit + 1, blue})).withWidth(110),
		hiddenColumn("org_id"),
	).withInstantQuery(withOrg(`label_replace(`+sinksPerSource+`, "org_id", "$1", "source_org_id", "(.*)")`)).
		sortBy("-Sinks", "Source").
		withRunbook("DatadogOrgConnectionNearSinkLimit")
}

func sourcesPerSinkTable() panel {
	return table(5, "Sources per sink", "Sources of each sink, whose data its users can query.", "No connections.",
		textColumn("org", "Sink").withOrgLink("sink", "org_id"),
		numberColumn("Value", "Sources", "none").withGauge(0, thresholds(blue)).withWidth(110),
		hiddenColumn("org_id"),
	).withInstantQuery(withOrg(`label_replace(`+sourcesPerSink+`, "org_id", "$1", "sink_org_id", "(.*)")`)).
		sortBy("-Sources", "Sink")
}

func orgsTable() panel {
	return table(9, "Orgs", "Orgs with connections. The exporter has no working keys of a blind spot, whose connections with other blind spots are unknown.", "No orgs.",
		textColumn("org", "Org"),
		textColumn("sharing", "Sharing").withMappings(map[string]object{"all_private": mapped("all private", textColor)}).withProperty("thresholds", thresholds(orange)).withWidth(120),
		numberColumn("Value #B", "State", "none").withMappings(map[string]object{"0": mapped("active", textColor), "1": mapped("disabled", orange)}).withWidth(90),
		numberColumn("Value #C", "Keys", "none").withProperty("noValue", "–").withMappings(map[string]object{"0": mapped("blind spot", grey), "1": mapped("working", textColor)}).withWidth(100),
	).
		withInstantQuery(withOrg("topk by (org_id) (1, group by (org_id, sharing) ("+selector("datadog_org_info", targetMatchers)+"))")).
		withInstantQuery("max by (org_id) ("+selector("datadog_org_disabled", targetMatchers)+")").
		withInstantQuery("max by (org_id) ("+selector("datadog_org_observed", targetMatchers)+")").
		sortBy("-State", "Org")
}

func ruleExpiryTable() panel {
	return table(5, "Rule expiry", "Rules of the policy that expire. From then on they allow and require nothing.", "No rule expires.",
		textColumn("rule", "Rule"),
		numberColumn("Value", "Expires in", "s").withProperty("decimals", 0).withColoredText().
			withProperty("thresholds", thresholds(red, threshold{0, orange}, threshold{30 * 24 * 60 * 60, textColor})).
			withProperty("mappings", upToMapping(0, mapped("expired", red))).withWidth(110),
	).withInstantQuery(untilExpiry).
		sortBy("Expires in").
		withRunbook("DatadogOrgConnectionRuleExpired")
}

func connectionsByTypeSeries() panel {
	return timeSeries(12, "Connections by type", "Connections of each type. One with several types counts for each.", "none", "No org was listed.").withDefault("decimals", 0).
		withRangeQuery("sum by (connection_type) ("+typeSeries+")", "{{connection_type}}").
		withCustom(stacked).withTypeColors()
}

func unexpectedAndMissingSeries() panel {
	return timeSeries(12, "Unexpected and missing", "Number of unexpected and missing types. There are gaps while it is unknown.", "none", "There is no policy.").withDefault("decimals", 0).
		withRangeQuery("count("+unexpectedSeries+")\nor 0 * group("+policySeries+")", "unexpected").
		withRangeQuery(missingCount, "missing").
		withCustom(stepAfter).withOverride("unexpected", fixedColor(red)).withOverride("missing", fixedColor(orange))
}
