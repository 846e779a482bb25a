package policy

import (
	"cmp"
	"slices"
	"time"

	"datadog_org_connections_exporter/internal/inventory"
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
	// Expired is a rule that allowed it until it expired; nil where there is none.
	Expired *Rule
}

// Missing is a type that a required rule asks for.
type Missing struct {
	Rule Rule
	Type string
	// Source and Sink are the patterns between which it is missed first.
	Source, Sink Pattern
}

// Judge holds a snapshot against the rules as they are at a moment. complete says
// that the snapshot holds everything that can be known: nothing is missed in one
// that does not, because what is not there may only be out of sight.
func (p *Policy) Judge(snapshot *inventory.Snapshot, complete bool, now time.Time) Judgement {
	var j Judgement
	rules := newIndex(p.Rules)
	required := requirements{}
	var unexpected []entry
	for n := range snapshot.Connections {
		c := &snapshot.Connections[n]
		source, sink := party(snapshot, c.SourceID), party(snapshot, c.SinkID)
		about := rules.about(source, sink)
		for _, kind := range c.Types {
			allowing, expired := p.rulesFor(kind, about, now)
			for _, rule := range allowing {
				required.meet(rule, source, sink, kind)
			}
			if len(allowing) == 0 {
				unexpected = append(unexpected, entry{connection: n, kind: kind, expired: expired})
			}
		}
	}
	j.Unexpected = sharesOf(snapshot, unexpected)
	for n := range p.Rules {
		switch rule := &p.Rules[n]; {
		case rule.Expired(now):
			j.Expired = append(j.Expired, *rule)
		case complete:
			j.Missing = append(j.Missing, required.missing(rule)...)
		}
	}
	return j
}

// rulesFor gives the rules that allow a type, of those that are about its source
// and sink, and the first that did so until it expired.
func (p *Policy) rulesFor(kind string, about []int, now time.Time) (allowing []*Rule, expired *Rule) {
	for _, at := range about {
		rule := &p.Rules[at]
		switch {
		case !rule.allowsType(kind):
		case rule.Expired(now):
			expired = cmp.Or(expired, rule)
		default:
			allowing = append(allowing, rule)
		}
	}
	return allowing, expired
}

// requirements are what required rules ask for and is there: by rule and type, the
// pairs of a source pattern and a sink pattern between which it was found.
type requirements map[*Rule]map[string]map[[2]int]bool

// meet takes note of what a rule allows and is there.
func (r requirements) meet(rule *Rule, from, to Party, kind string) {
	if !rule.Required {
		return
	}
	if r[rule] == nil {
		r[rule] = map[string]map[[2]int]bool{}
	}
	if r[rule][kind] == nil {
		r[rule][kind] = map[[2]int]bool{}
	}
	for source := range rule.Source {
		for sink := range rule.Sink {
			if rule.Source[source].Matches(from) && rule.Sink[sink].Matches(to) {
				r[rule][kind][[2]int{source, sink}] = true
			}
		}
	}
}

// missing gives the types of a required rule that are not there between every
// source and every sink that it names; a glob asks for one org that it means.
func (r requirements) missing(rule *Rule) (missing []Missing) {
	if !rule.Required {
		return nil
	}
	for _, kind := range rule.Types {
		if source, sink, found := gap(rule, r[rule][kind]); found {
			missing = append(missing, Missing{Rule: *rule, Type: kind, Source: source, Sink: sink})
		}
	}
	return missing
}

// gap finds the first pair of patterns that is not met.
func gap(rule *Rule, met map[[2]int]bool) (source, sink Pattern, found bool) {
	for n, source := range rule.Source {
		for m, sink := range rule.Sink {
			if !met[[2]int{n, m}] {
				return source, sink, true
			}
		}
	}
	return Pattern{}, Pattern{}, false
}

func party(snapshot *inventory.Snapshot, id string) Party {
	return Party{ID: id, Name: snapshot.OrgName(id)}
}

// entry is one type of one connection.
type entry struct {
	connection int // its place in the snapshot
	kind       string
	expired    *Rule
}

// entriesOf gives all types of all connections.
func entriesOf(snapshot *inventory.Snapshot) []entry {
	var entries []entry
	for n := range snapshot.Connections {
		for _, kind := range snapshot.Connections[n].Types {
			entries = append(entries, entry{connection: n, kind: kind})
		}
	}
	return entries
}

// sharesOf makes one share of the entries of one source, sink and type. Shares are
// in this order, their connections in the order of their ids.
func sharesOf(snapshot *inventory.Snapshot, entries []entry) []Share {
	slices.SortFunc(entries, func(a, b entry) int {
		c, d := &snapshot.Connections[a.connection], &snapshot.Connections[b.connection]
		if order := cmp.Compare(c.SourceID, d.SourceID); order != 0 {
			return order // mostly it ends here
		}
		return cmp.Or(cmp.Compare(c.SinkID, d.SinkID), cmp.Compare(a.kind, b.kind), cmp.Compare(c.ID, d.ID))
	})
	shares := make([]Share, 0, len(entries))
	for _, e := range entries {
		c := &snapshot.Connections[e.connection]
		if n := len(shares) - 1; n >= 0 && shares[n].Source.ID == c.SourceID && shares[n].Sink.ID == c.SinkID && shares[n].Type == e.kind {
			shares[n].Connections = append(shares[n].Connections, c.ID)
			continue
		}
		shares = append(shares, Share{
			Source: party(snapshot, c.SourceID), Sink: party(snapshot, c.SinkID), Type: e.kind, Connections: []string{c.ID}, Expired: e.expired,
		})
	}
	return shares
}
