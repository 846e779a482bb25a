package inventory

import (
	"maps"
	"slices"
	"sync"

	"datadog_org_connections_exporter/datadog"
)

// inferSelf finds the org whose credentials listed the connections. The API does
// not say, but it lists only connections in which that org takes part: it is the
// one that stands at one end of all of them. Where two orgs do (a single
// connection, or one each way), it is the one that it was before, if any.
func inferSelf(connections []datadog.Connection, before string) string {
	candidates := ends(connections)
	switch {
	case candidates == nil, candidates[before]:
		return before
	case len(candidates) == 1:
		for id := range candidates {
			return id
		}
	}
	return ""
}

// ends gives the orgs that take part in every connection; nil where there is no
// connection with two known ends.
func ends(connections []datadog.Connection) map[string]bool {
	var common map[string]bool
	for _, c := range connections {
		if c.SourceID == "" || c.SinkID == "" {
			continue
		}
		if common == nil {
			common = map[string]bool{c.SourceID: true, c.SinkID: true}
			continue
		}
		for id := range common {
			if id != c.SourceID && id != c.SinkID {
				delete(common, id)
			}
		}
	}
	return common
}

// observation tells which orgs we hold working credentials of. It never changes.
type observation struct {
	observed map[string]bool
	perhaps  map[string]bool // may be one whose credentials we hold
}

// observing is an observation and what it was made of.
type observing struct {
	*observation
	from []source
}

// by gives what all configured orgs' last good listings tell, however old they are:
// an outage takes no credentials away. It is that of before where it would say the
// same.
func (o *observing) by(orgs []*org) *observation {
	orgs = listed(orgs)
	from := sources(orgs)
	if o.observation != nil && slices.Equal(from, o.from) {
		return o.observation
	}
	o.from = from
	if seen := observers(orgs); o.observation == nil || !seen.equal(o.observation) {
		o.observation = seen
	}
	return o.observation
}

func (o *observation) equal(other *observation) bool {
	return maps.Equal(o.observed, other.observed) && maps.Equal(o.perhaps, other.perhaps)
}

func observers(orgs []*org) *observation {
	o := &observation{observed: map[string]bool{}, perhaps: map[string]bool{}}
	takes := sync.OnceValue(func() map[string]int { return partsTaken(orgs) }) // mostly nobody asks
	for _, org := range orgs {
		if org.refused() {
			continue
		}
		candidates := map[string]bool{org.self: true}
		if org.self == "" {
			candidates = org.candidates(takes)
		}
		for id := range candidates {
			if len(candidates) == 1 {
				o.observed[id] = true
			} else {
				o.perhaps[id] = true
			}
		}
	}
	return o
}

// candidates gives the orgs whose credentials may have made a listing that does not
// tell by itself. One that takes part in more connections than it lists is none: its
// own credentials would have listed those too.
func (o *org) candidates(takes func() map[string]int) map[string]bool {
	candidates := ends(o.listing.Connections)
	if o.listing.Filtered {
		return candidates
	}
	listed := partsTaken([]*org{o})
	maps.DeleteFunc(candidates, func(id string, _ bool) bool { return takes()[id] > listed[id] })
	return candidates
}

// partsTaken counts the connections that each org takes part in, as some orgs'
// listings tell together.
func partsTaken(orgs []*org) map[string]int {
	counted := map[string]bool{} // connections, by id
	takes := map[string]int{}
	for _, o := range orgs {
		for n := range o.listing.Connections {
			c := &o.listing.Connections[n]
			if counted[c.ID] {
				continue
			}
			counted[c.ID] = true
			takes[c.SourceID]++
			takes[c.SinkID]++
		}
	}
	return takes
}

func (o *observation) of(id string) datadog.Ternary {
	switch {
	case o.observed[id]:
		return datadog.Yes
	case o.perhaps[id]:
		return datadog.Unknown
	}
	return datadog.No
}
