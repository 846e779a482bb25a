package policy

import (
	"cmp"
	"slices"
	"time"

	"datadog_org_connections_exporter/internal/inventory"
)

// Judgement is the result of judging a snapshot by a policy.
type Judgement struct {
	// Unexpected are the shares that no rule allows, or only rules that have
	// expired, in the order of source, sink and type.
	Unexpected []Share
	// Missing is what required rules ask for and is not in the snapshot, in the
	// order of the rules and their types.
	Missing []Missing
	// Expired rules, in the order of the file.
	Expired []Rule
}

// Share is a type of telemetry that a source shares with a sink.
type Share struct {
	Source, Sink Org
	Type         string
	// Connections that share it, by id: one, unless the API lists more.
	Connections []string
	// Expired is a rule that allowed the share until it expired, or nil.
	Expired *Rule
}

// Missing is a type that a required rule asks for and that is not shared.
type Missing struct {
	Rule Rule
	Type string
	// Source and Sink are the first patterns between which the type is missing.
	Source, Sink Pattern
}

// Judge judges a snapshot by the rules that have not expired at a time. Only a
// complete snapshot can have something missing: what is not in another one may exist
// all the same.
func (p *Policy) Judge(snapshot *inventory.Snapshot, complete bool, now time.Time) Judgement {
	var j Judgement
	rules := newIndex(p.Rules)
	met := requirements{}
	var unexpected []connectionType
	for n := range snapshot.Connections {
		c := &snapshot.Connections[n]
		source, sink := orgOf(snapshot, c.SourceID), orgOf(snapshot, c.SinkID)
		candidates := rules.lookup(source, sink)
		for _, kind := range c.Types {
			allowing, expired := p.allowing(kind, candidates, now)
			for _, rule := range allowing {
				met.add(rule, kind, source, sink)
			}
			if len(allowing) == 0 {
				unexpected = append(unexpected, connectionType{n, kind, expired})
			}
		}
	}
	j.Unexpected = sharesOf(snapshot, unexpected)
	for n := range p.Rules {
		switch rule := &p.Rules[n]; {
		case rule.Expired(now):
			j.Expired = append(j.Expired, *rule)
		case complete && rule.Required:
			j.Missing = append(j.Missing, met.missing(rule)...)
		}
	}
	return j
}

// allowing returns those of the candidates, positions in the policy, that allow the
// type, and the first one that did so until it expired.
func (p *Policy) allowing(kind string, candidates []int, now time.Time) (rules []*Rule, expired *Rule) {
	for _, n := range candidates {
		rule := &p.Rules[n]
		switch {
		case !rule.allowsType(kind):
		case rule.Expired(now):
			expired = cmp.Or(expired, rule)
		default:
			rules = append(rules, rule)
		}
	}
	return rules, expired
}

// requirements are the pairs of patterns of required rules between which a type is
// shared.
type requirements map[requirement]bool

type requirement struct {
	rule         *Rule
	kind         string
	source, sink int // positions of patterns in the rule
}

// add adds the pairs of the rule that match the source and the sink of a type.
func (r requirements) add(rule *Rule, kind string, source, sink Org) {
	if !rule.Required {
		return
	}
	for n := range rule.Source {
		for m := range rule.Sink {
			if rule.Source[n].Matches(source) && rule.Sink[m].Matches(sink) {
				r[requirement{rule, kind, n, m}] = true
			}
		}
	}
}

// missing returns the types of a required rule that are not shared between each pair
// of its patterns. Of the orgs that a glob matches, one is enough.
func (r requirements) missing(rule *Rule) []Missing {
	var missing []Missing
types:
	for _, kind := range rule.Types {
		for n, source := range rule.Source {
			for m, sink := range rule.Sink {
				if !r[requirement{rule, kind, n, m}] {
					missing = append(missing, Missing{Rule: *rule, Type: kind, Source: source, Sink: sink})
					continue types
				}
			}
		}
	}
	return missing
}

func orgOf(snapshot *inventory.Snapshot, id string) Org {
	return Org{ID: id, Name: snapshot.OrgName(id)}
}

// connectionType is one type of one connection.
type connectionType struct {
	connection int // position in the snapshot
	kind       string
	expired    *Rule
}

// sharesOf groups types by source, sink and type. Shares are in this order, their
// connections in the order of ids.
func sharesOf(snapshot *inventory.Snapshot, types []connectionType) []Share {
	slices.SortFunc(types, func(a, b connectionType) int {
		c, d := &snapshot.Connections[a.connection], &snapshot.Connections[b.connection]
		if order := cmp.Compare(c.SourceID, d.SourceID); order != 0 {
			return order // without the other comparisons in most cases
		}
		return cmp.Or(cmp.Compare(c.SinkID, d.SinkID), cmp.Compare(a.kind, b.kind), cmp.Compare(c.ID, d.ID))
	})
	shares := make([]Share, 0, len(types))
	for _, t := range types {
		c := &snapshot.Connections[t.connection]
		if n := len(shares) - 1; n >= 0 && shares[n].Source.ID == c.SourceID && shares[n].Sink.ID == c.SinkID && shares[n].Type == t.kind {
			shares[n].Connections = append(shares[n].Connections, c.ID)
			continue
		}
		shares = append(shares, Share{
			Source: orgOf(snapshot, c.SourceID), Sink: orgOf(snapshot, c.SinkID), Type: t.kind, Connections: []string{c.ID}, Expired: t.expired,
		})
	}
	return shares
}
