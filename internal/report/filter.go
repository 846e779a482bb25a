package report

import (
	"fmt"
	"slices"

	"datadog_org_connections_exporter/internal/policy"
)

// Filter selects connections whose source, sink and types each match at least one
// element of the list; an empty list matches everything. The zero value selects all.
type Filter struct {
	// Source and Sink match orgs by UUID, by name, or by a glob over names.
	Source []policy.Pattern `json:"source,omitempty"`
	Sink   []policy.Pattern `json:"sink,omitempty"`
	Types  []string         `json:"types,omitempty"`
	// Query is what the parameters of an HTTP request select besides. [Read] rejects a
	// document with one.
	Query string `json:"query,omitempty"`
}

// NewFilter returns a filter. The error names an invalid glob.
func NewFilter(source, sink, types []string) (Filter, error) {
	f := Filter{Types: types}
	var err error
	if f.Source, err = patterns("source", source); err != nil {
		return Filter{}, err
	}
	if f.Sink, err = patterns("sink", sink); err != nil {
		return Filter{}, err
	}
	return f, nil
}

func patterns(end string, texts []string) ([]policy.Pattern, error) {
	var made []policy.Pattern
	for _, text := range texts {
		p, err := policy.NewPattern(text)
		if err != nil {
			return nil, fmt.Errorf("the %s %q is not a valid glob (%w): close its brackets, or escape special characters with \\", end, text, err)
		}
		made = append(made, p)
	}
	return made, nil
}

// Select returns the document with only the connections that f selects, each with
// all its types, and the orgs that they name.
func (d Document) Select(f Filter) Document {
	if len(f.Source)+len(f.Sink)+len(f.Types) == 0 {
		return d
	}
	all := d
	d.Filter, d.Complete = &f, false
	d.Connections, d.Orgs = []Connection{}, []Org{}
	named := map[string]bool{}
	for _, c := range all.Connections {
		if f.matches(c) {
			d.Connections = append(d.Connections, c)
			named[c.Source.ID], named[c.Sink.ID] = true, true
		}
	}
	for _, o := range all.Orgs {
		if named[o.ID] {
			d.Orgs = append(d.Orgs, o)
		}
	}
	return d
}

func (f Filter) matches(c Connection) bool {
	return matchesOrg(f.Source, c.Source) && matchesOrg(f.Sink, c.Sink) &&
		(len(f.Types) == 0 || slices.ContainsFunc(c.Types, func(t string) bool { return slices.Contains(f.Types, t) }))
}

func matchesOrg(patterns []policy.Pattern, org OrgRef) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p policy.Pattern) bool { return p.Matches(policy.Org(org)) })
}
