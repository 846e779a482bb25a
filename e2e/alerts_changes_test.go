package e2e

import (
	"fmt"
	"slices"
	"time"

	"datadog_org_connections_exporter/datadog/fake"
)

func connectionsComeAndGo(s *stack) {
	c := newCompany(s)
	c.start()
	c.sees(`count(datadog_org_connection_info) == 7`)
	c.hearsNothing("a Prometheus without data meets connections that have long been there", quiet)

	added := c.connectNow(c.payments, c.lake, "logs")
	c.hears("a connection appears, which is expected",
		c.ofConnection("New", added))

	unexpected := c.connectNow(c.security, c.payments, "logs")
	c.hears("a connection appears, which is not expected",
		c.ofConnection("New", unexpected),
		c.ofTypes("Unexpected", c.security, c.payments, "logs"))

	c.SetTypes(c.shared, "logs", "metrics", "audit")
	c.hears("a connection is widened by a type that is expected",
		c.ofTypes("Widened", c.platform, c.security, "audit"))

	c.SetTypes(added, "logs", "profiles")
	c.hears("a connection is widened by a type that nobody knows",
		c.ofTypes("Widened", c.payments, c.lake, "profiles"),
		c.ofTypes("TypeUnknown", c.payments, c.lake, "profiles"),
		c.ofTypes("Unexpected", c.payments, c.lake, "profiles"))

	fourth := c.connectNow(c.platform, c.tokyo, "logs")
	c.hears("an org shares with a fourth sink",
		c.ofConnection("New", fourth),
		c.ofTypes("Unexpected", c.platform, c.tokyo, "logs"),
		c.ofSource("NearSinkLimit", c.platform, "4"))

	c.RenameOrg(c.security, "Acme Security & Trust")
	c.RenameOrg(c.tokyo, c.nameOf(c.payments))
	c.sees(`datadog_org_info{org_name="Acme Security & Trust"}`)
	c.hearsNothing("an org is renamed, another is now called as a third", quiet)

	goes := c.connection(unexpected)
	c.RemoveConnection(unexpected)
	c.SetTypes(c.shared, "logs", "metrics")
	c.hears("a connection disappears, another loses a type",
		c.ofTypes("Removed", goes.SourceID, goes.SinkID, "logs"),
		ends(c.ofTypes("Unexpected", goes.SourceID, goes.SinkID, "logs")),
		c.ofTypes("Removed", c.platform, c.security, "audit"))

	c.RemoveConnection(c.required)
	c.hears("a connection disappears, which is required",
		c.ofTypes("Removed", c.payments, c.security, "logs"),
		missing(c.policy[0].name))

	again := c.connectNow(c.payments, c.security, "logs")
	c.hears("it is made again",
		c.ofConnection("New", again),
		ends(missing(c.policy[0].name)))
}

func whatIsBehindConnections(s *stack) {
	c := newCompany(s)
	press := c.org(fake.Org{Name: "Acme Press", Sharing: "public"})
	blog := c.org(fake.Org{Name: "Acme Blog", Sharing: "public"})
	c.connect(press, blog, "logs") // shares more itself: nothing to fear
	c.connect(press, c.security, "logs")
	c.connect(blog, c.security, "logs")
	c.policy = append(c.policy,
		rule{name: "payments", source: c.payments, sink: "*", types: []string{"logs"}},
		rule{name: "press", source: press, sink: "*", types: []string{"logs"}})
	c.setPolicy(c.policy...)
	everybody := append(c.everybody(), press, blog)
	c.configure(everybody...)
	c.start()
	c.sees(`count(datadog_org_connection_info) == 10`)
	c.hearsNothing("all is well", 3)

	robin := c.AddUser(fake.User{Name: "Robin Sample"})
	byRobin := c.AddConnection(fake.Connection{SourceID: c.payments, SinkID: c.lake, CreatorID: robin, CreatedAt: time.Now()})
	c.hears("a person creates a connection",
		c.ofConnection("New", byRobin),
		c.ofConnection("CreatorIsPerson", byRobin))

	c.DisableUser(robin)
	c.hears("the person leaves",
		c.ofConnection("CreatorDisabled", byRobin),
		ends(c.ofConnection("CreatorIsPerson", byRobin)))

	disabled := c.ofConnection("CreatorDisabled", byRobin)
	c.RemoveConnection(byRobin)
	c.hears("Datadog deletes what the person created",
		c.ofTypes("Removed", c.payments, c.lake, "logs"),
		ends(disabled))

	toPress := c.connectNow(c.payments, press, "logs")
	c.hears("an org shares with one that shares more widely",
		c.ofConnection("New", toPress),
		c.ofPair("SinkSharesMore", c.payments, press, "logs"))

	policyWithout := slices.Clone(c.policy)
	policyWithout[3].types = []string{"logs"}
	c.setPolicy(policyWithout...)
	c.reload()
	c.hears("a type is taken out of the policy",
		c.ofTypes("Unexpected", c.platform, c.payments, "metrics"))

	expiring := slices.Clone(c.policy)
	expiring[3].more = ", expires: " + time.Now().AddDate(0, 0, 7).Format(time.DateOnly)
	c.setPolicy(expiring...)
	c.reload()
	c.hears("it is allowed again, for a week",
		ofRule("RuleExpiresSoon", expiring[3].name),
		ends(c.ofTypes("Unexpected", c.platform, c.payments, "metrics")))

	expiring[3].more = ", expires: " + time.Now().AddDate(0, 0, -1).Format(time.DateOnly)
	c.setPolicy(expiring...)
	c.reload()
	c.hears("its rule has expired",
		ofRule("RuleExpired", expiring[3].name),
		ends(ofRule("RuleExpiresSoon", expiring[3].name)),
		c.ofTypes("Unexpected", c.platform, c.payments, "metrics"))

	c.reload()
	c.sees(fmt.Sprintf(`changes(datadog_org_connections_exporter_config_last_reload_success_timestamp_seconds[%s]) > 0`, quick(c.t, "10m")))
	c.hearsNothing("the policy is loaded again as it was", quiet)

	contractor := c.org(fake.Org{Name: "Contractor Sandbox", NotIncluded: true})
	toContractor := c.connectNow(c.payments, contractor, "logs")
	c.hears("an org appears whose keys nobody has",
		c.ofConnection("New", toContractor),
		c.blindSpot(contractor))

	nameless := c.connection(toContractor)
	nameless.Quirks.Names = fake.NullNames
	c.RemoveConnection(toContractor)
	c.AddConnection(nameless)
	c.sees(fmt.Sprintf(`datadog_org_info{org_name=%q}`, contractor))
	c.hearsNothing("a row comes without names, that of an org is not known any more", quiet)

	c.configure(append(everybody, contractor)...)
	c.reload()
	c.sees(fmt.Sprintf(`datadog_up{org=%q} == 1`, c.named[contractor]))
	c.listen("its keys are added: its connection is seen from the second end, too", quiet,
		ends(blindSpotCalled(contractor, contractor)))

	c.configure(everybody...)
	c.reload()
	c.sees(fmt.Sprintf(`absent(datadog_up{org=%q})`, c.named[contractor]))
	c.hears("they are taken out again: others still see it",
		blindSpotCalled(contractor, contractor))
}
