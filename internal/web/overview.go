package web

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/policy"
	"datadog_org_connections_exporter/internal/report"
)

// overviewModel is the page at /.
type overviewModel struct {
	Verdict   verdict
	HasPolicy bool
	Trust     []trustRow // those first that are not as they should be
	TrustBad  int        // how many these are
	Discovery []discoveryStatus
	Attention attention

	List        listPage
	Connections []connectionRow
	Matrix      *matrix // nil where there are too many orgs
	Picture     *picture
	Ranking     []rank // instead of both
	Orgs        int    // of the selection
}

// attention is what somebody should look at.
type attention struct {
	Unexpected    []unexpectedItem
	Missing       []missingItem
	Disabled      []connectionRow
	Changes       []changeRow
	AllUnexpected link // empty where all are there, as below
	AllDisabled   link
	AllChanges    link
	MoreMissing   int
}

// TrustOpen reports whether the states of the listings are unfolded: a few are not as they
// should be.
func (m overviewModel) TrustOpen() bool { return m.TrustBad > 0 && len(m.Trust) <= maxTrust }

// maxTrust is how many states of listings are unfolded at most.
const maxTrust = 12

// Any reports whether there is something.
func (a attention) Any() bool {
	return len(a.Unexpected)+len(a.Missing)+len(a.Disabled)+len(a.Changes) > 0
}

// unexpectedItem is what no rule allows from one source to one sink.
type unexpectedItem struct {
	Source, Sink link
	Types        []typeMark
	Why          string
	Rule         string // YAML that would allow it
	Created      *moment
	Connection   link
}

// missingItem is what a rule requires and what is not there.
type missingItem struct {
	Types               []typeMark
	Rule, Owner, Ticket string
	Source, Sink        link
}

// maxItems bounds each list of what needs attention.
const maxItems = 5

func (b builder) overview(q query) overviewModel {
	selected := b.selected(q)
	q.page = min(q.page, pages(selected.connections))
	page := overviewModel{
		Verdict: newVerdict(b.content), HasPolicy: b.judgement != nil, Attention: b.attention(), Discovery: newDiscoveryStatuses(b.content),
		List:        b.newListPage(q, "", "api/v1/inventory", "connection", len(selected.connections), formats...),
		Connections: b.connectionRows(pageOf(q, selected.connections)),
	}
	page.List.Fields = b.fields(q, false)
	page.Trust, page.TrustBad = newTrustRows(b.content)
	t := selected.topology
	page.Orgs = len(t.orgs)
	if len(t.orgs) <= maxMatrix {
		page.Matrix, page.Picture = b.matrix(t), b.picture(t)
	} else {
		page.Ranking = b.ranking(t)
	}
	return page
}

func (b builder) attention() attention {
	var a attention
	for _, s := range b.suggestions[:min(len(b.suggestions), maxItems)] {
		a.Unexpected = append(a.Unexpected, b.unexpectedItem(s))
	}
	if n := len(b.suggestions); n > maxItems {
		a.AllUnexpected = b.list("", query{expectation: "unexpected"}, fmt.Sprintf("All between %d pairs of orgs", n))
	}
	if b.judgement != nil {
		missing := b.missingItems()
		a.Missing = missing[:min(len(missing), maxItems)]
		a.MoreMissing = len(missing) - len(a.Missing)
	}
	disabled := query{creator: "disabled"}
	leaving := disabled.connections(b.connections, nil)
	a.Disabled = b.connectionRows(leaving[:min(len(leaving), maxItems)])
	if len(leaving) > maxItems {
		a.AllDisabled = b.list("", disabled, fmt.Sprintf("All %d", len(leaving)))
	}
	changes := b.recentChanges()
	a.Changes = b.changeRows(changes[:min(len(changes), maxItems)])
	if len(changes) > maxItems {
		a.AllChanges = b.list("history", query{}, fmt.Sprintf("All %d within 7 days", len(changes)))
	}
	return a
}

// missingItems returns what is missing, one item for the types of a rule that lack the same.
func (b builder) missingItems() []missingItem {
	var items []missingItem
	for _, m := range b.judgement.Missing {
		item := missingItem{Rule: m.Rule.Name, Owner: m.Rule.Owner, Ticket: m.Rule.Ticket, Source: b.patternLink(m.Source), Sink: b.patternLink(m.Sink)}
		if n := len(items) - 1; n >= 0 && items[n].Rule == item.Rule && items[n].Source == item.Source && items[n].Sink == item.Sink {
			items[n].Types = append(items[n].Types, typeMarks([]string{m.Type}, nil)...)
			continue
		}
		item.Types = typeMarks([]string{m.Type}, nil)
		items = append(items, item)
	}
	return items
}

// list returns a link to a selection.
func (b builder) list(path string, q query, text string) link {
	return link{text, b.root + path + "?" + q.String() + "#list"}
}

func (b builder) unexpectedItem(s policy.Suggestion) unexpectedItem {
	item := unexpectedItem{
		Source: b.orgLink(report.OrgRef(s.Source)), Sink: b.orgLink(report.OrgRef(s.Sink)), Types: typeMarks(s.Types, s.Types),
		Why: "no rule allows it", Rule: s.YAML,
	}
	if s.Expired != nil {
		item.Why = fmt.Sprintf("the rule %q allowed it until %s", s.Expired.Name, s.Expired.Expires.Format(time.DateOnly))
	}
	for _, c := range b.connections {
		if c.Source.ID == s.Source.ID && c.Sink.ID == s.Sink.ID {
			row := b.connectionRows([]report.Connection{c})[0]
			item.Created, item.Connection = row.Created, row.Show
			break
		}
	}
	return item
}

// patternLink returns a link to the org that a rule names by its id, or what it names it by.
func (b builder) patternLink(p policy.Pattern) link {
	id := p.String()
	if name, known := b.names[id]; known {
		return b.orgLink(report.OrgRef{ID: id, Name: name})
	}
	return link{Text: report.Escape(id)}
}

// maxMatrix is how many orgs a matrix and a picture have at most. Of more, as many are ranked.
const maxMatrix = 30

// topology is who shares with whom, whatever number of connections that takes.
type topology struct {
	orgs         map[string]report.OrgRef
	sources      []string // ids, what is flagged first, then by name
	sinks        []string
	ranked       []string                    // ids, those with the most connections first; no more than a matrix has
	pairs        map[pair]*report.Connection // with the types of all connections
	flagged      map[string]bool             // orgs with something unexpected
	shares, sees map[string]int              // with how many orgs
}

type pair struct{ source, sink string }

func newTopology(connections []report.Connection) topology {
	t := topology{orgs: map[string]report.OrgRef{}, pairs: map[pair]*report.Connection{}, flagged: map[string]bool{}, shares: map[string]int{}, sees: map[string]int{}}
	for _, c := range connections {
		t.orgs[c.Source.ID], t.orgs[c.Sink.ID] = c.Source, c.Sink
		p := pair{c.Source.ID, c.Sink.ID}
		if known := t.pairs[p]; known != nil {
			known.Types, known.Unexpected = union(known.Types, c.Types), union(known.Unexpected, c.Unexpected)
		} else {
			t.pairs[p] = &c
			t.shares[p.source]++
			t.sees[p.sink]++
		}
		if len(c.Unexpected) > 0 {
			t.flagged[p.source], t.flagged[p.sink] = true, true
		}
	}
	for id := range t.orgs {
		if t.shares[id] > 0 {
			t.sources = append(t.sources, id)
		}
		if t.sees[id] > 0 {
			t.sinks = append(t.sinks, id)
		}
	}
	slices.SortFunc(t.sources, t.compare)
	slices.SortFunc(t.sinks, t.compare)
	t.ranked = slices.SortedFunc(maps.Keys(t.orgs), func(x, y string) int {
		return cmp.Or(cmp.Compare(t.shares[y]+t.sees[y], t.shares[x]+t.sees[x]), t.compare(x, y))
	})
	t.ranked = slices.Clone(t.ranked[:min(len(t.ranked), maxMatrix)])
	return t
}

func (t topology) compare(a, b string) int {
	rank := func(id string) int {
		if t.flagged[id] {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(t.orgs[a].Name, t.orgs[b].Name), cmp.Compare(a, b))
}

func union(a, b []string) []string {
	both := slices.Concat(a, b)
	slices.Sort(both)
	return slices.Compact(both)
}

// matrix has sources down and sinks across.
type matrix struct {
	Sinks []link
	Rows  []matrixRow
}

type matrixRow struct {
	Source link
	Cells  []matrixCell
}

// matrixCell is empty where nothing is shared.
type matrixCell struct {
	Types       []typeMark
	Unexpected  bool
	Href, Title string
}

func (b builder) matrix(t topology) *matrix {
	var m matrix
	for _, id := range t.sinks {
		m.Sinks = append(m.Sinks, b.orgLink(t.orgs[id]))
	}
	for _, source := range t.sources {
		row := matrixRow{Source: b.orgLink(t.orgs[source])}
		for _, sink := range t.sinks {
			var cell matrixCell
			if c := t.pairs[pair{source, sink}]; c != nil {
				cell = matrixCell{
					Types: cellMarks(c), Unexpected: len(c.Unexpected) > 0,
					Href: b.connectionLink("", c.ID).Href, Title: describe(c),
				}
			}
			row.Cells = append(row.Cells, cell)
		}
		m.Rows = append(m.Rows, row)
	}
	return &m
}

// cellMarks returns the types of a cell: letters first, in the order of the caption.
func cellMarks(c *report.Connection) []typeMark {
	types := slices.Clone(c.Types)
	order := []string{"audit", "metrics", "logs"}
	slices.SortStableFunc(types, func(a, b string) int { return slices.Index(order, b) - slices.Index(order, a) })
	return typeMarks(types, c.Unexpected)
}

// describe returns such as "Payments shares audit, logs with Security; unexpected: audit".
func describe(c *report.Connection) string {
	text := fmt.Sprintf("%s shares %s with %s", c.Source.Label(), joined(c.Types), c.Sink.Label())
	if len(c.Unexpected) > 0 {
		text += "; unexpected: " + joined(c.Unexpected)
	}
	return text
}

// rank is an org by how many it shares with and sees.
type rank struct {
	Org                link
	Shares, Sees       int
	Unexpected, Hidden bool
}

func (b builder) ranking(t topology) []rank {
	var ranks []rank
	for _, id := range t.ranked {
		ranks = append(ranks, rank{b.orgLink(t.orgs[id]), t.shares[id], t.sees[id], t.flagged[id], b.orgByID[id].Observed == datadog.No})
	}
	return ranks
}
