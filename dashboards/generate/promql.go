package main

import (
	"fmt"
	"strings"
)

// Label matchers for the values of the dashboard's variables: of the targets, also of
// the source and sink orgs, also of the connection type.
const (
	jobMatcher     = `job=~"$job"`
	targetMatchers = jobMatcher + `, instance=~"$instance"`
	orgMatchers    = targetMatchers + `, source_org_id=~"$source", sink_org_id=~"$sink"`
	typeMatchers   = orgMatchers + `, connection_type=~"$type"`
)

// Labels to aggregate by. Several targets may expose the same connection, and an org
// that is being renamed has two names: only IDs identify it.
const (
	pairLabels = "source_org_id, sink_org_id"
	typeLabels = pairLabels + ", connection_type"
)

// selector returns a vector selector. suffix is a range or an offset.
func selector(metric, matchers string, suffix ...string) string {
	return metric + "{" + matchers + "}" + strings.Join(suffix, "")
}

// orZero returns count, or 0 where it is empty and an org is listed. While no org is
// listed, the result is empty: the count is unknown.
func orZero(count string) string {
	return count + "\nor 0 * group(" + selector("datadog_up", targetMatchers) + " == 1)"
}

// expand replaces placeholders in a query, given as pairs of placeholder and query.
func expand(query string, oldnew ...string) string {
	return strings.NewReplacer(oldnew...).Replace(query)
}

// uniqueOrgs returns one series for each org_id, with one name.
func uniqueOrgs(info string) string {
	return "topk by (org_id) (1, group by (org_id, org_name) (" + info + "))"
}

var currentOrgs = uniqueOrgs(selector("datadog_org_info", targetMatchers))

// displayNames returns orgs with the display name in label: the org's name, followed
// by the first characters of its ID where another org has the same name. An additional
// series without org_id is for connections one end of which the API does not tell.
func displayNames(label, orgs string) string {
	return expand(`label_replace(ORGS unless on (org_name) (count by (org_name) (ORGS) > 1), "LABEL", "$1", "org_name", "(.*)")
or on (org_id) label_replace(label_join(ORGS, "LABEL", " ", "org_name", "org_id"), "LABEL", "$1 ($2)", "LABEL", "(.*) ([^ ]{0,8})[^ ]*")
or on (org_id) label_replace(vector(1), "LABEL", "unknown", "", "")`,
		"ORGS", orgs, "LABEL", label)
}

// withSourceAndSink adds the labels source and sink, the display names of both orgs,
// to connections.
func withSourceAndSink(connections, orgs string) string {
	join := func(label string) string {
		return expand("* on (LABEL_org_id) group_left (LABEL) label_replace(\nNAMES\n, \"LABEL_org_id\", \"$1\", \"org_id\", \"(.*)\")",
			"LABEL", label, "NAMES", displayNames(label, orgs))
	}
	return "(" + connections + ")\n" + join("source") + "\n" + join("sink")
}

// withOrg adds the label org, the display name, to values with the label org_id.
func withOrg(values string) string {
	return "(" + values + ")\n* on (org_id) group_left (org)\n(" + displayNames("org", currentOrgs) + ")"
}

// filterTypes keeps connections of a selected type, and those without any type.
func filterTypes(connections string) string {
	return fmt.Sprintf("%s unless on (%s) (%s unless on (%s) %s)", connections, pairLabels,
		selector("datadog_org_connections", orgMatchers), pairLabels, selector("datadog_org_connections", typeMatchers))
}

// andOn keeps values whose labels are in filter, too.
func andOn(values, labels, filter string) string {
	return fmt.Sprintf("(%s)\nand on (%s) (%s)", values, labels, filter)
}
