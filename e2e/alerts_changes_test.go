package e2e

import (
	"fmt"
	"slices"
	"time"

	"datadog_org_connections_exporter/datadog/fake"
)

func connectionsChange(s *stack) {
	c := newCompany(s)
	c.start()
	c.waitFor(`count(datadog_org_connection_info) == 7`)
	c.expectNoAlerts("a Prometheus without data scrapes old connections", quietMinutes)

	added := c.connectNow(c.payments, c.lake, "logs")
	c.expectAlerts("a connection appears, which is expected",
		c.connectionAlert("New", added))

	unexpected := c.connectNow(c.security, c.payments, "logs")
	c.expectAlerts("a connection appears, which is not expected",
		c.connectionAlert("New", unexpected),
		c.typeAlerts("Unexpected", c.security, c.payments, "logs"))

	c.SetTypes(c.shared, "logs", "metrics", "audit")
	c.expectAlerts("a connection is widened by a type that is expected",
		c.typeAlerts("Widened", c.platform, c.security, "audit"))

	c.SetTypes(added, "logs", "profiles")
	c.expectAlerts("a connection is widened by an unknown type",
		c.typeAlerts("Widened", c.payments, c.lake, "profiles"),
		c.typeAlerts("TypeUnknown", c.payments, c.lake, "profiles"),
		c.typeAlerts("Unexpected", c.payments, c.lake, "profiles"))

	fourth := c.connectNow(c.platform, c.tokyo, "logs")
	c.expectAlerts("an org shares with a fourth sink",
		c.connectionAlert("New", fourth),
		c.typeAlerts("Unexpected", c.platform, c.tokyo, "logs"),
		c.sourceAlert("NearSinkLimit", c.platform))

	c.RenameOrg(c.security, "Acme Security & Trust")
	c.RenameOrg(c.tokyo, c.nameOf(c.payments))
	c.waitFor(`datadog_org_info{org_name="Acme Security & Trust"}`)
	c.expectNoAlerts("an org is renamed, another is now called as a third", quietMinutes)

	goes := c.connection(unexpected)
	c.RemoveConnection(unexpected)
	c.SetTypes(c.shared, "logs", "metrics")
	c.expectAlerts("a connection disappears, another loses a type",
		c.typeAlerts("Removed", goes.SourceID, goes.SinkID, "logs"),
		resolves(c.typeAlerts("Unexpected", goes.SourceID, goes.SinkID, "logs")),
		c.typeAlerts("Removed", c.platform, c.security, "audit"))

	c.RemoveConnection(c.required)
	c.expectAlerts("a connection disappears, which is required",
		c.typeAlerts("Removed", c.payments, c.security, "logs"),
		missingAlert(c.policy[0].name))

	again := c.connectNow(c.payments, c.security, "logs")
	c.expectAlerts("it is added again",
		c.connectionAlert("New", again),
		resolves(missingAlert(c.policy[0].name)))
}

func creatorsAndPolicyChange(s *stack) {
	c := newCompany(s)
	press := c.org(fake.Org{Name: "Acme Press", Sharing: "public"})
	blog := c.org(fake.Org{Name: "Acme Blog", Sharing: "public"})
	c.connect(press, blog, "logs") // shares as widely itself: no alert
	c.connect(press, c.security, "logs")
	c.connect(blog, c.security, "logs")
	c.policy = append(c.policy,
		rule{name: "payments", source: c.payments, sink: "*", types: []string{"logs"}},
		rule{name: "press", source: press, sink: "*", types: []string{"logs"}})
	c.setPolicy(c.policy...)
	ids := append(c.orgIDs(), press, blog)
	c.configure(ids...)
	c.start()
	c.waitFor(`count(datadog_org_connection_info) == 10`)
	c.expectNoAlerts("normal state", 3)

	robin := c.AddUser(fake.User{Name: "Robin Sample"})
	byRobin := c.AddConnection(fake.Connection{SourceID: c.payments, SinkID: c.lake, CreatorID: robin, CreatedAt: time.Now()})
	c.expectAlerts("a person creates a connection",
		c.connectionAlert("New", byRobin),
		c.connectionAlert("CreatorIsPerson", byRobin))

	c.DisableUser(robin)
	c.expectAlerts("the person leaves",
		c.connectionAlert("CreatorDisabled", byRobin),
		resolves(c.connectionAlert("CreatorIsPerson", byRobin)))

	disabled := c.connectionAlert("CreatorDisabled", byRobin)
	c.RemoveConnection(byRobin)
	c.expectAlerts("Datadog deletes what the person created",
		c.typeAlerts("Removed", c.payments, c.lake, "logs"),
		resolves(disabled))

	toPress := c.connectNow(c.payments, press, "logs")
	c.expectAlerts("an org shares with one that shares more widely",
		c.connectionAlert("New", toPress),
		c.pairAlert("SinkSharesMore", c.payments, press, "logs"))

	policyWithout := slices.Clone(c.policy)
	policyWithout[3].types = []string{"logs"}
	c.setPolicy(policyWithout...)
	c.reload()
	c.expectAlerts("a type is taken out of the policy",
		c.typeAlerts("Unexpected", c.platform, c.payments, "metrics"))

	expiring := slices.Clone(c.policy)
	expiring[3].more = ", expires: " + time.Now().AddDate(0, 0, 7).Format(time.DateOnly)
	c.setPolicy(expiring...)
	c.reload()
	c.expectAlerts("it is allowed again, for a week",
		ruleAlert("RuleExpiresSoon", expiring[3].name),
		resolves(c.typeAlerts("Unexpected", c.platform, c.payments, "metrics")))

	expiring[3].more = ", expires: " + time.Now().AddDate(0, 0, -1).Format(time.DateOnly)
	c.setPolicy(expiring...)
	c.reload()
	c.expectAlerts("its rule has expired",
		ruleAlert("RuleExpired", expiring[3].name),
		resolves(ruleAlert("RuleExpiresSoon", expiring[3].name)),
		c.typeAlerts("Unexpected", c.platform, c.payments, "metrics"))

	c.reload()
	c.waitFor(fmt.Sprintf(`changes(datadog_org_connections_exporter_config_last_reload_success_timestamp_seconds[%s]) > 0`, scale(c.t, "10m")))
	c.expectNoAlerts("the policy is loaded again as it was", quietMinutes)

	contractor := c.org(fake.Org{Name: "Contractor Sandbox", NotIncluded: true})
	hidden := c.org(fake.Org{Name: "Contractor Archive"})
	toHidden := c.connect(contractor, hidden, "logs") // only their keys list it
	toContractor := c.connectNow(c.payments, contractor, "logs")
	c.expectAlerts("an org appears whose keys are not configured",
		c.connectionAlert("New", toContractor),
		c.blindSpotAlert(contractor))

	nameless := c.connection(toContractor)
	nameless.Quirks.Names = fake.NullNames
	c.RemoveConnection(toContractor)
	c.AddConnection(nameless)
	c.waitFor(fmt.Sprintf(`datadog_org_info{org_name=%q}`, contractor))
	c.expectNoAlerts("a row without names: the name of an org is no longer known", quietMinutes)

	c.configure(append(ids, contractor)...)
	c.reload()
	c.waitFor(fmt.Sprintf(`datadog_up{org=%q} == 1`, c.configNames[contractor]))
	c.expectAlertsFor("its keys are added: its connection is listed at both ends", quietMinutes,
		resolves(blindSpotAlertNamed(contractor, contractor)),
		c.connectionAlert("Discovered", toHidden),
		c.typeAlerts("Unexpected", contractor, hidden, "logs"),
		c.blindSpotAlert(hidden))

	c.configure(ids...)
	c.reload()
	c.waitFor(fmt.Sprintf(`absent(datadog_up{org=%q})`, c.configNames[contractor]))
	c.expectAlerts("they are removed again: another org still lists the one connection",
		blindSpotAlertNamed(contractor, contractor),
		resolves(c.typeAlerts("Unexpected", contractor, hidden, "logs")),
		resolves(c.blindSpotAlert(hidden)))
}
