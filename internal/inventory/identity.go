package inventory

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"datadog_org_connections_exporter/datadog"
)

// identify returns the id of the org whose credentials made the listing, empty where
// that is not certain. Other credentials may be another org's, so that prev, the id of
// the listing before, counts only where both have the same ones.
//
// The listing itself does not tell, but it has only connections of that org: it is the
// one that is an end of all of them. Where two orgs are (a single connection, or one
// each way), or where there are no connections, it is prev if that is possible.
func identify(listing, before *datadog.Listing, prev string) string {
	if before == nil || before.Credentials != listing.Credentials {
		prev = ""
	}
	candidates := commonOrgs(listing.Connections)
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

// logInferred logs what to state so that nothing has to be inferred.
func logInferred(logger log.Logger, orgID string) {
	if orgID != "" {
		level.Info(logger).Log("msg", "The credentials seem to be those of this org; state its id, so that other credentials are an error", "org_id", orgID)
		return
	}
	level.Info(logger).Log("msg", "The connections do not tell whose credentials these are; state the org's id, or blind spots may not be shown")
}

// commonOrgs returns the orgs that are an end of every connection. Connections
// without both ends are ignored; where no other is there, it returns nil.
func commonOrgs(connections []datadog.Connection) map[string]bool {
	var common map[string]bool
	for i := range connections {
		c := &connections[i]
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
func (c *observedCache) get(inputs []input) *observedOrgs {
	if c.observed != nil && slices.Equal(inputs, c.inputs) {
		return c.observed
	}
	c.inputs = inputs
	if observed := inferObserved(inputs); c.observed == nil || !maps.Equal(observed.byID, c.observed.byID) {
		c.observed = observed
	}
	return c.observed
}

func inferObserved(inputs []input) *observedOrgs {
	byID := map[string]datadog.Ternary{}
	totals := sync.OnceValue(func() map[string]int { return countByOrg(inputs) }) // rarely needed
	for _, in := range inputs {
		id := cmp.Or(in.statedID, in.orgID)
		if in.rejected || in.listing == nil && id == "" {
			continue
		}
		candidates := map[string]bool{id: true}
		if id == "" {
			candidates = in.candidates(totals)
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
// credentials would have listed all of them. That is likely rather than certain, since
// the listings are of different times, so it decides what is shown and nothing else.
func (in input) candidates(totals func() map[string]int) map[string]bool {
	candidates := commonOrgs(in.listing.Connections)
	if in.listing.Filtered() {
		return candidates
	}
	here := countByOrg([]input{in})
	maps.DeleteFunc(candidates, func(id string, _ bool) bool { return totals()[id] > here[id] })
	return candidates
}

// countByOrg returns the number of connections in the listings by the id of an end.
func countByOrg(inputs []input) map[string]int {
	counted := map[string]bool{} // by connection id
	counts := map[string]int{}
	for _, in := range inputs {
		if in.listing == nil {
			continue
		}
		for i := range in.listing.Connections {
			c := &in.listing.Connections[i]
			if !counted[c.ID] {
				counted[c.ID] = true
				counts[c.SourceID]++
				counts[c.SinkID]++
			}
		}
	}
	return counts
}
