package e2e

import (
	"net/http"
	"slices"
	"time"

	"datadog_org_connections_exporter/datadog/fake"
)

// limited is what the API answers when the rate limit is used up, for a second or
// two at a time.
func limited() fake.Fault {
	return fake.TooManyRequests(http.Header{"X-Ratelimit-Reset": {"1"}})
}

// oneMore has the API say that there is one connection more than it lists.
func oneMore() fake.Fault {
	return fake.Total(func(truth int) any { return truth + 1 })
}

func theAPIFailsForHours(s *stack) {
	c := newCompany(s)
	unexpected := c.connect(c.security, c.payments, "audit")
	c.hide(c.required)
	widened := c.connect(c.payments, c.lake, "logs")
	c.start()
	c.hears("one connection is not expected, and one is missing",
		c.ofTypes("Unexpected", c.security, c.payments, "audit"),
		missing(c.policy[0].name))
	goes := c.connection(unexpected)

	c.Inject(fake.HTMLError(http.StatusServiceUnavailable))
	made := c.connectNow(c.tokyo, c.payments, "metrics")
	c.RemoveConnection(unexpected)
	c.SetTypes(widened, "logs", "metrics")
	c.hears("the API fails, and connections change meanwhile",
		c.ofKeys("ListingFailing", c.everybody()...))
	// That no org can be listed is told once, and not of each org.
	c.hears("it fails for an hour",
		ofJob("AllDataStale"))
	c.sees(`absent(datadog_org_connection_info)`)
	c.hearsNothing("it goes on to fail when no connections are shown any more", quiet)

	c.ClearFaults()
	c.listen("it is back", quiet,
		c.ofConnection("New", made),
		c.ofTypes("Widened", c.payments, c.lake, "metrics"),
		c.ofTypes("Removed", goes.SourceID, goes.SinkID, "audit"),
		ends(c.ofTypes("Unexpected", goes.SourceID, goes.SinkID, "audit")),
		ends(c.ofKeys("ListingFailing", c.everybody()...)),
		ends(ofJob("AllDataStale")))
}

func everyOrgFailsInItsOwnWay(s *stack) {
	c := newCompany(s)
	c.hide(c.required)
	c.connect(c.security, c.payments, "audit")
	c.start()
	c.hears("there is something to tell, which stays so",
		c.ofTypes("Unexpected", c.security, c.payments, "audit"),
		missing(c.policy[0].name))

	c.RevokeKeys(c.payments)
	c.DenyPermission(c.platform)
	c.Inject(limited().ForOrg(c.security))
	c.Inject(fake.HTMLError(http.StatusBadGateway).ForOrg(c.lake))
	c.Inject(oneMore().ForOrg(c.tokyo))
	failing := slices.Concat(
		c.ofKeys("KeysRejected", c.payments),
		c.ofKeys("PermissionDenied", c.platform),
		c.ofKeys("RateLimited", c.security),
		c.ofKeys("ListingFailing", c.lake))
	c.hears("keys are revoked, a permission is taken away, a limit is used up, a gateway fails", failing)
	incomplete := c.ofKeys("ListingIncomplete", c.tokyo)
	c.hears("of another org the API goes on to list one connection less than it says", incomplete)
	stale := c.ofKeys("DataStale", c.payments, c.platform, c.security, c.lake)
	c.hears("this lasts for an hour", stale)

	c.RestoreKeys(c.payments)
	c.RestoreKeys(c.platform)
	c.ClearFaults()
	c.listen("all is well again", quiet, ends(failing), ends(incomplete), ends(stale))
}

func littleGoesWrong(s *stack) {
	c := newCompany(s)
	c.start()
	c.sees(`count(datadog_up == 1) == 5`)
	c.hearsNothing("all is well", 3)

	c.Inject(oneMore())
	c.sees(`count(datadog_listing_complete == 0) == 5`)
	unhide := c.hide(c.required)
	c.sees(`count(datadog_org_connection_info) == 6`)
	c.hearsNothing("the API keeps back a connection, and says so", quiet)
	unhide()
	c.sees(`count(datadog_org_connection_info) == 7`)
	c.ClearFaults()
	c.sees(`count(datadog_listing_complete == 1) == 5`)
	c.hearsNothing("it lists it again", quiet)

	unhide = c.hide(c.required)
	c.sees(`count(datadog_org_connection_info) == 6`)
	c.hearsNothing("it does not list it, and says nothing of it", 2)
	unhide()
	c.sees(`count(datadog_org_connection_info) == 7`)
	c.hearsNothing("it lists it again, a few minutes later", quiet)

	c.Inject(limited())
	c.sees(`count(datadog_up == 0) == 5`)
	c.ClearFaults()
	c.sees(`count(datadog_up == 1) == 5`)
	c.hearsNothing("a storm of 429 passes", quiet)

	c.Inject(fake.Status(http.StatusInternalServerError).Times(2))
	c.sees(`sum(datadog_api_retries_total{reason="server_error"}) > 0`)
	c.hearsNothing("requests fail and are sent again", quiet)

	c.Inject(fake.ShuffledOrder())
	c.sees(`sum(datadog_listing_failures_total{reason="incomplete"}) + sum(1 - datadog_listing_complete) > 0`)
	c.hearsNothing("the order of rows is another for each page", quiet)
	c.ClearFaults()

	c.Inject(fake.Slow(300 * time.Millisecond))
	c.sees(`max(datadog_listing_duration_seconds) > 0.5`)
	c.hearsNothing("the API takes longer than a scrape has time", quiet)
}

func keysAreRevoked(s *stack) {
	c := newCompany(s)
	c.start()
	c.sees(`count(datadog_up == 1) == 5`)
	c.hearsNothing("all is well", 3)

	c.RevokeKeys(c.platform)
	c.listen("the keys of one org are revoked, whose connections others see", 20,
		c.ofKeys("KeysRejected", c.platform))
	c.restart(0)
	c.hearsNothing("the exporter is restarted meanwhile", quiet)
	c.replace(0)
	c.hearsNothing("it is replaced", quiet)
	c.RestoreKeys(c.platform)
	c.hears("they work again",
		ends(c.ofKeys("KeysRejected", c.platform)))
}

// Where an org is taken out of the configuration, what only its keys listed is out of
// sight, and not gone.
func anOrgIsTakenOut(s *stack) {
	c := newCompany(s)
	c.memory = "1h"
	outside := c.org(fake.Org{Name: "Contractor Sandbox"})
	c.connect(c.tokyo, outside, "logs")
	c.policy = append(c.policy, rule{name: "to outside", source: c.tokyo, sink: outside, types: []string{"logs"}})
	c.setPolicy(c.policy...)
	c.start()
	c.hears("there is an org whose keys nobody has",
		c.blindSpot(outside))

	c.RemoveConnection(c.shared)
	c.sees(`count(datadog_org_connection_info) == 7`)
	left := slices.DeleteFunc(c.everybody(), func(id string) bool { return id == c.tokyo })
	c.configure(left...)
	c.reload()
	c.sees(`count(datadog_up) == 4`)
	c.hears("a connection disappears, and another org is taken out of the configuration",
		c.ofTypes("Removed", c.platform, c.security, "logs", "metrics"),
		c.blindSpot(c.tokyo),
		ends(c.blindSpot(outside)))
	c.hearsNothing("what only that org saw is forgotten", 50)
}
