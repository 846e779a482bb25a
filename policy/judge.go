package policy

import (
	"cmp"
	"slices"
	"time"

	"datadog_org_connections_exporter/inventory"
)

// Judgement is what a policy makes of a snapshot.
type Judgement struct {
	// Unexpected shares are allowed by no rule that has not expired. They are in
	// the order of source, sink and type.
	Unexpected []Share
	// Missing is what required rules ask for and is not there, in the order of the
	// rules and their types.
	Missing []Missing
	// Expired rules, in the order of the file.
	Expired []Rule
}

// Share is a type of telemetry that a source shares with a sink.
type Share struct {
	Source, Sink Party
	Type         string
	// Connections that share it, by id: one, unless the API lists more.
	Connections []string
	// Expired is the name of a rule that allowed it until it expired; empty where
	// there is none.
	Expired string
}

// Missing is a type that a required rule asks for.
type Missing struct {
	Rule Rule
	Type string
	// Source and Sink are the patterns between which it is missed first.
	Source, Sink Pattern
}

// Judge holds a snapshot against the rules as they are at a moment. whole says
// that the snapshot holds everything that can be known: nothing is missed in one
// that does not, because what is not there may only be out of sight.
func (p *Policy) Judge(snapshot *inventory.Snapshot, whole bool, now time.Time) Judgement {
	var j Judgement
	var inForce []Rule
	for _, rule := range p.Rules {
		if rule.Expired(now) {
			j.Expired = append(j.Expired, rule)
		} else {
			inForce = append(inForce, rule)
		}
	}
	shares := sharesOf(snapshot)
	for _, share := range shares {
		if ruleFor(inForce, share) == nil {
			if expired := ruleFor(j.Expired, share); expired != nil {
				share.Expired = expired.Name
			}
			j.Unexpected = append(j.Unexpected, share)
		}
	}
	if whole {
		for _, rule := range inForce {
			j.Missing = append(j.Missing, rule.missing(shares)...)
		}
	}
	return j
}

func ruleFor(rules []Rule, s Share) *Rule {
	for n := range rules {
		if rules[n].allows(s.Source, s.Sink, s.Type) {
			return &rules[n]
		}
	}
	return nil
}

// missing gives the types of a required rule that are not there between every
// source and every sink that it names; a glob asks for one org that it means.
func (r Rule) missing(shares []Share) (missing []Missing) {
	if !r.Required {
		return nil
	}
	for _, kind := range r.Types {
		if source, sink, found := r.gap(shares, kind); found {
			missing = append(missing, Missing{Rule: r, Type: kind, Source: source, Sink: sink})
		}
	}
	return missing
}

func (r Rule) gap(shares []Share, kind string) (source, sink Pattern, found bool) {
	for _, source := range r.Source {
		for _, sink := range r.Sink {
			if !slices.ContainsFunc(shares, func(s Share) bool {
				return s.Type == kind && source.Matches(s.Source) && sink.Matches(s.Sink)
			}) {
				return source, sink, true
			}
		}
	}
	return Pattern{}, Pattern{}, false
}

// sharesOf gives what is shared, each type from a source to a sink once.
func sharesOf(snapshot *inventory.Snapshot) []Share {
	type key struct{ source, sink, kind string }
	at := map[key]int{}
	var shares []Share
	for _, c := range snapshot.Connections {
		for _, kind := range c.Types {
			k := key{c.SourceID, c.SinkID, kind}
			n, there := at[k]
			if !there {
				n = len(shares)
				at[k] = n
				shares = append(shares, Share{
					Source: Party{ID: c.SourceID, Name: snapshot.OrgName(c.SourceID)},
					Sink:   Party{ID: c.SinkID, Name: snapshot.OrgName(c.SinkID)},
					Type:   kind,
				})
			}
			shares[n].Connections = append(shares[n].Connections, c.ID)
		}
	}
	slices.SortFunc(shares, func(a, b Share) int {
		return cmp.Or(cmp.Compare(a.Source.ID, b.Source.ID), cmp.Compare(a.Sink.ID, b.Sink.ID), cmp.Compare(a.Type, b.Type))
	})
	return shares
}
