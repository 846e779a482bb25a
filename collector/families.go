package collector

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/policy"
)

// Family is a gauge with all its series, in the order of an exposition: sorted by
// the values of their labels, the labels by their names.
type Family struct {
	Metric
	Size int // number of series
	row  func(n int, labels []string) float64
}

// newFamily returns a family with a series for each of the items. row returns the
// value of an item's series, and sets its labels in the order of the metric's.
func newFamily[T any](m Metric, items []T, row func(item *T, labels []string) float64) Family {
	return Family{m, len(items), func(n int, labels []string) float64 { return row(&items[n], labels) }}
}

// newSparseFamily returns a family with a series for each of the items that has a
// value.
func newSparseFamily[T any](m Metric, items []T, hasValue func(*T) bool, row func(item *T, labels []string) float64) Family {
	var selected []*T
	for n := range items {
		if hasValue(&items[n]) {
			selected = append(selected, &items[n])
		}
	}
	return Family{m, len(selected), func(n int, labels []string) float64 { return row(selected[n], labels) }}
}

// Row returns the value of series n, and sets labels to those of the series, in the
// order of the metric's. They are valid UTF-8.
func (f Family) Row(n int, labels []string) float64 {
	value := f.row(n, labels)
	for l, label := range labels {
		if !utf8.ValidString(label) {
			labels[l] = strings.ToValidUTF8(label, "\ufffd")
		}
	}
	return value
}

// InventoryFamilies returns the metrics of a snapshot, whose connections and orgs
// are sorted by ID.
func InventoryFamilies(s *inventory.Snapshot) []Family {
	type connection = datadog.Connection
	type org = inventory.OrgInfo
	return []Family{
		connectionsFamily(s),
		newFamily(connectionInfo, s.Connections, func(c *connection, labels []string) float64 {
			set(labels, c.ID, c.SourceID, c.SinkID, c.Creator.ID, string(c.Creator.Kind))
			return 1
		}),
		newSparseFamily(connectionCreated, s.Connections, func(c *connection) bool { return !c.CreatedAt.IsZero() },
			func(c *connection, labels []string) float64 {
				set(labels, c.ID, c.SourceID, c.SinkID)
				return unixTime(c.CreatedAt)
			}),
		newSparseFamily(connectionCreatorDisabled, s.Connections, func(c *connection) bool { return c.Creator.Disabled.IsKnown() },
			func(c *connection, labels []string) float64 {
				set(labels, c.ID, c.SourceID, c.SinkID)
				return boolValue(c.Creator.Disabled == datadog.Yes)
			}),
		newFamily(orgInfo, s.Orgs, func(o *org, labels []string) float64 {
			set(labels, o.ID, o.Name, o.PublicID, o.Sharing)
			return 1
		}),
		newSparseFamily(orgDisabled, s.Orgs, func(o *org) bool { return o.Disabled.IsKnown() },
			func(o *org, labels []string) float64 {
				set(labels, o.ID)
				return boolValue(o.Disabled == datadog.Yes)
			}),
		newSparseFamily(orgObserved, s.Orgs, func(o *org) bool { return o.Observed.IsKnown() },
			func(o *org, labels []string) float64 {
				set(labels, o.ID)
				return boolValue(o.Observed == datadog.Yes)
			}),
	}
}

// ChangeMaxAge is how long after it happened a change is shown.
const ChangeMaxAge = 7 * 24 * time.Hour

// changedType is one type of a change, as the labels tell it.
type changedType struct {
	change         inventory.ChangeKind
	connectionID   string
	connectionType string
}

// ChangeFamily returns the metric of the changes that are not older than
// [ChangeMaxAge], and when the next of them will be, zero where there is none. A
// connection without types has one series, with an empty type.
func ChangeFamily(h *inventory.History, now time.Time) (f Family, expiry time.Time) {
	if h == nil {
		return newFamily(connectionChange, []int(nil), nil), time.Time{}
	}
	latest := map[changedType]*inventory.Change{}
	for i := range h.Changes {
		c := &h.Changes[i]
		expires := c.At.Add(ChangeMaxAge)
		if !now.Before(expires) {
			continue
		}
		if expiry.IsZero() || expires.Before(expiry) {
			expiry = expires
		}
		types := c.Types
		if len(types) == 0 {
			types = []string{""}
		}
		for _, connectionType := range types {
			t := changedType{c.Kind, c.Connection.ID, connectionType}
			if earlier := latest[t]; earlier == nil || c.At.After(earlier.At) {
				latest[t] = c
			}
		}
	}
	shown := slices.SortedFunc(maps.Keys(latest), func(a, b changedType) int {
		return cmp.Or(cmp.Compare(a.change, b.change), cmp.Compare(a.connectionID, b.connectionID), cmp.Compare(a.connectionType, b.connectionType))
	})
	return newFamily(connectionChange, shown, func(t *changedType, labels []string) float64 {
		c := latest[*t]
		set(labels, string(c.Kind), c.Connection.ID, c.Connection.SourceID, c.Connection.SinkID, t.connectionType)
		return unixTime(c.At)
	}), expiry
}

// edge is a connection type from a source to a sink.
type edge struct{ sourceID, sinkID, connectionType string }

// compare sorts edges as an exposition does, by label name: connection_type,
// sink_org_id, source_org_id.
func (e edge) compare(other edge) int {
	return cmp.Or(cmp.Compare(e.connectionType, other.connectionType), cmp.Compare(e.sinkID, other.sinkID), cmp.Compare(e.sourceID, other.sourceID))
}

func connectionsFamily(s *inventory.Snapshot) Family {
	var all []edge
	for _, c := range s.Connections {
		for _, connectionType := range c.Types {
			all = append(all, edge{c.SourceID, c.SinkID, connectionType})
		}
	}
	slices.SortFunc(all, edge.compare)
	distinct, counts := all[:0], []float64(nil)
	for _, next := range all {
		if last := len(distinct) - 1; last >= 0 && distinct[last] == next {
			counts[last]++
			continue
		}
		distinct, counts = append(distinct, next), append(counts, 1)
	}
	return Family{connections, len(distinct), func(n int, labels []string) float64 {
		e := distinct[n]
		set(labels, e.sourceID, s.OrgName(e.sourceID), e.sinkID, s.OrgName(e.sinkID), e.connectionType)
		return counts[n]
	}}
}

// PolicyFamilies returns the metrics of a policy and its judgement of a snapshot,
// none if p is nil.
func PolicyFamilies(p *policy.Policy, j *policy.Judgement) []Family {
	if p == nil {
		return nil
	}
	unexpected := slices.SortedFunc(slices.Values(j.Unexpected), func(a, b policy.Share) int {
		return edge{a.Source.ID, a.Sink.ID, a.Type}.compare(edge{b.Source.ID, b.Sink.ID, b.Type})
	})
	missing := slices.SortedFunc(slices.Values(j.Missing), func(a, b policy.Missing) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Rule.Name, b.Rule.Name))
	})
	byName := slices.SortedFunc(slices.Values(p.Rules), func(a, b policy.Rule) int { return cmp.Compare(a.Name, b.Name) })
	return []Family{
		newFamily(connectionsUnexpected, unexpected, func(u *policy.Share, labels []string) float64 {
			set(labels, u.Source.ID, u.Source.Name, u.Sink.ID, u.Sink.Name, u.Type)
			return float64(len(u.Connections))
		}),
		newFamily(connectionsMissing, missing, func(m *policy.Missing, labels []string) float64 {
			set(labels, m.Rule.Name, m.Type)
			return 1
		}),
		newSparseFamily(ruleExpiry, byName, func(r *policy.Rule) bool { return !r.Expires.IsZero() }, func(r *policy.Rule, labels []string) float64 {
			set(labels, r.Name)
			return unixTime(r.Expires)
		}),
		{rules, 1, func(int, []string) float64 { return float64(len(p.Rules)) }},
	}
}

func set(labels []string, values ...string) { copy(labels, values) }

func unixTime(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

func boolValue(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
