package main

// Changes as the exporter remembers them, with the time of each as the value. What
// Prometheus has scraped is not compared: a target that was down changes nothing.

// changes returns when the connections changed, one series for each type of a change.
// Several targets may know of it. suffix is empty or a modifier.
func changes(matchers, suffix string) string {
	return "max by (change, connection_id, " + typeLabels + ") (" + selector("datadog_org_connection_change_timestamp_seconds", matchers, suffix) + ")"
}

// changedInRange returns the changes in the time range, of one kind or of all if change
// is empty.
func changedInRange(change string) string {
	matchers := typeMatchers
	if change != "" {
		matchers += `, change="` + change + `"`
	}
	return changes(matchers, "") + " > time() - $__range_s"
}

// orgsOfChanges returns the orgs of now, and those that only changes tell of, with their
// ID as their name.
func orgsOfChanges(suffix string) string {
	ids := func(end string) string {
		return expand(`label_replace(label_replace(CHANGES, "org_id", "$1", "END", "(.+)"), "org_name", "$1", "END", "(.+)")`,
			"CHANGES", selector("datadog_org_connection_change_timestamp_seconds", typeMatchers+", "+end+`!=""`, suffix), "END", end)
	}
	return uniqueOrgs(selector("datadog_org_info", targetMatchers, suffix) + "\nor on (org_id) " + ids("source_org_id") + "\nor on (org_id) " + ids("sink_org_id"))
}

// changesAnnotation marks each change in the step that it happened in, as known at the
// end of the time range: some are found later.
func changesAnnotation() object {
	const atEnd = " @ end()" // evaluated once, not at every step
	return timestampAnnotation("Changes", blue, "{{change}}: {{connection_type}} from {{source}} to {{sink}}",
		"("+withSourceAndSink(changes(typeMatchers, atEnd), orgsOfChanges(atEnd))+"\n<= time() > time() - $__interval_ms / 1000)")
}

func changesStat(width int) panel {
	count := func(change string) string {
		return "count(group by (connection_id) (" + changedInRange(change) + "))\nor 0 * group(" + selector("datadog_history_start_timestamp_seconds", targetMatchers) + ")"
	}
	p := stat(width, "Changes", "Connections that changed in the time range: that were created, have a type more or a type less, were removed, or are older and were seen for the first time, because of new keys or a wider filter. Changes are shown for seven days.",
		"none", "unknown", count("added")).
		withDefault("thresholds", thresholds(textColor, threshold{1, blue})).
		withDefault("mappings", valueMappings(map[string]object{"0": mapped("none", grey)}))
	for _, change := range []string{"widened", "discovered", "narrowed", "removed"} {
		p = p.withTarget(target{Expr: count(change), Format: "time_series", Instant: true})
	}
	for n, name := range []string{"Added", "Widened", "Discovered", "Narrowed", "Removed"} {
		p.Targets[n].LegendFormat = name
	}
	p.Options["orientation"] = "vertical"
	p.Options["text"] = object{"titleSize": 16, "valueSize": 32}
	return p.withChangeRunbooks()
}

func changesTable() panel {
	return table(24, "Changes", "Types of connections that changed in the time range. Discovered ones are older, and were seen for the first time. Changes are shown for seven days; the ID stands for an org that is gone.",
		"Nothing changed, or it is unknown.",
		numberColumn("Value", "When", "dateTimeAsIsoNoDateIfToday").withWidth(170),
		textColumn("change", "Change").withMappings(map[string]object{
			"added": mapped("added", blue), "widened": mapped("widened", blue), "discovered": mapped("discovered", textColor),
			"narrowed": mapped("narrowed", textColor), "removed": mapped("removed", textColor),
		}).withWidth(110),
		textColumn("connection_type", "Type").withProperty("noValue", "none").withWidth(110),
		textColumn("source", "Source"),
		textColumn("sink", "Sink"),
		textColumn("connection_id", "Connection").withWidth(310),
	).
		withInstantQuery("1000 * ("+withSourceAndSink(changedInRange(""), orgsOfChanges(""))+")").
		sortBy("-When", "Source", "Type").
		withChangeRunbooks()
}

func (p panel) withChangeRunbooks() panel {
	return p.withRunbook("DatadogOrgConnectionNew").withRunbook("DatadogOrgConnectionWidened").withRunbook("DatadogOrgConnectionRemoved")
}

// historyAge is for how long each target has remembered changes without a gap.
var historyAge = "time() - " + selector("datadog_history_start_timestamp_seconds", targetMatchers)

func historyStat(width int) panel {
	return stat(width, "History", "For how long changes have been remembered without a gap, by the target with the shortest memory. Earlier changes are unknown. Orange: for less than a day. A state directory keeps the memory through restarts (--storage.path).",
		"s", "none yet", "min("+historyAge+")").
		withDefault("decimals", 1).
		withDefault("thresholds", thresholds(orange, threshold{24 * 60 * 60, textColor}))
}
