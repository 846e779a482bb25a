package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"datadog_org_connections_exporter/datadog/fake"
)

// waitForScrapes waits until Prometheus scrapes exactly the current exporters.
func (s *stack) waitForScrapes() {
	s.t.Helper()
	var targets []string
	for _, exporter := range s.exporters {
		targets = append(targets, address(exporter))
	}
	slices.Sort(targets)
	eventually(s.t, "the exporters to be scraped", func() error { return s.prometheus.recent().scrapes(s.t, targets) })
}

// retarget makes Prometheus scrape the current exporters.
func (s *stack) retarget() {
	s.t.Helper()
	s.configurePrometheus()
	s.prometheus.sendSIGHUP(s.t)
	s.waitForScrapes()
}

// restart restarts an exporter at the same address.
func (s *stack) restart(n int) {
	s.t.Helper()
	s.exporters[n].stop(s.t)
	s.exporters[n] = s.startExporter(address(s.exporters[n]))
}

// replace replaces an exporter by one at another address, as a scheduler does in an
// upgrade.
func (s *stack) replace(n int) {
	s.t.Helper()
	old := s.exporters[n]
	s.exporters[n] = s.startExporter(anyAddress)
	s.retarget()
	old.stop(s.t)
}

func exportersRestart(s *stack) {
	c := newCompany(s)
	c.hide(c.required)
	c.start()
	c.waitFor(`count(datadog_org_connection_info) == 6`)
	unexpected := c.connectNow(c.security, c.payments, "logs")
	c.SetTypes(c.shared, "logs", "metrics", "audit")
	c.expectAlerts("alerts fire, and keep firing",
		c.connectionAlert("New", unexpected),
		c.typeAlerts("Unexpected", c.security, c.payments, "logs"),
		c.typeAlerts("Widened", c.platform, c.security, "audit"),
		missingAlert(c.policy[0].name))

	c.restart(0)
	c.expectNoAlerts("the exporter is restarted", quietMinutes)

	c.Inject(fake.HTMLError(http.StatusBadGateway))
	c.restart(0)
	c.waitFor(`absent(datadog_org_connection_info) and on () datadog_up == 0`)
	c.expectAlertsFor("it is restarted while the API fails", 10)
	c.ClearFaults()
	c.waitFor(`datadog_org_connection_info`)
	c.expectNoAlerts("the API is back", quietMinutes)

	c.replace(0)
	c.expectNoAlerts("it is replaced by one with another instance label", quietMinutes)

	c.exporters = append(c.exporters, c.startExporter(anyAddress))
	c.retarget()
	c.expectNoAlerts("a second replica is added", quietMinutes)

	added := c.connectNow(c.payments, c.lake, "logs")
	c.expectAlerts("a connection appears, which both replicas list", c.connectionAlert("New", added))

	c.exporters[0].stop(c.t)
	c.expectAlerts("one replica stops", jobAlert("TargetDown"))
	c.exporters[1].stop(c.t)
	c.expectAlerts("both replicas stop", jobAlert("ExporterDown"), resolves(jobAlert("TargetDown")))

	meanwhile := c.connectNow(c.tokyo, c.payments, "metrics")
	c.RemoveConnection(c.shared)
	c.exporters = c.exporters[:1]
	c.exporters[0] = c.startExporter(anyAddress)
	c.retarget()
	c.expectAlertsFor("connections change until there is an exporter again", quietMinutes,
		resolves(jobAlert("ExporterDown")),
		c.connectionAlert("New", meanwhile)) // it has no state directory to tell the removal
}

// startAgain starts the exporter that was stopped at its address.
func (s *stack) startAgain() {
	s.t.Helper()
	s.exporters[0] = s.startExporter(address(s.exporters[0]))
}

// What changes while an exporter with a state directory is down is told after it.
func exporterRemembers(s *stack) {
	c := newCompany(s)
	c.storage = c.file("state")
	goes := c.connect(c.tokyo, c.payments, "metrics")
	c.start()
	c.waitFor(`count(datadog_org_connection_info) == 8`)
	c.expectNoAlerts("normal state", 3)

	c.exporters[0].stop(c.t)
	added := c.connectNow(c.payments, c.lake, "logs")
	c.SetTypes(c.shared, "logs", "audit")
	c.RemoveConnection(goes)
	c.expectAlertsFor("the exporter stops for ten minutes, and connections change meanwhile", 11,
		jobAlert("ExporterDown"))
	c.startAgain()
	c.expectAlertsFor("it is back", quietMinutes,
		resolves(jobAlert("ExporterDown")),
		c.connectionAlert("New", added),
		c.typeAlerts("Widened", c.platform, c.security, "audit"),
		c.typeAlerts("Removed", c.platform, c.security, "metrics"),
		c.typeAlerts("Removed", c.tokyo, c.payments, "metrics"))

	c.exporters[0].stop(c.t)
	c.SetTypes(c.required, "logs", "metrics")
	c.SetTypes(c.shared, "logs")
	c.RemoveConnection(added)
	c.expectAlertsFor("it stops for three hours", 90,
		jobAlert("ExporterDown"))
	c.expectNoAlerts("it is still down", 90)
	c.startAgain()
	c.expectAlertsFor("it is back again", quietMinutes,
		resolves(jobAlert("ExporterDown")),
		c.typeAlerts("Widened", c.payments, c.security, "metrics"),
		c.typeAlerts("Removed", c.platform, c.security, "audit"),
		c.typeAlerts("Removed", c.payments, c.lake, "logs"))

	c.exporters[0].stop(c.t)
	c.storage = c.file("policy.yml") // not a directory
	c.startAgain()
	c.expectAlertsFor("its state directory cannot be used", quietMinutes,
		jobAlert("HistoryNotWritten"))
	c.expectAlerts("a connection appears that it cannot write down",
		c.connectionAlert("New", c.connectNow(c.payments, c.lake, "logs")))
}

// Without a state directory a change while the exporter is down is not told as one. The
// time of creation and the policy cover it.
func exporterForgets(s *stack) {
	c := newCompany(s)
	c.start()
	c.waitFor(`count(datadog_org_connection_info) == 7`)
	c.expectNoAlerts("normal state", 3)

	c.exporters[0].stop(c.t)
	added := c.connectNow(c.payments, c.lake, "logs")
	c.SetTypes(c.shared, "logs", "rum")
	c.RemoveConnection(c.required)
	c.expectAlertsFor("the exporter stops for ten minutes, and connections change meanwhile", 11,
		jobAlert("ExporterDown"))
	c.startAgain()
	c.expectAlertsFor("it is back", quietMinutes,
		resolves(jobAlert("ExporterDown")),
		c.connectionAlert("New", added),
		c.typeAlerts("Unexpected", c.platform, c.security, "rum"),
		c.typeAlerts("TypeUnknown", c.platform, c.security, "rum"),
		missingAlert(c.policy[0].name))
}

// Every org is a target of its own, and two exporters share the orgs.
func oneTargetPerOrg(s *stack) {
	c := newCompany(s)
	c.hide(c.required)
	const other = "other.yml"
	c.configure(c.payments, c.platform, c.tokyo)
	c.configureAs(other, c.security, c.lake)
	c.alertmanager = c.startAlertmanager(anyAddress)
	c.exporters = []*process{c.startExporter(anyAddress), c.startExporterWith(other, anyAddress)}
	c.writePrometheus(readDeployed(c.t, "prometheus-probe.yml").from(c.exporters[0]).
		uncomment("- url: http://exporter-b:10187/sd").replace("http://exporter-b:10187", c.exporters[1].base))
	c.prometheus = c.startPrometheus("prometheus")
	c.waitFor(`count(datadog_up == 1) == 5`)
	c.expectAlerts("every org is listed",
		missingAlert(c.policy[0].name))

	added := c.connectNow(c.payments, c.lake, "logs")
	c.expectAlerts("a connection appears, which two targets list",
		c.connectionAlert("New", added))
	c.RemoveConnection(c.shared)
	c.expectAlertsFor("another disappears", quietMinutes,
		c.typeAlerts("Removed", c.platform, c.security, "logs", "metrics"))

	c.exporters[1].stop(c.t)
	c.expectAlertsFor("one of two exporters stops", 18,
		jobAlert("TargetDown"))
	c.RemoveConnection(c.widened)
	c.expectAlertsFor("a connection disappears between an org of each exporter", quietMinutes,
		c.typeAlerts("Removed", c.platform, c.lake, "logs"))
	c.exporters[1] = c.startExporterWith(other, address(c.exporters[1]))
	c.expectAlerts("the exporter is back: the connection was required",
		resolves(jobAlert("TargetDown")),
		missingAlert(c.policy[4].name))

	for n, late := range []string{c.tokyo, c.lake} {
		c.exporters[n].stop(c.t)
		c.Inject(fake.Status(http.StatusBadGateway).ForOrg(late))
		c.exporters[n] = c.startExporterWith([]string{configuration, other}[n], address(c.exporters[n]))
		c.waitFor(`count(datadog_up == 1) == 4 and on () count(datadog_inventory_complete == 0) > 1`)
		c.ClearFaults()
		c.expectNoAlerts("an exporter restarts, and lists one of its orgs later than the others", quietMinutes)
	}
}

func exporterNeverStarted(s *stack) {
	c := newCompany(s)
	c.alertmanager = c.startAlertmanager(anyAddress)
	c.exporters = []*process{c.startExporter(anyAddress)}
	c.exporters[0].stop(c.t)
	c.configurePrometheus()
	c.prometheus = c.startPrometheus("prometheus")
	c.expectAlerts("there has never been an exporter",
		alertWithoutJob("ExporterDown"))
	c.exporters[0] = c.startExporter(address(c.exporters[0]))
	c.expectAlertsFor("the exporter starts", quietMinutes,
		resolves(alertWithoutJob("ExporterDown")))
}

func prometheusAndAlertmanagerRestart(s *stack) {
	c := newCompany(s)
	c.hide(c.required)
	c.connect(c.security, c.payments, "logs")
	c.start()
	c.expectAlerts("alerts fire, and keep firing",
		c.typeAlerts("Unexpected", c.security, c.payments, "logs"),
		missingAlert(c.policy[0].name))

	c.prometheus.stop(c.t)
	c.prometheus = c.startPrometheus("prometheus")
	c.expectNoAlerts("Prometheus is restarted", quietMinutes)

	c.prometheus.sendSIGHUP(c.t)
	c.expectNoAlerts("Prometheus loads its configuration again", quietMinutes)

	second := c.startPrometheus("second")
	c.expectNoAlerts("there is a second Prometheus", quietMinutes)

	c.alertmanager.stop(c.t)
	c.alertmanager = c.startAlertmanager(address(c.alertmanager))
	c.expectNoAlerts("Alertmanager is restarted", quietMinutes)

	write(c.t, c.file("policy.yml"), "rules: oops\n")
	c.reload()
	c.expectAlerts("a policy is written that cannot be loaded", jobAlert("ReloadFailed"))
	c.setPolicy(c.policy...)
	c.reload()
	c.expectAlerts("it is corrected", resolves(jobAlert("ReloadFailed")))

	second.stop(c.t)
	c.prometheus.stop(c.t)
	stopped := time.Now()
	added := c.connectNow(c.payments, c.lake, "logs")
	c.RemoveConnection(c.shared)
	c.SetTypes(c.widened, "logs", "metrics")
	eventually(c.t, "Prometheus to be down for longer than it looks back", func() error {
		if down := time.Since(stopped); down < 6*minute {
			return fmt.Errorf("that is %v", down)
		}
		return nil
	})
	c.prometheus = c.startPrometheus("prometheus")
	c.expectAlertsFor("connections change while Prometheus is down", quietMinutes,
		c.connectionAlert("New", added),
		c.typeAlerts("Widened", c.platform, c.lake, "metrics"),
		c.typeAlerts("Removed", c.platform, c.security, "logs", "metrics"))
}
