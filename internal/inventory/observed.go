package inventory

import (
	"maps"
	"slices"
	"sync"

	"datadog_org_connections_exporter/datadog"
)

// inferOrgID returns the id of the org whose credentials listed the connections. The
// API does not say, but it lists only connections of that org: it is the one that is
// an end of all of them. Where two orgs are (a single connection, or one each way),
// or where there are no connections, it is prev if that is possible, else empty.
func inferOrgID(connections []datadog.Connection, prev string) string {
	candidates := commonOrgs(connections)
	switch {
	case candidates == nil, candidates[prev]:
		return prev
	case len(candidates) == 1:
		for id := range candidates {
			return id
		}
	}
	return ""
}

// commonOrgs returns the orgs that are an end of every connection. Connections
// without both ends are ignored; where no other is there, it returns nil.
func commonOrgs(connections []datadog.Connection) map[string]bool {
	var common map[string]bool
	for _, c := range connections {
		if c.SourceID == "" || c.SinkID == "" {
			continue
		}
		if common == nil {
			common = map[string]bool{c.SourceID: true, c.SinkID: true}
			continue
		}
		maps.DeleteFunc(common, func(id string, _ bool) bool { return id != c.SourceID && id != c.SinkID })
	}
	return common
}

// observedOrgs are the orgs whose credentials are configured and work. It is
// immutable.
type observedOrgs struct {
	byID map[string]datadog.Ternary // Yes or Unknown; the others are not observed
}

// status returns [OrgInfo.Observed] of the org.
func (o *observedOrgs) status(id string) datadog.Ternary {
	if status, ok := o.byID[id]; ok {
		return status
	}
	return datadog.No
}

// observedCache holds the observed orgs and what they were inferred from.
type observedCache struct {
	observed *observedOrgs
	inputs   []input
}

// get returns the orgs that are observed by the credentials of the given ones: as
// their last good listings say, however old, since an outage does not take credentials
// away. The result is the cached one where the inputs or the result are equal.
func (c *observedCache) get(orgs []*org) *observedOrgs {
	orgs = listed(orgs)
	inputs := inputsOf(orgs)
	if c.observed != nil && slices.Equal(inputs, c.inputs) {
		return c.observed
	}
	c.inputs = inputs
	if observed := inferObserved(orgs); c.observed == nil || !maps.Equal(observed.byID, c.observed.byID) {
		c.observed = observed
	}
	return c.observed
}

func inferObserved(orgs []*org) *observedOrgs {
	byID := map[string]datadog.Ternary{}
	totals := sync.OnceValue(func() map[string]int { return countByOrg(orgs) }) // rarely needed
	for _, o := range orgs {
		if o.rejected() {
			continue
		}
		candidates := map[string]bool{o.orgID: true}
		if o.orgID == "" {
			candidates = o.candidates(totals)
		}
		for id := range candidates {
			if len(candidates) == 1 {
				byID[id] = datadog.Yes
			} else if byID[id] != datadog.Yes {
				byID[id] = datadog.Unknown
			}
		}
	}
	return &observedOrgs{byID: byID}
}

// candidates returns the ids of the orgs whose credentials may have made the listing.
// An org with more connections in total than in this listing is none: its own
// credentials would have listed all of them.
func (o *org) candidates(totals func() map[string]int) map[string]bool {
	candidates := commonOrgs(o.listing.Connections)
	if o.listing.Filtered {
		return candidates
	}
	here := countByOrg([]*org{o})
	maps.DeleteFunc(candidates, func(id string, _ bool) bool { return totals()[id] > here[id] })
	return candidates
}

// countByOrg returns the number of connections in the listings by the id of an end.
func countByOrg(orgs []*org) map[string]int {
	counted := map[string]bool{} // by connection id
	counts := map[string]int{}
	for _, o := range orgs {
		for i := range o.listing.Connections {
			c := &o.listing.Connections[i]
			if !counted[c.ID] {
				counted[c.ID] = true
				counts[c.SourceID]++
				counts[c.SinkID]++
			}
		}
	}
	return counts
}
