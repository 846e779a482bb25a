package web

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"time"

	"github.com/go-kit/log/level"

	"datadog_org_connections_exporter/internal/inventory"
)

//go:embed landing.html
var landingHTML string

var landingTemplate = template.Must(template.New("landing.html").Parse(landingHTML))

type landingPage struct {
	Version, Notice, MetricsPath string
	Connections, Orgs            int
	Complete                     bool
	Rows                         []landingRow
}

// landingRow is the state of one org's listing.
type landingRow struct {
	Org, State, Age, Next, Err string
	Connections                int
	Gap                        inventory.GapReason // why there may be other connections, where State does not say it
	Good, Listed               bool
}

func (s *server) landing(w http.ResponseWriter, _ *http.Request) {
	view := s.Inventory.View()
	page := landingPage{
		Version: s.Version, Notice: s.Notice, MetricsPath: s.MetricsPath,
		Connections: len(view.Snapshot.Connections), Orgs: len(view.Snapshot.Orgs),
		Complete: view.Complete(),
	}
	gaps := map[string]inventory.GapReason{}
	for _, g := range view.Gaps {
		gaps[g.Org] = g.Reason
	}
	now := time.Now()
	for _, org := range view.Orgs {
		page.Rows = append(page.Rows, newLandingRow(org, gaps[org.Name], now))
	}
	var body bytes.Buffer
	if err := landingTemplate.Execute(&body, page); err != nil {
		level.Error(s.Logger).Log("msg", "Cannot render the landing page", "err", err)
		http.Error(w, "cannot render this page: see the log", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = body.WriteTo(w) // fails if the client is gone
}

func newLandingRow(org inventory.OrgState, gap inventory.GapReason, now time.Time) landingRow {
	row := landingRow{Org: org.Name, State: state(org), Good: org.Up, Next: "when next scraped"}
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
