package main

import (
	"fmt"
	"strings"
)

// What series are asked for: those of the targets that the reader chose, of the
// connections between the orgs chosen, of the types chosen.
const (
	scraped  = `job=~"$job", instance=~"$instance"`
	between  = scraped + `, source_org_id=~"$source", sink_org_id=~"$sink"`
	selected = between + `, connection_type=~"$type"`
)

// What tells series apart. The same connection may be shown by several targets,
// and an org may have two names at a time: go by ids, and take each once.
const (
	pair  = "source_org_id, sink_org_id"
	share = pair + ", connection_type"
)

// in is a metric's series with these labels, and the range or offset after it.
func in(metric, labels string, after ...string) string {
	return metric + "{" + labels + "}" + strings.Join(after, "")
}

// orNone is a number of things, 0 where there are none, and nothing while no org
// is listed: then it is not known.
func orNone(count string) string {
	return count + "\nor 0 * group(" + in("datadog_up", scraped) + " == 1)"
}

// fill replaces the names in a query by other queries.
func fill(query string, queries ...string) string {
	return strings.NewReplacer(queries...).Replace(query)
}

// orgs are all orgs with one name each.
func orgs(series string) string {
	return "topk by (org_id) (1, group by (org_id, org_name) (" + series + "))"
}

var orgsNow = orgs(in("datadog_org_info", scraped))

// names are orgs with a label that tells them apart: the name, and a part of the
// id behind it where another org is called the same. The last is for the end of a
// connection that the API does not tell, which has no id.
func names(label, orgs string) string {
	return fill(`label_replace(ORGS unless on (org_name) (count by (org_name) (ORGS) > 1), "LABEL", "$1", "org_name", "(.*)")
or on (org_id) label_replace(label_join(ORGS, "LABEL", " ", "org_name", "org_id"), "LABEL", "$1 ($2)", "LABEL", "(.*) ([^ ]{0,8})[^ ]*")
or on (org_id) label_replace(vector(1), "LABEL", "not told", "", "")`,
		"ORGS", orgs, "LABEL", label)
}

// named gives connections the labels source and sink, as people call them.
func named(connections, orgs string) string {
	end := func(label string) string {
		return fill("* on (LABEL_org_id) group_left (LABEL) label_replace(\nNAMES\n, \"LABEL_org_id\", \"$1\", \"org_id\", \"(.*)\")",
			"LABEL", label, "NAMES", names(label, orgs))
	}
	return "(" + connections + ")\n" + end("source") + "\n" + end("sink")
}

// called gives orgs, told apart by org_id, the label org.
func called(values string) string {
	return "(" + values + ")\n* on (org_id) group_left (org)\n(" + names("org", orgsNow) + ")"
}

// ofTypes keeps those connections that have a type that was chosen, or none at all.
func ofTypes(connections string) string {
	return fmt.Sprintf("%s unless on (%s) (%s unless on (%s) %s)", connections, pair,
		in("datadog_org_connections", between), pair, in("datadog_org_connections", selected))
}

// onlyOf keeps the values that those have, too.
func onlyOf(values, key, those string) string {
	return fmt.Sprintf("(%s)\nand on (%s) (%s)", values, key, those)
}
