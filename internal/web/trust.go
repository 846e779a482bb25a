package web

import (
	"time"

	"datadog_org_connections_exporter/internal/inventory"
)

// trustRow is the state of one org's listing.
type trustRow struct {
	Org, State, Age, Next, Err string
	Connections                int
	Gap                        inventory.GapReason // why there may be other connections, where State does not say it
	Good, Listed               bool
}

// newTrustRows returns all states, and how many of them, the first ones, are not as they
// should be.
func newTrustRows(c *content) (rows []trustRow, bad int) {
	gaps := map[string]inventory.GapReason{}
	for _, g := range c.view.Gaps {
		gaps[g.Org] = g.Reason
	}
	var good []trustRow
	for _, org := range c.view.Orgs {
		row := newTrustRow(org, gaps[org.Name], c.now)
		if org.Up && gaps[org.Name] == "" {
			good = append(good, row)
		} else {
			rows = append(rows, row)
		}
	}
	return append(rows, good...), len(rows)
}

func newTrustRow(org inventory.OrgState, gap inventory.GapReason, now time.Time) trustRow {
	row := trustRow{Org: org.Name, State: state(org), Good: org.Up, Next: "when next scraped"}
	if left := org.NextAttempt.Sub(now); left > 0 {
		row.Next = "in " + seconds(left)
	}
	if org.Refreshing {
		row.Next = "under way"
	}
	if org.Listing != nil {
		row.Listed = true
		row.Connections = len(org.Listing.Connections)
		if gap == inventory.Incomplete || gap == inventory.Filtered {
			row.Gap = gap
		}
		row.Age = seconds(now.Sub(org.Listing.Began))
	}
	if org.Err != nil {
		row.Err = org.Err.Error()
	}
	return row
}

// state summarizes the state of an org.
func state(org inventory.OrgState) string {
	switch {
	case org.Listing == nil && org.Err == nil:
		return "first listing under way"
	case org.Listing == nil:
		return "failing, no listing yet"
	case org.Stale && org.Err != nil:
		return "failing, too old to be shown"
	case org.Stale:
		return "too old to be shown"
	case org.Err != nil:
		return "failing, last good listing shown"
	}
	return "up"
}

func seconds(d time.Duration) string { return d.Round(time.Second).String() }
