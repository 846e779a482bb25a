package report

import (
	"fmt"
	"slices"

	"datadog_org_connections_exporter/internal/policy"
)

// Filter asks for some connections. One must match something in each list that is
// not empty; the zero value asks for all.
type Filter struct {
	Source, Sink []policy.Pattern
	Types        []string
}

// NewFilter makes a filter. Orgs are meant by UUID, name or glob over names; the
// error tells which text is no glob.
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

func patterns(end string, texts []string) (made []policy.Pattern, err error) {
	for _, text := range texts {
		p, err := policy.NewPattern(text)
		if err != nil {
			return nil, fmt.Errorf("the %s %q is no glob (%w): close its brackets, or write \\ before a character that is meant as it is", end, text, err)
		}
		made = append(made, p)
	}
	return made, nil
}

// Filter gives the part of the document that is asked for: the connections, whole
// as they are, and only the orgs that they name.
func (d Document) Filter(f Filter) Document {
	if len(f.Source)+len(f.Sink)+len(f.Types) == 0 {
		return d
	}
	all := d
	d.Connections, d.Orgs = []Connection{}, []Org{}
	named := map[string]bool{}
	for _, c := range all.Connections {
		if f.wants(c) {
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

func (f Filter) wants(c Connection) bool {
	return wantsOrg(f.Source, c.Source) && wantsOrg(f.Sink, c.Sink) &&
		(len(f.Types) == 0 || slices.ContainsFunc(c.Types, func(kind string) bool { return slices.Contains(f.Types, kind) }))
}

func wantsOrg(patterns []policy.Pattern, org Party) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p policy.Pattern) bool { return p.Matches(policy.Party(org)) })
}
