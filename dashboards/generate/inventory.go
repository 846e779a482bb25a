package main

import (
	"strconv"
	"strings"
)

const inventoryUID = "datadog-org-connections"

// inventory answers, from top to bottom: is something wrong, what is new, who shares
// what with whom, where is the risk, and how did it come to this.
func inventory() dashboard {
	return dashboard{
		UID:           inventoryUID,
		Title:         "Datadog org connections",
		Description:   "Who shares logs, metrics or audit data with whom across the orgs of a Datadog account; what of it is unexpected, new or at risk.",
		Tags:          []string{"datadog", "org-connections"},
		SchemaVersion: 39,
		GraphTooltip:  1, // a crosshair that all panels share
		Timezone:      "utc",
		Time:          timeRange{"now-24h", "now"},
		Refresh:       "1m",
		Links:         doors("Can I trust this?", exporterUID),
		Templating: list{append(targets(),
			endVariable("source", "Source org"),
			endVariable("sink", "Sink org"),
			variable("type", "Connection type", ".*", `label_values(datadog_org_connections{`+scraped+`}, connection_type)`, ""),
		)},
		Annotations: events(
			event("New", blue, "New", "{{source}} shares {{connection_type}} with {{sink}}", named(appeared("$__interval"), orgsNow)),
			event("No longer seen", grey, "No longer seen", "{{source}} shared {{connection_type}} with {{sink}}", named(vanished("$__interval"), orgsBefore("$__interval"))),
			notListed,
		),
		Panels: arranged(
			section{"", []line{
				{4, []panel{unexpectedCount(), missingCount(), vanishingCount(), newCount(), goneCount(), notListedCount(4)}},
				{3, []panel{connectionCount(), typeCounts(), endCount("source", "sink"), endCount("sink", "source"), blindSpotCount(3), oldestListing(3)}},
				{7, []panel{unexpectedTable(), missingTable()}},
			}},
			section{"What is new?", []line{{7, []panel{newTable(), goneTable()}}}},
			section{"Who shares what with whom?", []line{
				{12, []panel{matrix(), topology()}},
				{12, []panel{connectionTable()}},
			}},
			section{"Where is the risk?", []line{
				{3, []panel{peopleCount(), widerSinkCount(), nearLimitCount(), disabledOrgCount(), endingRuleCount()}},
				{10, []panel{fanOut(), fanIn(), orgTable(), ruleTable()}},
			}},
			section{"How did it come to this?", []line{{9, []panel{connectionsOverTime(), findingsOverTime()}}}},
		),
	}
}

// endVariable chooses orgs at one end of connections: by id, called by name.
func endVariable(end, label string) object {
	options := fill(`label_join(called, "option", "|", "org_id", "org")`, "called", called(
		fill(`group by (org_id) (label_replace(SERIES, "org_id", "$1", "END_org_id", "(.+)"))`,
			"SERIES", in("datadog_org_connection_info", scraped), "END", end)))
	// It must be one line.
	query := "query_result(group by (option) (" + strings.ReplaceAll(options, "\n", " ") + "))"
	return variable(end, label, ".*", query, `/option="(?<value>[^|]*)\|(?<text>.*)"} /`)
}

// What there is: each type of each connection, each connection, what is unexpected,
// and whether there is a policy.
var (
	shares      = "max by (" + share + ") (" + in("datadog_org_connections", selected) + ")"
	connections = ofTypes(in("datadog_org_connection_info", between))
	unexpected  = "max by (" + share + ") (" + in("datadog_org_connections_unexpected", selected) + ")"
	policies    = in("datadog_org_connection_rules", scraped)
)

// outOfSight are the orgs that no exporter shows which knows all of its orgs: while
// there are some, it is not known what is missing.
const outOfSight = `(
  datadog_up{` + everyTarget + `}
  unless on (job, org) (datadog_up{` + everyTarget + `} and on (job, instance) datadog_inventory_complete{` + everyTarget + `} == 1)
)`

// missing is what every exporter that knows all of its orgs misses: where several have
// orgs of their own, one misses what only another sees. So it does not matter which
// instance was chosen.
const missing = `(
  count by (job, rule, connection_type) (datadog_org_connections_missing{` + everyTarget + `, connection_type=~"$type"})
  == on (job) group_left ()
  count by (job) (datadog_org_connection_rules{` + everyTarget + `} and on (job, instance) datadog_inventory_complete{` + everyTarget + `} == 1)
  unless on (job) ` + outOfSight + `
)`

const everyTarget = `job=~"$job"`

// before is what was known a while ago, or within the hour before: an outage at that
// moment makes nothing new.
func before(metric, labels, ago string) string {
	return "last_over_time(" + in(metric, labels, "[1h] offset "+ago) + ")"
}

// appeared is what is there now and was not a while ago. Where nothing was listed
// then, that is not known.
func appeared(ago string) string {
	return fill(`SHARES
unless on (KEY) BEFORE
and on () group(LISTED == 1)`,
		"SHARES", shares, "KEY", share, "BEFORE", before("datadog_org_connections", selected, ago), "LISTED", before("datadog_up", scraped, ago))
}

// vanished is what was there a while ago and is not now. While nothing is listed,
// that is not known.
func vanished(ago string) string {
	return fill(`max by (KEY) (BEFORE)
unless on (KEY) SHARES
and on () group(LISTED == 1)`,
		"SHARES", in("datadog_org_connections", selected), "KEY", share, "BEFORE", before("datadog_org_connections", selected, ago), "LISTED", in("datadog_up", scraped))
}

// orgsBefore are those of now, and those that there were a while ago.
func orgsBefore(ago string) string {
	return orgs(in("datadog_org_info", scraped) + " or on (org_id) " + before("datadog_org_info", scraped, ago))
}

func unexpectedCount() panel {
	return alarm(4, "Unexpected", "Types of connections that no rule of the policy allows. Each is in the table below.", red, "no policy",
		fill("count(UNEXPECTED)\nor 0 * group(POLICIES) and on () group(UP == 1)\nor -1 * group(POLICIES)",
			"UNEXPECTED", unexpected, "POLICIES", policies, "UP", in("datadog_up", scraped))).
		runbook("DatadogOrgConnectionUnexpected")
}

func missingCount() panel {
	return alarm(4, "Missing", "Types that required rules of the policy ask for in vain. Not known while an org was not listed for long, or not completely: what is not there may be out of sight. The choice of orgs and instances does not matter here.", red, "no policy",
		fill("count(MISSING)\nor 0 * group(POLICIES) unless on () HIDDEN\nor -1 * group(POLICIES)",
			"MISSING", missing, "HIDDEN", outOfSight, "POLICIES", in("datadog_org_connection_rules", everyTarget))).
		runbook("DatadogOrgConnectionMissing")
}

func vanishingCount() panel {
	return alarm(4, "About to vanish", "Connections whose creator's account is disabled: Datadog is about to delete them.", orange, "unknown",
		orNone("count(max by (connection_id) ("+ofTypes(in("datadog_org_connection_creator_disabled", between))+") == 1)")).
		runbook("DatadogOrgConnectionCreatorDisabled")
}

func newCount() panel {
	return news("New", "Types of connections that are there now, and were not known when the time range began. A connection that was widened counts as well, and so does one that came into sight because an org's keys were added.",
		"count("+appeared("$__range")+")\nor 0 * group("+before("datadog_up", scraped, "$__range")+" == 1)").
		runbook("DatadogOrgConnectionNew")
}

func goneCount() panel {
	return news("No longer seen", "Types of connections that were known when the time range began, and are not there now. They are gone, or out of sight: then an org is not listed.",
		orNone("count("+vanished("$__range")+")")).
		runbook("DatadogOrgConnectionRemoved")
}

// news is a number that is neither good nor bad.
func news(title, description, expr string) panel {
	return alarm(4, title, description, blue, "unknown", expr).
		with("mappings", words(map[string]object{"0": word("none", plain)}))
}

func connectionCount() panel {
	return stat(4, "Connections", "Connections from a source to a sink, whatever their types; the same seen by several targets counts once.", "none", "unknown",
		orNone("count(group by (connection_id) ("+connections+"))"))
}

func typeCounts() panel {
	p := stat(8, "By type", "Connections of each type. One of several types counts for each.", "none", "none", "sum by (connection_type) ("+shares+")")
	p.Targets[0].LegendFormat = "{{connection_type}}"
	p.Options["orientation"] = "vertical"
	p.Options["text"] = object{"titleSize": 16}
	return p.inTypeColors()
}

func endCount(end, other string) panel {
	title := strings.ToUpper(end[:1]) + end[1:] + "s"
	return stat(3, title, "Orgs with a connection as "+end+", to one "+other+" or more.", "none", "unknown",
		orNone("count(group by ("+end+"_org_id) ("+connections+"))"))
}

// inTypeColors paints each type the same everywhere.
func (p panel) inTypeColors() panel {
	return p.where("logs", fixed("blue")).where("metrics", fixed("purple")).where("audit", fixed("#2aa198"))
}

func unexpectedTable() panel {
	return table(14, "Unexpected", "What no rule of the policy allows. Types may be added to a connection later: then it is older than what is unexpected about it.",
		"Nothing is unexpected, or there is no policy.",
		text("connection_type", "Type").onColor(red).wide(110),
		text("source", "Source"),
		text("sink", "Sink"),
		age("Value #B").wide(160),
	).
		now(named(unexpected, orgsNow)).
		now(onlyOf(ageOf(pair), pair, unexpected)).
		sorted("Age", "Source").
		runbook("DatadogOrgConnectionUnexpected")
}

// ageOf is how long ago connections were created.
func ageOf(key string) string {
	return "time() - max by (" + key + ") (" + in("datadog_org_connection_created_timestamp_seconds", between) + ")"
}

// age is a column of how long ago something was created: what is not a day old is
// new.
func age(field string) column {
	return number(field, "Age", "s").with("decimals", 1).inColor().with("thresholds", colored(blue, step{24 * 60 * 60, plain}))
}

func missingTable() panel {
	return table(10, "Missing", "What required rules of the policy ask for in vain, between one of their sources and one of their sinks at least.",
		"Nothing is missing, or there is no policy.",
		text("connection_type", "Type").onColor(red).wide(110),
		text("rule", "Rule"),
	).now("group by (rule, connection_type) "+missing).
		sorted("Rule", "Type").
		runbook("DatadogOrgConnectionMissing")
}

func newTable() panel {
	return table(12, "New in the time range", "What is there now, and was not known when the time range began. What was created earlier was widened since, or came into sight.",
		"Nothing is new, or nothing was known when the time range began.",
		text("connection_type", "Type").wide(110),
		text("source", "Source"),
		text("sink", "Sink"),
		age("Value #B").wide(160),
	).
		now(named(appeared("$__range"), orgsNow)).
		now(onlyOf(ageOf(pair), pair, appeared("$__range"))).
		sorted("Age", "Source").
		runbook("DatadogOrgConnectionNew")
}

func goneTable() panel {
	return table(12, "No longer seen", "What was known when the time range began, and is not there now. It is gone, or out of sight: then an org is not listed.",
		"All that was known when the time range began is there.",
		text("connection_type", "Type").wide(110),
		text("source", "Source"),
		text("sink", "Sink"),
	).now(named(vanished("$__range"), orgsBefore("$__range"))).
		sorted("Source", "Sink").
		runbook("DatadogOrgConnectionRemoved")
}

// knownTypes have a digit each, from the right, in a number that tells the types of
// a connection: panels cannot put labels together. All other types share the next.
var knownTypes = []string{"logs", "metrics", "audit"}

const otherTypes = "others"

// typesOf gives each pair of orgs that number.
func typesOf() string { return "sum by (" + pair + ") (" + digits() + "\n)" }

// typesAndUnexpected has one more digit, on the left, where something is unexpected.
func typesAndUnexpected() string {
	return "sum by (" + pair + ") (" + digits() + `
  or 10000 * label_replace(group by (` + pair + `) (` + unexpected + `), "connection_type", "unexpected", "", "")` + "\n)"
}

func digits() string {
	var all strings.Builder
	digit := "1"
	for _, name := range knownTypes {
		all.WriteString("\n  " + digit + " * group by (" + share + ") (" + in("datadog_org_connections", selected+`, connection_type="`+name+`"`) + ") or")
		digit += "0"
	}
	all.WriteString("\n  " + digit + " * group by (" + pair + ") (" + in("datadog_org_connections", selected+`, connection_type!~"`+strings.Join(knownTypes, "|")+`"`) + ")")
	return all.String()
}

// typeWords are the words for all these numbers.
func typeWords() map[string]object {
	all := append(append([]string{}, knownTypes...), otherTypes)
	of := map[string]object{}
	for bits := 1; bits < 1<<len(all); bits++ {
		var names []string
		number := ""
		for n, name := range all {
			if bits>>n&1 == 1 {
				names = append(names, name)
			}
			number = strconv.Itoa(bits>>n&1) + number
		}
		text := strings.Join(names, ", ")
		of[strings.TrimLeft(number, "0")] = word(text, "rgba(87, 148, 242, 0.28)")
		of["1"+number] = word(text, red)
	}
	return of
}

func matrix() panel {
	p := table(14, "Source × sink", "Which types each source (a row) shares with each sink (a column). Red: something of it is unexpected. Choose orgs above where there are many.",
		"No connections.",
		text("source\\sink", "Source ↓   Sink →").wide(185),
	).now(named(typesAndUnexpected(), orgsNow))
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
		{"thresholds", colored(transparent)},
		{"noValue", " "},
		{"mappings", words(typeWords())},
	}}}, p.FieldConfig.Overrides...)
	return p
}

func topology() panel {
	p := newPanel("nodeGraph", 10, "Topology", "Arrows lead from sources to sinks; red ones are unexpected. Point at an arrow for its types. In a circle: with how many sinks the org shares (→), and how many sources share with it (←). A grey circle is a blind spot: no keys of this org are known.", "none")
	p.Options = object{"nodes": object{}, "edges": object{}, "zoomMode": "cooperative", "layoutAlgorithm": "force"}
	p = p.now(edges()).now(nodes())
	p.Targets[0].RefID, p.Targets[1].RefID = "edges", "nodes"
	return p
}

// edges has the fields that the node graph goes by: id, source, target, mainstat and
// color, which must be one that HTML knows.
func edges() string {
	label := func(series, name, value, digits string) string {
		return `label_replace(` + series + `, "` + name + `", "` + value + `", "types", "` + digits + `")`
	}
	of := `count_values by (` + pair + `) ("types", ` + typesAndUnexpected() + `)`
	digits := ""
	var labels []string
	for _, name := range append(append([]string{}, knownTypes...), otherTypes) {
		of = label(of, name, name, ".*1"+digits)
		labels = append(labels, `"`+name+`"`)
		digits += "."
	}
	of = label(of, "color", "#e02f44", "1"+digits)
	return fill(`group by (id, source, target, mainstat, color) (
label_replace(label_replace(
label_join(label_join(OF, "mainstat", " ", LABELS), "id", "-", "source_org_id", "sink_org_id"),
"source", "$1", "source_org_id", "(.*)"), "target", "$1", "sink_org_id", "(.*)")
)`, "OF", of, "LABELS", strings.Join(labels, ", "))
}

// nodes are the orgs at both ends of all edges, with the fields id, title, mainstat,
// secondarystat and color. None may be missing.
func nodes() string {
	series := in("datadog_org_connections", selected)
	ends := fill(`group by (org_id) (label_replace(SERIES, "org_id", "$1", "source_org_id", "(.*)") or label_replace(SERIES, "org_id", "$1", "sink_org_id", "(.*)"))`,
		"SERIES", series)
	of := func(label, values, others string) string {
		return "* on (org_id) group_left (" + label + ")\n(" + values + "\nor on (org_id) " + others + ")"
	}
	// count tells the number of other ends as text: the node graph shows numbers with decimals.
	count := func(label, end, arrow string) string {
		return of(label, fill(`label_replace(label_replace(
count_values by (END_org_id) ("LABEL", count by (END_org_id) (group by (KEY) (SERIES))),
"LABEL", "ARROW $1", "LABEL", "(.*)"), "org_id", "$1", "END_org_id", "(.*)")`,
			"END", end, "LABEL", label, "KEY", pair, "SERIES", series, "ARROW", arrow), ends)
	}
	const colour = `label_replace(ORGS, "color", "COLOUR", "", "")`
	return strings.Join([]string{
		`label_replace(group by (org_id, title, mainstat, secondarystat, color) (`,
		ends,
		of("title", names("title", orgsNow), ends),
		count("mainstat", "source", "→"),
		count("secondarystat", "sink", "←"),
		of("color", fill(colour, "ORGS", blindSpots, "COLOUR", grey), fill(colour, "ORGS", ends, "COLOUR", "#5794f2")),
		`), "id", "$1", "org_id", "(.*)")`,
	}, "\n")
}

func connectionTable() panel {
	each := func(values string) string { return "max by (connection_id) (" + values + ")" }
	info := "group by (connection_id, " + pair + ") (" + connections + ")"
	return table(24, "Connections", "Every connection, with what may end it: Datadog deletes a connection when the account of its creator is disabled, so a service account is the better creator.",
		"No connections.",
		text("source", "Source"),
		text("sink", "Sink"),
		number("Value #B", "Types", "none").with("noValue", "none").with("mappings", words(typeWords())),
		number("Value #E", "Expectation", "none").with("noValue", "no policy").worded(map[string]object{"0": word("expected", green), "1": word("unexpected", red)}).wide(130),
		age("Value #C").wide(130),
		text("creator_kind", "Creator").worded(map[string]object{
			"service_account": word("service account", plain), "user": word("person", orange), "unknown": word("not told", grey),
		}).wide(140),
		number("Value #D", "Creator's account", "none").worded(map[string]object{"0": word("active", plain), "1": word("disabled", red)}).wide(150),
		text("connection_id", "Connection").wide(310),
	).
		now(named("topk by (connection_id) (1, group by (connection_id, "+pair+", creator_kind) ("+connections+"))", orgsNow)).
		now(each(info+"\n* on ("+pair+") group_left ()\n"+typesOf())).
		now(each("time() - ("+ofTypes(in("datadog_org_connection_created_timestamp_seconds", between))+")")).
		now(each(ofTypes(in("datadog_org_connection_creator_disabled", between)))).
		now(each(info+"\n* on ("+pair+") group_left ()\ngroup by ("+pair+") ("+unexpected+")\nor 0 * "+info)+"\nand on () group("+policies+")").
		sorted("-Expectation", "Age")
}

func peopleCount() panel {
	return alarm(5, "Created by people", "Connections whose creator is a person: Datadog deletes them when the person leaves, which a service account does not.", orange, "unknown",
		orNone("count(group by (connection_id) ("+ofTypes(in("datadog_org_connection_info", between+`, creator_kind="user"`))+"))")).
		runbook("DatadogOrgConnectionCreatorIsPerson")
}

func widerSinkCount() panel {
	end := func(name, sharing string) string {
		return fill(`and on (END_org_id) label_replace(ORGS, "END_org_id", "$1", "org_id", "(.*)")`,
			"END", name, "ORGS", in("datadog_org_info", scraped+", "+sharing))
	}
	return alarm(5, "Sinks that share more", "Connections from an org that keeps everything private to one that does not: the sink may publish what the source may not.", orange, "unknown",
		orNone("count(group by ("+pair+") ("+connections+")\n"+end("source", `sharing="all_private"`)+"\n"+end("sink", `sharing!~"all_private|"`)+")")).
		runbook("DatadogOrgConnectionSinkSharesMore")
}

// sinksOf and sourcesOf count the other ends of each org's connections. All of them:
// whom they share with was chosen for other panels.
var (
	sinksOf   = `count by (source_org_id) (group by (` + pair + `) (` + in("datadog_org_connection_info", scraped+`, source_org_id=~"$source", source_org_id!="", sink_org_id!=""`) + `))`
	sourcesOf = `count by (sink_org_id) (group by (` + pair + `) (` + in("datadog_org_connection_info", scraped+`, sink_org_id=~"$sink", sink_org_id!="", source_org_id!=""`) + `))`
)

// sinkLimit is how many sinks Datadog allows a source that is not Enterprise.
const sinkLimit = 5

func nearLimitCount() panel {
	return alarm(5, "Near the limit of sinks", "Sources with four sinks or more. An org that is not Enterprise can share with five.", orange, "unknown",
		orNone("count("+sinksOf+" >= "+strconv.Itoa(sinkLimit-1)+")")).
		runbook("DatadogOrgConnectionNearSinkLimit")
}

func disabledOrgCount() panel {
	return alarm(4, "Disabled orgs", "Orgs that take part in connections and are disabled.", orange, "unknown",
		orNone("count(max by (org_id) ("+in("datadog_org_disabled", scraped)+") == 1)"))
}

func endingRuleCount() panel {
	return alarm(5, "Rules that end", "Rules of the policy that expire within 30 days, or have expired. Then what they allowed is unexpected.", orange, "no policy",
		"count("+untilRulesEnd+" < 30 * 86400)\nor 0 * group("+policies+")").
		runbook("DatadogOrgConnectionRuleExpiresSoon")
}

var untilRulesEnd = "min by (rule) (" + in("datadog_org_connection_rule_expiry_timestamp_seconds", scraped) + ") - time()"

func fanOut() panel {
	return table(5, "Sinks per source", "Sinks of each source, against the limit of five that Datadog sets to orgs that are not Enterprise.", "No connections.",
		text("org", "Source").choose("source", "org_id"),
		number("Value", "Sinks", "none").gauge(sinkLimit, colored(blue, step{sinkLimit - 1, orange})).wide(110),
		hidden("org_id"),
	).now(called(`label_replace(`+sinksOf+`, "org_id", "$1", "source_org_id", "(.*)")`)).
		sorted("-Sinks", "Source").
		runbook("DatadogOrgConnectionNearSinkLimit")
}

func fanIn() panel {
	return table(5, "Sources per sink", "Sources of each sink: the more there are, the more its users can see.", "No connections.",
		text("org", "Sink").choose("sink", "org_id"),
		number("Value", "Sources", "none").gauge(0, colored(blue)).wide(110),
		hidden("org_id"),
	).now(called(`label_replace(`+sourcesOf+`, "org_id", "$1", "sink_org_id", "(.*)")`)).
		sorted("-Sources", "Sink")
}

func orgTable() panel {
	return table(9, "Orgs", "Orgs that take part in connections. Keys of a blind spot are not configured, or do not work: its connections to other blind spots cannot be seen.", "No orgs.",
		text("org", "Org"),
		text("sharing", "Sharing").worded(map[string]object{"all_private": word("all private", plain)}).with("thresholds", colored(orange)).wide(120),
		number("Value #B", "State", "none").worded(map[string]object{"0": word("active", plain), "1": word("disabled", orange)}).wide(90),
		number("Value #C", "Keys", "none").with("noValue", "–").worded(map[string]object{"0": word("blind spot", grey), "1": word("known", plain)}).wide(100),
	).
		now(called("topk by (org_id) (1, group by (org_id, sharing) ("+in("datadog_org_info", scraped)+"))")).
		now("max by (org_id) ("+in("datadog_org_disabled", scraped)+")").
		now("max by (org_id) ("+in("datadog_org_observed", scraped)+")").
		sorted("-State", "Org")
}

func ruleTable() panel {
	return table(5, "When rules end", "Rules of the policy with an expiry. From then on they allow and require nothing.", "No rule ends.",
		text("rule", "Rule"),
		number("Value", "Ends in", "s").with("decimals", 0).inColor().
			with("thresholds", colored(red, step{0, orange}, step{30 * 24 * 60 * 60, plain})).
			with("mappings", []object{{"type": "range", "options": object{"from": nil, "to": 0, "result": word("has ended", red)}}}).wide(110),
	).now(untilRulesEnd).
		sorted("Ends in").
		runbook("DatadogOrgConnectionRuleExpired")
}

func connectionsOverTime() panel {
	return series(12, "Connections by type", "Connections of each type. One of several types counts for each.", "none", "Nothing was listed.").with("decimals", 0).
		over("sum by (connection_type) ("+shares+")", "{{connection_type}}").
		draw(stacked).inTypeColors()
}

func findingsOverTime() panel {
	return series(12, "Unexpected and missing", "How much was unexpected or missing. There are gaps while that is not known.", "none", "There is no policy.").with("decimals", 0).
		over("count("+unexpected+")\nor 0 * group("+policies+")", "unexpected").
		over(fill("count(MISSING)\nor 0 * group(POLICIES) unless on () HIDDEN",
			"MISSING", missing, "HIDDEN", outOfSight, "POLICIES", in("datadog_org_connection_rules", everyTarget)), "missing").
		draw(steps).where("unexpected", fixed(red)).where("missing", fixed(orange))
}
