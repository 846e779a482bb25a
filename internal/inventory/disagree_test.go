package inventory_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
)

// end is what the listing of one end of the connection a-b says about it, and what
// decides whether that is believed.
type end struct {
	says       says
	began      time.Duration // since the first of the two listings began
	ended      time.Duration
	complete   bool
	filtered   bool
	identified bool // it is known that the credentials are those of this end
	stale      bool
}

// says is what a listing says about the connection.
type says string

const (
	lacks          says = "lacks it"
	has            says = "has it"
	hasOtherFields says = "has other types and another creator"
	hasNoCreator   says = "does not know the creator"
)

func (s says) connections() []datadog.Connection {
	c := connection("a", "b", "logs")
	c.Creator = datadog.Creator{ID: "person", Kind: datadog.CreatorUser}
	switch s {
	case lacks:
		return nil
	case has:
	case hasOtherFields:
		c.Types = []string{"logs", "metrics"}
		c.Creator = datadog.Creator{ID: "robot", Kind: datadog.CreatorServiceAccount}
	case hasNoCreator:
		c.Creator = datadog.Creator{Kind: datadog.CreatorUnknown}
	}
	return []datadog.Connection{c}
}

// later reports whether the listing began after the other one ended.
func (e end) later(other end) bool { return e.began > other.ended }

// disproves: a complete, unfiltered listing of an end that lacks the connection, and
// that is later than the listing that has it.
func (e end) disproves(other end) bool {
	return e.says == lacks && e.complete && !e.filtered && e.identified && !e.stale && e.later(other)
}

// expected returns the connection as it is to be shown, nil for not at all.
func expected(a, b end) *datadog.Connection {
	// What is stale is not shown, and neither is what the other end disproves.
	aCounts := a.says != lacks && !a.stale && !b.disproves(a)
	bCounts := b.says != lacks && !b.stale && !a.disproves(b)
	switch {
	case !aCounts && !bCounts:
		return nil
	case !bCounts:
		return &a.says.connections()[0]
	case !aCounts:
		return &b.says.connections()[0]
	}
	// Of two, the later one is believed, and a, the first in the configuration, where
	// they overlap. What one does not know is taken from the other.
	believed, other := a, b
	if b.later(a) {
		believed, other = b, a
	}
	c := believed.says.connections()[0]
	if believed.says == hasNoCreator {
		c.Creator = other.says.connections()[0].Creator
	}
	return &c
}

// list returns the lister of the end, whose listing was made that long ago.
func (e end) lister(name string, ago time.Duration) *pastLister {
	l := &datadog.Listing{
		Connections: e.says.connections(), Complete: e.complete, Credentials: name,
		Began: time.Now().Add(e.began - ago), Duration: e.ended - e.began,
	}
	if e.filtered {
		l.Filter = datadog.Filter{SourceOrgID: "a"}
	}
	return &pastLister{listing: l}
}

// pastLister returns a listing that was made earlier.
type pastLister struct{ listing *datadog.Listing }

func (l *pastLister) List(context.Context) (*datadog.Listing, error) { return l.listing, nil }
func (l *pastLister) Stats() datadog.Stats                           { return datadog.Stats{} }

// forEachPairOfEnds calls f with all combinations.
func forEachPairOfEnds(f func(a, b end)) {
	booleans := []bool{false, true}
	intervals := [][4]int{ // when a began and ended, and b
		{0, 1, 2, 3}, // a before b
		{2, 3, 0, 1},
		{0, 1, 1, 2}, // one ends in the moment in which the other begins
		{1, 2, 0, 1},
		{0, 2, 1, 3}, // they overlap
		{1, 3, 0, 2},
		{0, 3, 1, 2}, // one within the other
		{1, 2, 0, 3},
	}
	var ends []end
	for _, s := range []says{lacks, has, hasOtherFields, hasNoCreator} {
		for _, complete := range booleans {
			for _, filtered := range booleans {
				for _, identified := range booleans {
					ends = append(ends, end{says: s, complete: complete, filtered: filtered, identified: identified})
				}
			}
		}
	}
	for _, i := range intervals {
		for _, a := range ends {
			for _, b := range ends {
				for _, olderIsStale := range booleans {
					a.began, a.ended, b.began, b.ended = seconds(i[0]), seconds(i[1]), seconds(i[2]), seconds(i[3])
					a.stale, b.stale = olderIsStale && a.began < b.began, olderIsStale && b.began < a.began
					f(a, b)
				}
			}
		}
	}
}

// TestMerge_TwoEndsDisagree has all combinations of what two ends say about one
// connection, and when, and whether it is recorded first what a says or what b says,
// which must not matter.
func TestMerge_TwoEndsDisagree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failures := 0
		forEachPairOfEnds(func(a, b end) {
			ago := time.Minute
			if a.stale || b.stale {
				ago = inventory.DefaultMaxStale + time.Second/2 // of which one is stale and the other is not
			}
			for _, first := range []string{"a", "b"} {
				orgs := []inventory.Org{{Name: "a", Lister: a.lister("a", ago)}, {Name: "b", Lister: b.lister("b", ago)}}
				if a.identified {
					orgs[0].OrgID = "a"
				}
				if b.identified {
					orgs[1].OrgID = "b"
				}
				inv := inventory.New(t.Context(), orgs, inventory.Options{})
				org, _ := inv.ForOrg(first)
				org.Refresh(t.Context())
				inv.Refresh(t.Context())
				got, want := inv.View().Snapshot.Connections, expected(a, b)
				switch {
				case want == nil && len(got) == 0:
				case want != nil && len(got) == 1 && got[0].Creator == want.Creator && slices.Equal(got[0].Types, want.Types):
				default:
					if failures++; failures <= 10 {
						t.Errorf("%s is recorded first:\n a %+v\n b %+v\n got  %+v\n want %v", first, a, b, got, describe(want))
					}
				}
			}
		})
		if failures > 0 {
			t.Errorf("%d combinations are wrong", failures)
		}
	})
}

func describe(c *datadog.Connection) string {
	if c == nil {
		return "none"
	}
	return fmt.Sprintf("%+v", *c)
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
