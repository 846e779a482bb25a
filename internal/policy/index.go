package policy

import (
	"slices"
	"strings"
)

// index finds the rules about a source and a sink without matching every pattern.
type index struct {
	sources, sinks endIndex
}

func newIndex(rules []Rule) *index {
	i := &index{sources: newEndIndex(), sinks: newEndIndex()}
	for n, rule := range rules {
		i.sources.add(n, rule.Source)
		i.sinks.add(n, rule.Sink)
	}
	return i
}

// lookup returns the rules about the source and the sink, of any type, as positions
// in the policy.
func (i *index) lookup(source, sink Org) []int {
	few, many := i.sources.lookup(source), i.sinks.lookup(sink)
	if len(few) > len(many) {
		few, many = many, few
	}
	var both []int
	for _, rule := range few {
		if _, found := slices.BinarySearch(many, rule); found {
			both = append(both, rule)
		}
	}
	return both
}

// endIndex finds rules by one end of connections.
type endIndex struct {
	byID, byName map[string][]int
	byGlob       map[Pattern][]int // each glob once, however many rules have it
	cache        map[string][]int  // what lookup returned, by org id
}

func newEndIndex() endIndex {
	return endIndex{byID: map[string][]int{}, byName: map[string][]int{}, byGlob: map[Pattern][]int{}, cache: map[string][]int{}}
}

func (e endIndex) add(rule int, patterns []Pattern) {
	for _, p := range patterns {
		switch p.kind {
		case byID:
			e.byID[p.text] = append(e.byID[p.text], rule)
		case byName:
			e.byName[p.text] = append(e.byName[p.text], rule)
		case byGlob:
			e.byGlob[p] = append(e.byGlob[p], rule)
		}
	}
}

// lookup returns the rules about an org, in order, each once.
func (e endIndex) lookup(org Org) []int {
	if rules, cached := e.cache[org.ID]; cached {
		return rules
	}
	rules := slices.Concat(e.byID[strings.ToLower(org.ID)], e.byName[org.Name])
	for glob, matching := range e.byGlob {
		if glob.Matches(org) {
			rules = append(rules, matching...)
		}
	}
	slices.Sort(rules)
	rules = slices.Compact(rules)
	e.cache[org.ID] = rules
	return rules
}
