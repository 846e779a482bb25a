package web

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/policy"
	"datadog_org_connections_exporter/internal/report"
)

const (
	// pageSize is how many connections or changes are on a page.
	pageSize = 200
	// maxParameter is the longest value of a parameter, in bytes.
	maxParameter = 256
	// recent is how long a change counts as one.
	recent = 7 * 24 * time.Hour
)

// query selects and sorts connections and changes: the parameters of pages and of the
// API. The zero value selects all. It is comparable.
type query struct {
	text        string // in a name or an id
	org         string // at either end: UUID, name or glob
	kind        string // a connection type
	expectation string
	creator     string
	change      string
	sort        string
	page        int // from 1; 0 where no page was asked for
	format      string

	pattern policy.Pattern // of org
}

// parameter is one of a query's; its name is that in a URL.
type parameter struct {
	name   string
	value  *string
	values []string // that it may have; nil for any
}

// The values of parameters that have few.
var (
	expectations = []string{"expected", "unexpected"}
	creators     = []string{string(datadog.CreatorUser), string(datadog.CreatorServiceAccount), string(datadog.CreatorUnknown), "disabled"}
	sorts        = []string{"source", "sink", "created"}
	formats      = []string{"json", "csv", "dot", "mermaid"}
)

func changeKinds() []string {
	var kinds []string
	for _, kind := range inventory.ChangeKinds() {
		kinds = append(kinds, string(kind))
	}
	return kinds
}

// parameters returns all but the page.
func (q *query) parameters() []parameter {
	return []parameter{
		{"q", &q.text, nil},
		{"org", &q.org, nil},
		{"type", &q.kind, nil},
		{"expectation", &q.expectation, expectations},
		{"creator", &q.creator, creators},
		{"change", &q.change, changeKinds()},
		{"sort", &q.sort, sorts},
		{"format", &q.format, formats},
	}
}

// parseQuery reads the part of a URL after the question mark. Parameters without a value
// are as if left out. The error is for whoever asked.
func parseQuery(raw string) (query, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return query{}, fmt.Errorf("the parameters cannot be read: %w", err)
	}
	var q query
	known := []string{"page"}
	for _, p := range q.parameters() {
		known = append(known, p.name)
	}
	if err := checkValues(values, known); err != nil {
		return query{}, err
	}
	for _, p := range q.parameters() {
		value := values.Get(p.name)
		if p.values != nil && value != "" && !slices.Contains(p.values, value) {
			return query{}, fmt.Errorf("%s is %q; it can be %s", p.name, value, strings.Join(p.values, ", "))
		}
		*p.value = value
	}
	if q.pattern, err = policy.NewPattern(q.org); err != nil {
		return query{}, fmt.Errorf("org is %q, which is not a valid glob: close its brackets, or escape special characters with \\", q.org)
	}
	q.page, err = pageNumber(values.Get("page"))
	return q, err
}

// pageNumber returns 0 for an empty text.
func pageNumber(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	page, err := strconv.Atoi(text)
	if err != nil || page < 1 || page > 1_000_000 {
		return 0, fmt.Errorf("page is %q; it can be a number from 1", text)
	}
	return page, nil
}

// checkValues returns an error for parameters that are not known, and for values that none
// can have.
func checkValues(values url.Values, known []string) error {
	for name, given := range values {
		switch {
		case !slices.Contains(known, name):
			return fmt.Errorf("there is no parameter %q; there are %s", name, strings.Join(known, ", "))
		case len(given) > 1:
			return fmt.Errorf("%s is given %d times; give it once", name, len(given))
		case len(given[0]) > maxParameter:
			return fmt.Errorf("%s has %d bytes; it can have %d", name, len(given[0]), maxParameter)
		case !utf8.ValidString(given[0]):
			return fmt.Errorf("%s is not valid UTF-8", name)
		}
	}
	return nil
}

// String returns the query as the part of a URL after the question mark, the same for
// equal queries.
func (q query) String() string {
	values := url.Values{}
	for _, p := range q.parameters() {
		if *p.value != "" {
			values.Set(p.name, *p.value)
		}
	}
	if q.page > 1 {
		values.Set("page", strconv.Itoa(q.page))
	}
	return values.Encode()
}

// selection returns the query with only what selects: neither order, page nor format.
func (q query) selection() query {
	q.sort, q.page, q.format = "", 0, ""
	return q
}

// selects reports whether the query may leave something out, apart from its page.
func (q query) selects() bool { return q.selection() != query{pattern: q.pattern} }

// matches reports what connections and changes have in common.
func (q query) matches(id string, source, sink report.OrgRef, types []string, creator report.Creator) bool {
	return (q.org == "" || q.pattern.Matches(policy.Org(source)) || q.pattern.Matches(policy.Org(sink))) &&
		(q.kind == "" || slices.Contains(types, q.kind)) &&
		(q.creator == "" || q.creator == creator.Kind && creator.Disabled != datadog.Yes || q.creator == "disabled" && creator.Disabled == datadog.Yes) &&
		(q.text == "" || containsFold(q.text, id, source.ID, source.Name, sink.ID, sink.Name))
}

func containsFold(text string, in ...string) bool {
	text = strings.ToLower(text)
	return slices.ContainsFunc(in, func(s string) bool { return strings.Contains(strings.ToLower(s), text) })
}

// connections returns the selected connections of all, in the order of the query. changed
// has the recent kinds of changes by connection id.
func (q query) connections(all []report.Connection, changed map[string][]inventory.ChangeKind) []report.Connection {
	if !q.selects() && (q.sort == "" || q.sort == "source") {
		return all
	}
	selected := []report.Connection{}
	for _, c := range all {
		if q.matches(c.ID, c.Source, c.Sink, c.Types, c.Creator) &&
			(q.expectation == "" || q.expectation == expectationOf(c)) &&
			(q.change == "" || slices.Contains(changed[c.ID], inventory.ChangeKind(q.change))) {
			selected = append(selected, c)
		}
	}
	switch q.sort {
	case "sink":
		slices.SortStableFunc(selected, func(a, b report.Connection) int {
			return cmp.Or(cmp.Compare(a.Sink.Name, b.Sink.Name), cmp.Compare(a.Sink.ID, b.Sink.ID))
		})
	case "created":
		slices.SortStableFunc(selected, func(a, b report.Connection) int { return createdAt(b).Compare(createdAt(a)) })
	}
	return selected
}

// expectationOf returns one of [expectations], empty where there is no policy.
func expectationOf(c report.Connection) string {
	switch {
	case c.Unexpected == nil:
		return ""
	case len(c.Unexpected) > 0:
		return "unexpected"
	}
	return "expected"
}

// createdAt returns the zero time if it is unknown, which is last then.
func createdAt(c report.Connection) time.Time {
	if c.CreatedAt == nil {
		return time.Time{}
	}
	return *c.CreatedAt
}

// changes returns the selected changes of all, in their order. What is expected is not
// known of a change.
func (q query) changes(all []report.Change) []report.Change {
	if !q.selects() {
		return all
	}
	selected := []report.Change{}
	for _, c := range all {
		if q.matches(c.ID, c.Source, c.Sink, slices.Concat(c.Types, c.TypesNow), c.Creator) && (q.change == "" || q.change == string(c.Change)) {
			selected = append(selected, c)
		}
	}
	return selected
}

// pageOf returns the query's page of the items; without a page, all of them.
func pageOf[T any](q query, items []T) []T {
	if q.page == 0 {
		return items
	}
	return items[min((q.page-1)*pageSize, len(items)):min(q.page*pageSize, len(items))]
}

// pages returns how many pages the items have, one at least.
func pages[T any](items []T) int { return max(1, (len(items)+pageSize-1)/pageSize) }

// checkHistory returns an error for what a change does not have.
func (q query) checkHistory() error {
	if q.expectation != "" || q.sort != "" {
		return errors.New("the history has neither expectation nor sort: the latest change comes first")
	}
	return nil
}
