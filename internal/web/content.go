package web

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/policy"
	"datadog_org_connections_exporter/internal/report"
)

// Judge is the consumer's side of [policy.Judge].
type Judge interface {
	// Judge returns the current policy and its judgement of a view; nil without a policy.
	Judge(view inventory.View, now time.Time) (*policy.Policy, *policy.Judgement)
}

// content is what pages and the API show: a view, and what is made of it once per snapshot,
// judgement and history. It is immutable.
type content struct {
	now       time.Time
	view      inventory.View
	judgement *policy.Judgement // nil without a policy
	document  report.Document   // whole and judged
	*prepared
}

// prepared is the part of a content that stays the same for many requests.
type prepared struct {
	by          preparedBy
	connections []report.Connection
	orgs        []report.Org
	orgByID     map[string]report.Org
	names       map[string]string   // of orgs by id, those that are gone too
	types       []string            // of the connections, sorted
	changes     []report.Change     // the latest first
	start       *time.Time          // of the history
	suggestions []policy.Suggestion // a rule for all that is unexpected
	verdict     verdict             // the counts of it

	mu         sync.Mutex
	selections map[query]*selection // of few queries
}

// selection is what a query selects, on all pages.
type selection struct {
	connections []report.Connection
	topology    topology
}

// maxSelections bounds how many selections are kept.
const maxSelections = 16

// preparedBy is all that a prepared content depends on.
type preparedBy struct {
	snapshot  *inventory.Snapshot
	policy    *policy.Policy
	judgement *policy.Judgement
	history   *inventory.History
}

// contents caches the last prepared content.
type contents struct {
	mu   sync.Mutex
	last *prepared
}

func (c *contents) get(view inventory.View, judge Judge, now time.Time) *content {
	by := preparedBy{snapshot: view.Snapshot, history: view.History}
	if judge != nil {
		by.policy, by.judgement = judge.Judge(view, now)
	}
	c.mu.Lock()
	if c.last == nil || c.last.by != by {
		c.last = prepare(by, now)
	}
	p := c.last
	c.mu.Unlock()
	made := &content{now: now, view: view, judgement: by.judgement, prepared: p}
	view.Snapshot = &inventory.Snapshot{}
	made.document = report.NewDocument(view, asOf(view, now))
	made.document.Connections, made.document.Orgs = p.connections, p.orgs
	return made
}

func prepare(by preparedBy, now time.Time) *prepared {
	document := report.NewDocument(inventory.View{Snapshot: by.snapshot}, now).Judged(by.judgement)
	p := &prepared{by: by, connections: document.Connections, orgs: document.Orgs, orgByID: map[string]report.Org{}, names: map[string]string{}}
	for _, c := range p.connections {
		p.types = append(p.types, c.Types...)
	}
	slices.Sort(p.types)
	p.types = slices.Compact(p.types)
	if by.history != nil {
		history := report.NewHistory(by.history, report.HistoryFilter{}, now)
		p.changes, p.start = history.Changes, history.Start
	}
	for _, c := range slices.Backward(p.changes) {
		p.names[c.Source.ID], p.names[c.Sink.ID] = c.Source.Name, c.Sink.Name
	}
	for _, o := range p.orgs {
		p.names[o.ID], p.orgByID[o.ID] = o.Name, o
	}
	if by.judgement != nil {
		p.suggestions = by.policy.Suggest(by.judgement.Unexpected)
	}
	p.verdict = p.counts()
	return p
}

// asOf returns when the latest listing ended: the inventory has been the same since,
// however often it is asked for.
func asOf(view inventory.View, now time.Time) time.Time {
	var latest time.Time
	for _, o := range view.Orgs {
		if o.Listing != nil && !o.Stale && o.Listing.Began.Add(o.Listing.Duration).After(latest) {
			latest = o.Listing.Began.Add(o.Listing.Duration)
		}
	}
	if latest.IsZero() {
		return now
	}
	return latest
}

// check returns an error for a query that has no answer here.
func (c *content) check(q query) error {
	if q.expectation != "" && c.judgement == nil {
		return fmt.Errorf("expectation is %q, but there is no policy that says what is expected: start with --policy.file", q.expectation)
	}
	return nil
}

// selected returns what a query selects.
func (c *content) selected(q query) *selection {
	changed := map[string][]inventory.ChangeKind{}
	if q.change != "" { // depends on the time, too
		for _, change := range c.recentChanges() {
			changed[change.ID] = append(changed[change.ID], change.Change)
		}
		return newSelection(q.connections(c.connections, changed))
	}
	q.page, q.format = 0, ""
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.selections == nil || len(c.selections) >= maxSelections {
		c.selections = map[query]*selection{}
	}
	if c.selections[q] == nil {
		c.selections[q] = newSelection(q.connections(c.connections, nil))
	}
	return c.selections[q]
}

func newSelection(connections []report.Connection) *selection {
	return &selection{connections, newTopology(connections)}
}

func (c *content) recentChanges() []report.Change {
	n := slices.IndexFunc(c.changes, func(change report.Change) bool { return c.now.Sub(change.Time) > recent })
	if n < 0 {
		n = len(c.changes)
	}
	return c.changes[:n]
}

// inventory returns the document of what a query selects.
func (c *content) inventory(q query) report.Document {
	d := c.document
	d.Connections = pageOf(q, c.selected(q).connections)
	if !q.selects() && q.page == 0 {
		return d
	}
	selection := q
	selection.sort, selection.format = "", ""
	d.Filter, d.Complete = &report.Filter{Query: cmp.Or(selection.String(), "page=1")}, false
	named := map[string]bool{}
	for _, connection := range d.Connections {
		named[connection.Source.ID], named[connection.Sink.ID] = true, true
	}
	d.Orgs = slices.DeleteFunc(slices.Clone(d.Orgs), func(o report.Org) bool { return !named[o.ID] })
	return d
}

// history returns the changes that a query selects.
func (c *content) history(q query) report.History {
	d := report.NewHistory(&inventory.History{}, report.HistoryFilter{}, c.document.Time)
	d.Start, d.Changes = c.start, pageOf(q, q.changes(c.changes))
	return d
}

// state returns what of the content is not prepared, as a text that is equal where that is.
func (c *content) state() string {
	d := c.document
	d.Connections, d.Orgs = nil, nil
	text, _ := json.Marshal(d) // has nothing that cannot be encoded
	return string(text)
}
