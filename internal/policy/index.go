package policy

import (
	"slices"
	"strings"
)

// index finds the rules that are about an org without asking each of them.
type index struct {
	sources, sinks ends
}

func newIndex(rules []Rule) *index {
	i := &index{sources: newEnds(), sinks: newEnds()}
	for n, rule := range rules {
		i.sources.add(n, rule.Source)
		i.sinks.add(n, rule.Sink)
	}
	return i
}

// about gives the rules that are about the source and the sink, whatever the type,
// by their places in the policy.
func (i *index) about(source, sink Party) []int {
	few, many := i.sources.of(source), i.sinks.of(sink)
	if len(few) > len(many) {
		few, many = many, few
	}
	var both []int
	for _, rule := range few {
		if _, there := slices.BinarySearch(many, rule); there {
			both = append(both, rule)
		}
	}
	return both
}

// ends are the rules by what they say of one end.
type ends struct {
	byID, byName map[string][]int
	globs        map[Pattern][]int // each glob once, however many rules have it
	found        map[string][]int  // by org id, what was found before: few orgs take part in much
}

func newEnds() ends {
	return ends{byID: map[string][]int{}, byName: map[string][]int{}, globs: map[Pattern][]int{}, found: map[string][]int{}}
}

func (e ends) add(rule int, patterns []Pattern) {
	for _, p := range patterns {
		switch p.kind {
		case byID:
			e.byID[p.text] = append(e.byID[p.text], rule)
		case byName:
			e.byName[p.text] = append(e.byName[p.text], rule)
		case byGlob:
			e.globs[p] = append(e.globs[p], rule)
		}
	}
}

// of gives the rules about an org, in order, each once.
func (e ends) of(org Party) []int {
	if rules, known := e.found[org.ID]; known {
		return rules
	}
	rules := slices.Concat(e.byID[strings.ToLower(org.ID)], e.byName[org.Name])
	for glob, about := range e.globs {
		if glob.Matches(org) {
			rules = append(rules, about...)
		}
	}
	slices.Sort(rules)
	rules = slices.Compact(rules)
	e.found[org.ID] = rules
	return rules
}
