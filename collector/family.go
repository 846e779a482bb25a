package collector

import (
	"cmp"
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

// Row returns the value of series n, and sets labels to those of the series, in the
// order of the metric's.
func (f Family) Row(n int, labels []string) float64 {
	value := f.row(n, labels)
	for n, label := range labels {
		if !utf8.ValidString(label) { // client_golang would refuse it
			labels[n] = strings.ToValidUTF8(label, "\ufffd")
		}
	}
	return value
}

// InventoryFamilies returns the metrics of a snapshot.
func InventoryFamilies(s *inventory.Snapshot) []Family {
	all, orgs := s.Connections, s.Orgs
	dated := where(all, func(n int) bool { return !all[n].CreatedAt.IsZero() })
	ending := where(all, func(n int) bool { return all[n].Creator.Disabled.IsKnown() })
	switched := where(orgs, func(n int) bool { return orgs[n].Disabled.IsKnown() })
	watched := where(orgs, func(n int) bool { return orgs[n].Observed.IsKnown() })
	return []Family{
		sharesFamily(s),
		{connectionInfo, len(all), func(n int, labels []string) float64 {
			c := &all[n]
			fill(labels, c.ID, c.SourceID, c.SinkID, c.Creator.ID, string(c.Creator.Kind))
			return 1
		}},
		{connectionCreated, len(dated), func(n int, labels []string) float64 {
			c := &all[dated[n]]
			fill(labels, c.ID, c.SourceID, c.SinkID)
			return unixTime(c.CreatedAt)
		}},
		{creatorDisabled, len(ending), func(n int, labels []string) float64 {
			c := &all[ending[n]]
			fill(labels, c.ID, c.SourceID, c.SinkID)
			return boolValue(c.Creator.Disabled)
		}},
		{orgInfo, len(orgs), func(n int, labels []string) float64 {
			o := &orgs[n]
			fill(labels, o.ID, o.Name, o.PublicID, o.Sharing)
			return 1
		}},
		{orgDisabled, len(switched), func(n int, labels []string) float64 {
			o := &orgs[switched[n]]
			fill(labels, o.ID)
			return boolValue(o.Disabled)
		}},
		{orgObserved, len(watched), func(n int, labels []string) float64 {
			o := &orgs[watched[n]]
			fill(labels, o.ID)
			return boolValue(o.Observed)
		}},
	}
}

// share is one source's with one sink, of one type.
type share struct{ source, sink, kind string }

func (s share) compare(other share) int {
	return cmp.Or(cmp.Compare(s.kind, other.kind), cmp.Compare(s.sink, other.sink), cmp.Compare(s.source, other.source))
}

func sharesFamily(s *inventory.Snapshot) Family {
	var shares []share
	for _, c := range s.Connections {
		for _, kind := range c.Types {
			shares = append(shares, share{c.SourceID, c.SinkID, kind})
		}
	}
	slices.SortFunc(shares, share.compare)
	distinct, counts := shares[:0], []float64(nil)
	for _, next := range shares {
		if last := len(distinct) - 1; last >= 0 && distinct[last] == next {
			counts[last]++
			continue
		}
		distinct, counts = append(distinct, next), append(counts, 1)
	}
	return Family{connections, len(distinct), func(n int, labels []string) float64 {
		of := distinct[n]
		fill(labels, of.source, s.OrgName(of.source), of.sink, s.OrgName(of.sink), of.kind)
		return counts[n]
	}}
}

// PolicyFamilies returns the metrics of a policy and its judgement, none without a
// policy.
func PolicyFamilies(rules *policy.Policy, judgement *policy.Judgement) []Family {
	if rules == nil {
		return nil
	}
	shares := slices.SortedFunc(slices.Values(judgement.Unexpected), func(a, b policy.Share) int {
		return share{a.Source.ID, a.Sink.ID, a.Type}.compare(share{b.Source.ID, b.Sink.ID, b.Type})
	})
	lacking := slices.SortedFunc(slices.Values(judgement.Missing), func(a, b policy.Missing) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Rule.Name, b.Rule.Name))
	})
	ending := slices.DeleteFunc(slices.Clone(rules.Rules), func(r policy.Rule) bool { return r.Expires.IsZero() })
	slices.SortFunc(ending, func(a, b policy.Rule) int { return cmp.Compare(a.Name, b.Name) })
	return []Family{
		{unexpected, len(shares), func(n int, labels []string) float64 {
			s := &shares[n]
			fill(labels, s.Source.ID, s.Source.Name, s.Sink.ID, s.Sink.Name, s.Type)
			return float64(len(s.Connections))
		}},
		{missing, len(lacking), func(n int, labels []string) float64 {
			fill(labels, lacking[n].Rule.Name, lacking[n].Type)
			return 1
		}},
		{ruleExpiry, len(ending), func(n int, labels []string) float64 {
			fill(labels, ending[n].Name)
			return unixTime(ending[n].Expires)
		}},
		{ruleCount, 1, func(int, []string) float64 { return float64(len(rules.Rules)) }},
	}
}

// where tells which of all have a property.
func where[T any](all []T, has func(n int) bool) []int {
	var those []int
	for n := range all {
		if has(n) {
			those = append(those, n)
		}
	}
	return those
}

func fill(labels []string, values ...string) { copy(labels, values) }

func unixTime(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

// boolValue returns 1 for a ternary that is Yes, else 0.
func boolValue(t datadog.Ternary) float64 {
	if t == datadog.Yes {
		return 1
	}
	return 0
}
