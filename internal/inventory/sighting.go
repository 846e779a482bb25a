package inventory

import (
	"slices"
	"time"

	"datadog_org_connections_exporter/datadog"
)

// interval is when a listing was made. What it has was there at some moment between
// began and ended; what it lacks was not there at some moment.
type interval struct{ began, ended time.Time }

func intervalOf(l *datadog.Listing) interval { return interval{l.Began, l.Began.Add(l.Duration)} }

// sighting is what a listing says about a connection or an org.
type sighting[T any] struct {
	value *T
	interval
}

// latest returns the field of the sightings that is believed. Those in which it is zero
// say nothing about it. Of the others, those that ended before another began are
// outdated. Those that are left overlap, and which of them is newer cannot be told: the
// first one in the order of the configuration is believed, always the same.
func latest[T any, F comparable](sightings []sighting[T], field func(*T) F) F {
	var zero F
	var began time.Time
	for _, s := range sightings {
		if field(s.value) != zero && s.began.After(began) {
			began = s.began
		}
	}
	for _, s := range sightings {
		if value := field(s.value); value != zero && !s.ended.Before(began) {
			return value
		}
	}
	return zero
}

// completeListings has the complete, unfiltered listings of each org by its id: they
// have all of the org's connections.
type completeListings map[string][]*datadog.Listing

func completeListingsOf(inputs []input) completeListings {
	byOrg := completeListings{}
	for _, in := range inputs {
		if in.orgID != "" && in.listing != nil && in.listing.Complete && !in.listing.Filtered() {
			byOrg[in.orgID] = append(byOrg[in.orgID], in.listing)
		}
	}
	return byOrg
}

// withoutDisproved returns the connections of the listing that are not disproved: the
// listing's own slice where none is.
func (byOrg completeListings) withoutDisproved(l *datadog.Listing) []datadog.Connection {
	seen := intervalOf(l)
	disproved := func(c datadog.Connection) bool { return byOrg.disprove(&c, seen) }
	if !slices.ContainsFunc(l.Connections, disproved) {
		return l.Connections
	}
	return slices.DeleteFunc(slices.Clone(l.Connections), disproved)
}

// disprove reports whether the connection was removed since it was seen: a complete
// listing of one of its ends, begun after that, lacks it.
func (byOrg completeListings) disprove(c *datadog.Connection, seen interval) bool {
	for _, end := range [...]string{c.SourceID, c.SinkID} {
		for _, l := range byOrg[end] {
			if l.Began.After(seen.ended) {
				if _, found := search(l.Connections, c.ID); !found {
					return true
				}
			}
		}
	}
	return false
}
