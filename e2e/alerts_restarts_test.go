package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"datadog_org_connections_exporter/datadog/fake"
)

// scrapes waits until Prometheus scrapes the exporters, and no others.
func (s *stack) scrapes() {
	s.t.Helper()
	var targets []string
	for _, exporter := range s.exporters {
		targets = append(targets, address(exporter))
	}
	slices.Sort(targets)
	eventually(s.t, "the exporters to be scraped", func() error { return s.prometheus.lately().scrapes(s.t, targets) })
}

// retarget has Prometheus scrape the exporters that there are now.
func (s *stack) retarget() {
	s.t.Helper()
	s.configurePrometheus()
	s.prometheus.hangUp(s.t)
	s.scrapes()
}

// restart has an exporter back at its address.
func (s *stack) restart(n int) {
	s.t.Helper()
	s.exporters[n].stop(s.t)
	s.exporters[n] = s.startExporter(address(s.exporters[n]))
}

// replace puts another exporter, at another address, in the place of one: what an
// upgrade does where addresses are given by a scheduler.
func (s *stack) replace(n int) {
	s.t.Helper()
	old := s.exporters[n]
	s.exporters[n] = s.startExporter(anyAddress)
	s.retarget()
	old.stop(s.t)
}

func exportersComeAndGo(s *stack) {
	c := newCompany(s)
	c.hide(c.required)
	c.start()
	c.sees(`count(datadog_org_connection_info) == 6`)
	unexpected := c.connectNow(c.security, c.payments, "logs")
	c.SetTypes(c.shared, "logs", "metrics", "audit")
	c.hears("there is something to tell, which stays so",
		c.ofConnection("New", unexpected),
		c.ofTypes("Unexpected", c.security, c.payments, "logs"),
		c.ofTypes("Widened", c.platform, c.security, "audit"),
		missing(c.policy[0].name))

	c.restart(0)
	c.hearsNothing("the exporter is restarted", quiet)

	c.Inject(fake.HTMLError(http.StatusBadGateway))
	c.restart(0)
	c.sees(`absent(datadog_org_connection_info) and on () datadog_up == 0`)
	c.listen("it is restarted while the API fails", 10)
	c.ClearFaults()
	c.sees(`datadog_org_connection_info`)
	c.hearsNothing("the API is back", quiet)

	c.replace(0)
	c.hearsNothing("it is replaced by one with another instance label", quiet)

	c.exporters = append(c.exporters, c.startExporter(anyAddress))
	c.retarget()
	c.hearsNothing("a second replica is added", quiet)

	added := c.connectNow(c.payments, c.lake, "logs")
	c.hears("a connection appears, which both see", c.ofConnection("New", added))

	c.exporters[0].stop(c.t)
	c.hears("one of the replicas is lost", ofJob("TargetDown"))
	c.exporters[1].stop(c.t)
	c.hears("both are lost", ofJob("ExporterDown"), ends(ofJob("TargetDown")))

	meanwhile := c.connectNow(c.tokyo, c.payments, "metrics")
	c.RemoveConnection(c.shared)
	c.exporters = c.exporters[:1]
	c.exporters[0] = c.startExporter(anyAddress)
	c.retarget()
	c.listen("connections change until there is an exporter again", quiet,
		ends(ofJob("ExporterDown")),
		c.ofConnection("New", meanwhile),
		c.ofTypes("Removed", c.platform, c.security, "logs", "metrics", "audit"))
}

// Every org is a target of its own, and two exporters share them.
func orgsAreTargets(s *stack) {
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
	c.sees(`count(datadog_up == 1) == 5`)
	c.hears("every org is listed",
		missing(c.policy[0].name))

	added := c.connectNow(c.payments, c.lake, "logs")
	c.hears("a connection appears, which two targets see",
		c.ofConnection("New", added))
	c.RemoveConnection(c.shared)
	c.listen("another disappears", quiet,
		c.ofTypes("Removed", c.platform, c.security, "logs", "metrics"))

	c.exporters[1].stop(c.t)
	c.listen("one of two exporters is lost, with its orgs", 18,
		ofJob("TargetDown"))
	c.RemoveConnection(c.widened)
	c.listen("a connection disappears between an org that is lost and one that is not", quiet,
		c.ofTypes("Removed", c.platform, c.lake, "logs"))
	c.exporters[1] = c.startExporterWith(other, address(c.exporters[1]))
	c.hears("the exporter is back: the connection was required",
		ends(ofJob("TargetDown")),
		missing(c.policy[4].name))

	for n, late := range []string{c.tokyo, c.lake} {
		c.exporters[n].stop(c.t)
		c.Inject(fake.Status(http.StatusBadGateway).ForOrg(late))
		c.exporters[n] = c.startExporterWith([]string{configuration, other}[n], address(c.exporters[n]))
		c.sees(`count(datadog_up == 1) == 4 and on () count(datadog_inventory_complete == 0) > 1`)
		c.ClearFaults()
		c.hearsNothing("an exporter is restarted, and knows one of its orgs later than the others", quiet)
	}
}

func nobodyAnswers(s *stack) {
	c := newCompany(s)
	c.alertmanager = c.startAlertmanager(anyAddress)
	c.exporters = []*process{c.startExporter(anyAddress)}
	c.exporters[0].stop(c.t)
	c.configurePrometheus()
	c.prometheus = c.startPrometheus("prometheus")
	c.hears("there has never been an exporter",
		ofNobody("ExporterDown"))
	c.exporters[0] = c.startExporter(address(c.exporters[0]))
	c.listen("there is one", quiet,
		ends(ofNobody("ExporterDown")))
}

func othersComeAndGo(s *stack) {
	c := newCompany(s)
	c.hide(c.required)
	c.connect(c.security, c.payments, "logs")
	c.start()
	c.hears("there is something to tell, which stays so",
		c.ofTypes("Unexpected", c.security, c.payments, "logs"),
		missing(c.policy[0].name))

	c.prometheus.stop(c.t)
	c.prometheus = c.startPrometheus("prometheus")
	c.hearsNothing("Prometheus is restarted", quiet)

	c.prometheus.hangUp(c.t)
	c.hearsNothing("Prometheus loads its configuration again", quiet)

	second := c.startPrometheus("second")
	c.hearsNothing("there is a second Prometheus", quiet)

	c.alertmanager.stop(c.t)
	c.alertmanager = c.startAlertmanager(address(c.alertmanager))
	c.hearsNothing("Alertmanager is restarted", quiet)

	write(c.t, c.file("policy.yml"), "rules: oops\n")
	c.reload()
	c.hears("a policy is written that cannot be loaded", ofJob("ReloadFailed"))
	c.setPolicy(c.policy...)
	c.reload()
	c.hears("it is mended", ends(ofJob("ReloadFailed")))

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
	c.listen("connections change while Prometheus is down", quiet,
		c.ofConnection("New", added),
		c.ofTypes("Widened", c.platform, c.lake, "metrics"),
		c.ofTypes("Removed", c.platform, c.security, "logs", "metrics"))
}
