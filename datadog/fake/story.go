package fake

import (
	"net/http"
	"time"
)

// Step is one event of the demo's story.
type Step struct {
	Title string
	Look  string // what changes on /metrics once the exporter has listed the event
	Do    func() // makes the event happen
	// Unseen events happen while the program that watches is stopped.
	Unseen bool
}

// NewStory returns the demo's account, a made-up payments company, and the events of its story. orgID is Acme
// Security, whose keys list nine connections at first. The steps must be done in order, each once.
func NewStory() (s *Server, orgID string, steps []Step) {
	c := newCompany()
	return c.server, c.security, []Step{{
		Title: "Acme Security shares its logs with a contractor",
		Look: `datadog_org_connections{source_org_name="Acme Security",sink_org_name="Contractor Sandbox",` +
			`connection_type="logs"} 1 appears, and as datadog_org_connections_unexpected too; ` +
			`datadog_listing_connections goes from 9 to 10`,
		Do: func() { c.connect(c.security, c.contractor, c.onboarding, time.Now(), "logs") },
	}, {
		Title: "Acme Payments EU shares metrics and audit too, no longer logs alone",
		Look: `datadog_org_connections{source_org_name="Acme Payments EU",sink_org_name="Acme Security"} has three ` +
			`series, connection_type "logs", "metrics" and "audit", where it had one, and the new two are unexpected; ` +
			`datadog_org_connection_created_timestamp_seconds tells nothing of it`,
		Do: func() { c.server.SetTypes(c.fromPaymentsEU, "logs", "metrics", "audit") },
	}, {
		Title: "Robin, who created a connection, leaves: the account is disabled",
		Look: `datadog_org_connection_creator_disabled goes from 0 to 1 for the connection of Acme "Skunkworks" Labs, ` +
			`the only one with creator_kind="user" in datadog_org_connection_info: it is about to vanish`,
		Do: func() { c.server.DisableUser(c.robin) },
	}, {
		Title: "Acme Payments US is renamed to Acme Payments Americas",
		Look: `datadog_org_info has org_name="Acme Payments Americas" for the same org_id, and datadog_org_connections ` +
			`the new source_org_name; datadog_listing_connections stays 10, and nothing is unexpected that was not before`,
		Do: func() { c.server.RenameOrg(c.paymentsUS, "Acme Payments Americas") },
	}, {
		Title: "Another tool uses the rate limit up: every answer is 429",
		Look: `datadog_up 0, datadog_api_ratelimit_remaining 0, and datadog_listing_failures_total` +
			`{reason="rate_limited"} grows; datadog_org_connections keeps all its series`,
		Do: func() { c.server.Inject(TooManyRequests(usedUp())) },
	}, {
		Title: "The other tool stops",
		Look: `datadog_up 1, datadog_api_ratelimit_remaining is above 0, and ` +
			`datadog_listing_last_success_timestamp_seconds moves on`,
		Do: c.server.ClearFaults,
	}, {
		Title: "Datadog deletes the connection that Robin created",
		Look: `datadog_org_connection_info and datadog_org_connections of Acme "Skunkworks" Labs are gone, and ` +
			`datadog_org_connections_missing has its rule; datadog_listing_connections goes from 10 to 9`,
		Do: func() { c.server.RemoveConnection(c.fromSkunkworks) },
	}, {
		Title: "A gateway before the API fails: every answer is an HTML page with 502",
		Look: `datadog_up 0, and datadog_listing_failures_total{reason="server_error"} grows; ` +
			`datadog_listing_connections stays 9, and datadog_org_connections keeps all its series`,
		Do: func() { c.server.Inject(HTMLError(http.StatusBadGateway)) },
	}, {
		Title: "The gateway is back",
		Look: `datadog_up 1, datadog_listing_connections 9, and ` +
			`datadog_listing_last_success_timestamp_seconds moves on`,
		Do: c.server.ClearFaults,
	}, {
		Title: "The exporter is restarted, and meanwhile Acme Payments EU no longer shares audit",
		Look: `datadog_org_connection_change_timestamp_seconds has change="narrowed" and connection_type="audit" beside all ` +
			`that happened before, and datadog_history_start_timestamp_seconds stays as it was: the exporter remembers`,
		Do:     func() { c.server.SetTypes(c.fromPaymentsEU, "logs", "metrics") },
		Unseen: true,
	}}
}

// usedUp returns the headers of a rate limit that another tool has used up.
func usedUp() http.Header {
	header := http.Header{}
	header.Set("X-RateLimit-Limit", "600")
	header.Set("X-RateLimit-Period", "60")
	header.Set("X-RateLimit-Remaining", "0")
	header.Set("X-RateLimit-Reset", "5")
	header.Set("X-RateLimit-Name", "org_connections")
	return header
}

// company is the story's account, with the ids that its steps use.
type company struct {
	server *Server

	security, paymentsUS, contractor string // orgs
	onboarding, robin                string // users
	fromPaymentsEU, fromSkunkworks   string // connections to security
}

func newCompany() *company {
	s := newServer(Options{
		Latency:   50 * time.Millisecond,
		RateLimit: RateLimit{Limit: 600, Period: time.Minute, Name: "org_connections"},
	}, 2025)
	c := &company{server: s}
	c.security = s.AddOrg(Org{Name: "Acme Security"})
	paymentsEU := s.AddOrg(Org{Name: "Acme Payments EU"})
	c.paymentsUS = s.AddOrg(Org{Name: "Acme Payments US"})
	platform := s.AddOrg(Org{Name: "Acme Platform"})
	tokyo := s.AddOrg(Org{Name: "Acme 東京"})
	skunkworks := s.AddOrg(Org{Name: `Acme "Skunkworks" Labs`})
	dataLake := s.AddOrg(Org{Name: "Acme Data Lake"})
	c.contractor = s.AddOrg(Org{Name: "Contractor Sandbox"})
	terraform := s.AddUser(User{Name: "terraform", ServiceAccount: true})
	c.onboarding = s.AddUser(User{Name: "onboarding", ServiceAccount: true})
	c.robin = s.AddUser(User{Name: "Robin Sample", Email: "robin.sample@example.com"})

	createdAt := time.Date(2024, 5, 14, 9, 26, 53, 589793000, time.UTC)
	connect := func(sourceID, sinkID, creatorID string, types ...string) string {
		createdAt = createdAt.AddDate(0, 0, 5*7)
		return c.connect(sourceID, sinkID, creatorID, createdAt, types...)
	}
	c.fromPaymentsEU = connect(paymentsEU, c.security, terraform, "logs")
	connect(c.paymentsUS, c.security, terraform, "logs", "metrics")
	connect(platform, c.security, terraform, "logs", "metrics")
	connect(tokyo, c.security, c.onboarding, "logs")
	c.fromSkunkworks = connect(skunkworks, c.security, c.robin, "logs")
	connect(dataLake, c.security, c.onboarding, "audit")
	connect(c.security, platform, terraform, "metrics")
	connect(c.security, dataLake, terraform, "logs", "audit")
	connect(c.security, paymentsEU, c.onboarding, "metrics")
	connect(c.paymentsUS, dataLake, terraform, "metrics") // not listed with the keys of security
	return c
}

func (c *company) connect(sourceID, sinkID, creatorID string, createdAt time.Time, types ...string) string {
	return c.server.AddConnection(Connection{
		SourceID:  sourceID,
		SinkID:    sinkID,
		CreatorID: creatorID,
		Types:     types,
		CreatedAt: createdAt,
	})
}
