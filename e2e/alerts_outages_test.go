package e2e

import (
	"net/http"
	"slices"
	"time"

	"datadog_org_connections_exporter/datadog/fake"
)

// limited answers that the rate limit is used up for the next second.
func limited() fake.Fault {
	return fake.TooManyRequests(http.Header{"X-Ratelimit-Reset": {"1"}})
}

// oneMore makes the API report one connection more than it lists.
func oneMore() fake.Fault {
	return fake.Total(func(total int) any { return total + 1 })
}

func apiFailsForHours(s *stack) {
	c := newCompany(s)
	unexpected := c.connect(c.security, c.payments, "audit")
	c.hide(c.required)
	widened := c.connect(c.payments, c.lake, "logs")
	c.start()
	c.expectAlerts("one connection is not expected, and one is missing",
		c.typeAlerts("Unexpected", c.security, c.payments, "audit"),
		missingAlert(c.policy[0].name))
	goes := c.connection(unexpected)

	c.Inject(fake.HTMLError(http.StatusServiceUnavailable))
	made := c.connectNow(c.tokyo, c.payments, "metrics")
	c.RemoveConnection(unexpected)
	c.SetTypes(widened, "logs", "metrics")
	c.expectAlerts("the API fails, and connections change meanwhile",
		c.orgAlerts("ListingFailing", c.orgIDs()...))
	// One alert says that no org can be listed, in place of one for each org.
	c.expectAlerts("it fails for an hour",
		jobAlert("AllDataStale"))
	c.waitFor(`absent(datadog_org_connection_info)`)
	c.expectNoAlerts("it still fails when no connections are shown any more", quietMinutes)

	c.ClearFaults()
	c.expectAlertsFor("it is back", quietMinutes,
		c.connectionAlert("New", made),
		c.typeAlerts("Widened", c.payments, c.lake, "metrics"),
		c.typeAlerts("Removed", goes.SourceID, goes.SinkID, "audit"),
		resolves(c.typeAlerts("Unexpected", goes.SourceID, goes.SinkID, "audit")),
		resolves(c.orgAlerts("ListingFailing", c.orgIDs()...)),
		resolves(jobAlert("AllDataStale")))
}

func orgsFailDifferently(s *stack) {
	c := newCompany(s)
	c.hide(c.required)
	c.connect(c.security, c.payments, "audit")
	c.start()
	c.expectAlerts("alerts fire, and keep firing",
		c.typeAlerts("Unexpected", c.security, c.payments, "audit"),
		missingAlert(c.policy[0].name))

	c.RevokeKeys(c.payments)
	c.DenyPermission(c.platform)
	c.Inject(limited().ForOrg(c.security))
	c.Inject(fake.HTMLError(http.StatusBadGateway).ForOrg(c.lake))
	c.Inject(oneMore().ForOrg(c.tokyo))
	failing := slices.Concat(
		c.orgAlerts("KeysRejected", c.payments),
		c.orgAlerts("PermissionDenied", c.platform),
		c.orgAlerts("RateLimited", c.security),
		c.orgAlerts("ListingFailing", c.lake))
	c.expectAlerts("keys are revoked, a permission is taken away, a limit is used up, a gateway fails", failing)
	incomplete := c.orgAlerts("ListingIncomplete", c.tokyo)
	c.expectAlerts("the listing of another org stays one connection short of its total", incomplete)
	stale := c.orgAlerts("DataStale", c.payments, c.platform, c.security, c.lake)
	c.expectAlerts("this lasts for an hour", stale)

	c.RestoreKeys(c.payments)
	c.RestoreKeys(c.platform)
	c.ClearFaults()
	c.expectAlertsFor("normal state again", quietMinutes, resolves(failing), resolves(incomplete), resolves(stale))
}

func shortFailures(s *stack) {
	c := newCompany(s)
	c.start()
	c.waitFor(`count(datadog_up == 1) == 5`)
	c.expectNoAlerts("normal state", 3)

	c.Inject(oneMore())
	c.waitFor(`count(datadog_listing_complete == 0) == 5`)
	unhide := c.hide(c.required)
	c.waitFor(`count(datadog_org_connection_info) == 6`)
	c.expectNoAlerts("the API omits a connection, and its totals show it", quietMinutes)
	unhide()
	c.waitFor(`count(datadog_org_connection_info) == 7`)
	c.ClearFaults()
	c.waitFor(`count(datadog_listing_complete == 1) == 5`)
	c.expectNoAlerts("it lists it again", quietMinutes)

	unhide = c.hide(c.required)
	c.waitFor(`count(datadog_org_connection_info) == 6`)
	c.expectNoAlerts("the API omits a connection, and its totals do not show it", 2)
	unhide()
	c.waitFor(`count(datadog_org_connection_info) == 7`)
	c.expectNoAlerts("it lists it again, a few minutes later", quietMinutes)

	c.Inject(limited())
	c.waitFor(`count(datadog_up == 0) == 5`)
	c.ClearFaults()
	c.waitFor(`count(datadog_up == 1) == 5`)
	c.expectNoAlerts("the API answers 429 for a while", quietMinutes)

	c.Inject(fake.Status(http.StatusInternalServerError).Times(2))
	c.waitFor(`sum(datadog_api_retries_total{reason="server_error"}) > 0`)
	c.expectNoAlerts("requests fail and are sent again", quietMinutes)

	c.Inject(fake.ShuffledOrder())
	c.waitFor(`sum(datadog_listing_failures_total{reason="incomplete"}) + sum(1 - datadog_listing_complete) > 0`)
	c.expectNoAlerts("the order of rows changes between pages", quietMinutes)
	c.ClearFaults()

	c.Inject(fake.Slow(300 * time.Millisecond))
	c.waitFor(`max(datadog_listing_duration_seconds) > 0.5`)
	c.expectNoAlerts("the API takes longer than the scrape timeout", quietMinutes)
}

func keysAreRevoked(s *stack) {
	c := newCompany(s)
	c.start()
	c.waitFor(`count(datadog_up == 1) == 5`)
	c.expectNoAlerts("normal state", 3)

	c.RevokeKeys(c.platform)
	c.expectAlertsFor("the keys of an org are revoked, whose connections other keys list", 20,
		c.orgAlerts("KeysRejected", c.platform))
	c.restart(0)
	c.expectNoAlerts("the exporter is restarted meanwhile", quietMinutes)
	c.replace(0)
	c.expectNoAlerts("it is replaced", quietMinutes)
	c.RestoreKeys(c.platform)
	c.expectAlerts("they work again",
		resolves(c.orgAlerts("KeysRejected", c.platform)))
}

// When an org is removed from the configuration, the connections that only its keys
// listed are no longer visible. That must not be reported as their removal.
func orgIsRemovedFromConfiguration(s *stack) {
	c := newCompany(s)
	c.memory = 1
	outside := c.org(fake.Org{Name: "Contractor Sandbox"})
	c.connect(c.tokyo, outside, "logs")
	c.policy = append(c.policy, rule{name: "to outside", source: c.tokyo, sink: outside, types: []string{"logs"}})
	c.setPolicy(c.policy...)
	c.start()
	c.expectAlerts("there is an org whose keys are not configured",
		c.blindSpotAlert(outside))

	c.RemoveConnection(c.shared)
	c.waitFor(`count(datadog_org_connection_info) == 7`)
	left := slices.DeleteFunc(c.orgIDs(), func(id string) bool { return id == c.tokyo })
	c.configure(left...)
	c.reload()
	c.waitFor(`count(datadog_up) == 4`)
	c.expectAlerts("a connection disappears, and another org is taken out of the configuration",
		c.typeAlerts("Removed", c.platform, c.security, "logs", "metrics"),
		c.blindSpotAlert(c.tokyo),
		resolves(c.blindSpotAlert(outside)))
	c.expectNoAlerts("the connections that only its keys listed leave the memory of the rules", 50)
}
