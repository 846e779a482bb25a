package fake

import (
	"net/http"
	"time"
)

func (c *company) unexpectedConnection() Step {
	return Step{
		Title: "Acme Security shares its logs with a contractor",
		Look: `datadog_org_connections{source_org_name="Acme Security",sink_org_name="Contractor Sandbox",` +
			`connection_type="logs"} 1 appears, and as datadog_org_connections_unexpected too; ` +
			`datadog_listing_connections goes from 9 to 10`,
		Do: func() {
			c.server.AddConnection(Connection{
				SourceID:  c.security,
				SinkID:    c.contractor,
				CreatorID: c.onboarding,
				Types:     []string{"logs"},
				CreatedAt: time.Now(),
			})
		},
	}
}

func (c *company) widenedConnection() Step {
	return Step{
		Title: "Acme Payments EU shares metrics and audit too, no longer logs alone",
		Look: `datadog_org_connections{source_org_name="Acme Payments EU",sink_org_name="Acme Security"} has three ` +
			`series, connection_type "logs", "metrics" and "audit", where it had one, and the new two are unexpected; ` +
			`datadog_org_connection_created_timestamp_seconds tells nothing of it`,
		Do: func() { c.server.SetTypes(c.fromPaymentsEU, "logs", "metrics", "audit") },
	}
}

func (c *company) disabledCreator() Step {
	return Step{
		Title: "Robin, who created a connection, leaves: the account is disabled",
		Look: `datadog_org_connection_creator_disabled goes from 0 to 1 for the connection of Acme "Skunkworks" Labs, ` +
			`the only one with creator_kind="user" in datadog_org_connection_info: it is about to vanish`,
		Do: func() { c.server.DisableUser(c.robin) },
	}
}

func (c *company) renamedOrg() Step {
	return Step{
		Title: "Acme Payments US is renamed to Acme Payments Americas",
		Look: `datadog_org_info has org_name="Acme Payments Americas" for the same org_id, and datadog_org_connections ` +
			`the new source_org_name; datadog_listing_connections stays 10, and nothing is unexpected that was not before`,
		Do: func() { c.server.RenameOrg(c.paymentsUS, "Acme Payments Americas") },
	}
}

func (c *company) rateLimitStorm() Step {
	return Step{
		Title: "Another tool uses the rate limit up: every answer is 429",
		Look: `datadog_up 0, datadog_api_ratelimit_remaining 0, and datadog_listing_failures_total` +
			`{reason="rate_limited"} grows; datadog_org_connections keeps all its series`,
		Do: func() {
			header := http.Header{}
			header.Set("X-RateLimit-Limit", "600")
			header.Set("X-RateLimit-Period", "60")
			header.Set("X-RateLimit-Remaining", "0")
			header.Set("X-RateLimit-Reset", "5")
			header.Set("X-RateLimit-Name", "org_connections")
			c.server.Inject(TooManyRequests(header))
		},
	}
}

func (c *company) endOfStorm() Step {
	return Step{
		Title: "The storm ends",
		Look: `datadog_up 1, datadog_api_ratelimit_remaining is above 0, and ` +
			`datadog_listing_last_success_timestamp_seconds moves on`,
		Do: c.server.ClearFaults,
	}
}

func (c *company) vanishedConnection() Step {
	return Step{
		Title: "Datadog deletes the connection that Robin created",
		Look: `datadog_org_connection_info and datadog_org_connections of Acme "Skunkworks" Labs are gone, and ` +
			`datadog_org_connections_missing has its rule; datadog_listing_connections goes from 10 to 9`,
		Do: func() { c.server.RemoveConnection(c.fromSkunkworks) },
	}
}

func (c *company) gatewayOutage() Step {
	return Step{
		Title: "A gateway before the API fails: every answer is an HTML page with 502",
		Look: `datadog_up 0, and datadog_listing_failures_total{reason="server_error"} grows; ` +
			`datadog_listing_connections stays 9, and datadog_org_connections keeps all its series`,
		Do: func() { c.server.Inject(HTMLError(http.StatusBadGateway)) },
	}
}

func (c *company) endOfOutage() Step {
	return Step{
		Title: "The gateway is back",
		Look: `datadog_up 1, datadog_listing_connections 9, and ` +
			`datadog_listing_last_success_timestamp_seconds moves on`,
		Do: c.server.ClearFaults,
	}
}
