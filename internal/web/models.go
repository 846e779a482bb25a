package web

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/policy"
	"datadog_org_connections_exporter/internal/report"
)

// builder makes what the templates show. Its methods are pure.
type builder struct {
	*content
	root string // the relative URL of /
}

// link is a text that leads somewhere, or nowhere where Href is empty.
type link struct{ Text, Href string }

// moment is a time, and how long ago it is.
type moment struct{ Ago, ISO, Full string }

func (b builder) moment(t time.Time) moment {
	t = t.UTC()
	if d := t.Sub(b.now); d > time.Minute {
		return moment{"in " + age(d), t.Format(time.RFC3339), t.Format(time.DateTime) + " UTC"}
	}
	return moment{age(b.now.Sub(t)), t.Format(time.RFC3339), t.Format(time.DateTime) + " UTC"}
}

// orgLink returns a link to the page of an org, if a path can name it.
func (b builder) orgLink(o report.OrgRef) link {
	if o.ID == "" || o.ID == "." || o.ID == ".." {
		return link{Text: o.Label()}
	}
	return link{o.Label(), b.root + "orgs/" + url.PathEscape(o.ID)}
}

// connectionLink leads to a connection's row, on whatever page that is.
func (b builder) connectionLink(text, id string) link {
	return link{text, b.root + "?" + query{text: id}.String() + "#c-" + url.PathEscape(id)}
}

// typeMark is a connection type.
type typeMark struct {
	Name, Short string
	Unexpected  bool
}

// shortTypes are the types of the API's reference. Others are shown in full.
var shortTypes = map[string]string{"logs": "L", "metrics": "M", "audit": "A"}

func typeMarks(types, unexpected []string) []typeMark {
	var marks []typeMark
	for _, t := range types {
		name := report.Escape(t)
		marks = append(marks, typeMark{name, cmp.Or(shortTypes[t], name), slices.Contains(unexpected, t)})
	}
	return marks
}

// connectionRow is a connection in a list.
type connectionRow struct {
	ID           string
	Source, Sink link
	Types        []typeMark
	Created      *moment // nil if unknown
	Creator      string
	Disabled     bool // the creator is
	Expectation  string
	Show         link // to its row, from elsewhere
}

func (b builder) connectionRows(connections []report.Connection) []connectionRow {
	var rows []connectionRow
	for _, c := range connections {
		row := connectionRow{
			ID: c.ID, Source: b.orgLink(c.Source), Sink: b.orgLink(c.Sink), Types: typeMarks(c.Types, c.Unexpected),
			Creator: creatorLabel(c.Creator), Disabled: c.Creator.Disabled == datadog.Yes, Expectation: expectationOf(c),
			Show: b.connectionLink("show", c.ID),
		}
		if c.CreatedAt != nil {
			created := b.moment(*c.CreatedAt)
			row.Created = &created
		}
		rows = append(rows, row)
	}
	return rows
}

func creatorLabel(c report.Creator) string {
	switch c.Kind {
	case string(datadog.CreatorUser):
		return "a person"
	case string(datadog.CreatorServiceAccount):
		return "service account"
	}
	return "unknown"
}

// changeRow is a change in a list.
type changeRow struct {
	Kind         string
	When         moment
	Source, Sink link
	Text         string // what was gained or lost
	Types        string
	Creator      string
	Connection   link // to the row of it, if it is there
}

func (b builder) changeRows(changes []report.Change) []changeRow {
	var rows []changeRow
	for _, c := range changes {
		types := report.Escape(strings.Join(c.Types, ", "))
		row := changeRow{
			Kind: string(c.Change), When: b.moment(c.Time), Source: b.orgLink(c.Source), Sink: b.orgLink(c.Sink),
			Types: types, Text: changeText(c.Change, cmp.Or(types, "no types")), Creator: creatorLabel(c.Creator), Connection: link{Text: "gone"},
		}
		if c.Change != inventory.Removed && b.has(c.ID) {
			row.Connection = b.connectionLink("show", c.ID)
		}
		rows = append(rows, row)
	}
	return rows
}

func changeText(kind inventory.ChangeKind, types string) string {
	switch kind {
	case inventory.Added:
		return "is new: it shares " + types
	case inventory.Removed:
		return "is gone: it shared " + types
	case inventory.Widened:
		return "is wider: it gained " + types
	case inventory.Narrowed:
		return "is narrower: it lost " + types
	}
	return "came into sight, and was there before: it shares " + types
}

// has reports whether the connection is in the inventory.
func (b builder) has(id string) bool {
	_, found := slices.BinarySearchFunc(b.view.Snapshot.Connections, id, func(c datadog.Connection, id string) int { return cmp.Compare(c.ID, id) })
	return found
}

// field is one of a form; with Options it is a choice, else a text.
type field struct {
	Name, Label, Value, Hint string
	Options                  []option
	Suggestions              []string
}

type option struct {
	Value, Label string
	Selected     bool
}

// listPage is one page of a list that a form selects from.
type listPage struct {
	Action   string // the relative URL of the list
	Fields   []field
	Selected bool   // the query may leave something out
	Summary  string // such as "201–400 of 1,234 connections"
	Previous string // relative URLs, empty where there is none
	Next     string
	Formats  []link // the same selection from the API
}

// maxSuggestions bounds the names that a form suggests.
const maxSuggestions = 500

// newListPage returns the page of a query of which total items match. path is that of the list
// below the root, api that of the same selection.
func (b builder) newListPage(q query, path, api, noun string, total int, formats ...string) listPage {
	list := listPage{Action: b.root + path + "#list", Selected: q.selects()}
	first, last := min((q.page-1)*pageSize+1, total), min(q.page*pageSize, total)
	list.Summary = grouped(count(total, noun))
	if total > pageSize {
		list.Summary = grouped(fmt.Sprintf("%d–%d of %s", first, last, count(total, noun)))
	}
	at := func(page int) string {
		other := q
		other.page = page
		return b.list(path, other, "").Href
	}
	if q.page > 1 {
		list.Previous = at(q.page - 1)
	}
	if last < total {
		list.Next = at(q.page + 1)
	}
	q.page = 0
	for _, format := range formats {
		q.format = format
		list.Formats = append(list.Formats, link{formatNames[format], b.root + api + "?" + q.String()})
	}
	return list
}

var formatNames = map[string]string{"json": "JSON", "csv": "CSV", "dot": "Graphviz", "mermaid": "Mermaid"}

// grouped returns a text with thin spaces between the thousands of numbers.
func grouped(text string) string {
	words := strings.Fields(text)
	for n, word := range words {
		for _, number := range strings.Split(word, "–") {
			if len(number) > 4 && strings.Trim(number, "0123456789") == "" {
				word = strings.Replace(word, number, number[:len(number)-3]+","+number[len(number)-3:], 1)
			}
		}
		words[n] = word
	}
	return strings.Join(words, " ")
}

// fields returns the form of a query. Those of the history have fewer.
func (b builder) fields(q query, ofHistory bool) []field {
	choice := func(name, label, value, none string, values []string) field {
		f := field{Name: name, Label: label, Options: []option{{"", none, value == ""}}}
		if value != "" && !slices.Contains(values, value) {
			values = append(slices.Clone(values), value)
		}
		for _, v := range values {
			f.Options = append(f.Options, option{v, strings.ReplaceAll(report.Escape(v), "_", " "), v == value})
		}
		return f
	}
	var names []string
	for _, o := range b.orgs[:min(len(b.orgs), maxSuggestions)] {
		names = append(names, o.Name)
	}
	fields := []field{
		{Name: "q", Label: "Search", Value: q.text, Hint: "a name or an id"},
		{Name: "org", Label: "Org at either end", Value: q.org, Hint: "name, id or Acme *", Suggestions: slices.Compact(names)},
		choice("type", "Type", q.kind, "all", b.types),
	}
	if b.judgement != nil && !ofHistory {
		fields = append(fields, choice("expectation", "By the policy", q.expectation, "all", expectations))
	}
	fields = append(fields, choice("creator", "Created by", q.creator, "all", creators))
	if ofHistory {
		return append(fields, choice("change", "Change", q.change, "all", changeKinds()))
	}
	return append(fields, choice("change", "Changed in 7 days", q.change, "all", changeKinds()), choice("sort", "Order", q.sort, "by source", sorts[1:]))
}

// end is another org, and what it shares or sees.
type end struct {
	Org        link
	Connection connectionRow
}

// orgPageModel is what is known of an org.
type orgPageModel struct {
	report.Org
	Name, Keys     string
	SharedWith     []end // sinks: can see its data
	Sees           []end // sources: its users can see their data
	More           string
	Sinks          int // distinct
	IsDisabled     bool
	Changes        []changeRow
	AllChanges     string
	AllConnections string
	Start          *moment
	Certain        bool // all of its connections are known
}

// ofOrg returns a query of an org: a text where the id is not a UUID.
func ofOrg(id string) query {
	if pattern, err := policy.NewPattern(id); err == nil && pattern.Exact() {
		return query{org: id}
	}
	return query{text: id}
}

// maxEnds bounds the list of each side of an org, and of its changes.
const maxEnds = 100

// org returns the page of an org; ok is false where it is not known.
func (b builder) org(id string) (page orgPageModel, ok bool) {
	name, ok := b.names[id]
	if !ok {
		return orgPageModel{}, false
	}
	o, present := b.orgByID[id]
	if !present { // it was in a change
		o = report.Org{ID: id, Name: name}
	}
	page = orgPageModel{Org: o, Name: report.OrgRef{ID: id, Name: name}.Label(), IsDisabled: o.Disabled == datadog.Yes}
	page.Certain = o.Observed == datadog.Yes && b.view.Complete()
	page.Keys = keysText(present, o.Observed, page.Certain)
	b.addEnds(&page, id)
	page.AllConnections = b.list("", ofOrg(id), "").Href
	page.AllChanges = b.list("history", ofOrg(id), "").Href
	changes := slices.DeleteFunc(slices.Clone(b.changes), func(c report.Change) bool { return c.Source.ID != id && c.Sink.ID != id })
	page.Changes = b.changeRows(changes[:min(len(changes), maxEnds)])
	if b.start != nil {
		start := b.moment(*b.start)
		page.Start = &start
	}
	return page, true
}

// keysText says how far the connections of an org are known.
func keysText(present bool, observed datadog.Ternary, certain bool) string {
	switch {
	case !present:
		return "it is not in the inventory now: what is here is its history"
	case certain:
		return "yes: all of its connections are shown"
	case observed == datadog.Yes:
		return "yes, but not all connections are known now"
	case observed == datadog.No:
		return "no: connections with orgs that are not listed are not shown"
	}
	return "not certain: the listings do not tell"
}

// addEnds adds the orgs that the org shares with and sees.
func (b builder) addEnds(page *orgPageModel, id string) {
	sinks := map[string]bool{}
	var source, sink []report.Connection
	for _, c := range b.connections {
		if c.Source.ID == id {
			source, sinks[c.Sink.ID] = append(source, c), true
		}
		if c.Sink.ID == id {
			sink = append(sink, c)
		}
	}
	page.Sinks = len(sinks)
	for _, row := range b.connectionRows(source[:min(len(source), maxEnds)]) {
		page.SharedWith = append(page.SharedWith, end{row.Sink, row})
	}
	for _, row := range b.connectionRows(sink[:min(len(sink), maxEnds)]) {
		page.Sees = append(page.Sees, end{row.Source, row})
	}
	if len(source) > maxEnds || len(sink) > maxEnds {
		page.More = fmt.Sprintf("Only the first %d of each are here.", maxEnds)
	}
}

// historyPageModel is what has changed.
type historyPageModel struct {
	List    listPage
	Changes []changeRow
	Start   *moment // nil before
}

func (b builder) history(q query) historyPageModel {
	selected := q.changes(b.changes)
	q.page = min(q.page, pages(selected))
	page := historyPageModel{List: b.newListPage(q, "history", "api/v1/history", "change", len(selected), "json", "csv"), Changes: b.changeRows(pageOf(q, selected))}
	page.List.Fields = b.fields(q, true)
	if b.start != nil {
		start := b.moment(*b.start)
		page.Start = &start
	}
	return page
}
