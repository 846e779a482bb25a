package inventory_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
)

func TestChangeLog_OneLinePerChange(t *testing.T) {
	var logged string
	runOneOrg(t, inventory.Options{}, func(t *testing.T, l *fakeLister, inv testInventory) {
		list := func(err error, connections ...datadog.Connection) {
			l.returns(err, connections...)
			inv.refreshAfterTTL(t)
		}
		list(nil, connection("a", "b", "logs"), connection("a", "c", "logs"))
		list(nil, connection("a", "b", "logs"), connection("a", "c", "logs")) // logged at debug level
		list(outage)
		advance(2 * time.Hour) // stale: no change of what Datadog has
		_ = inv.View()
		list(nil, connection("a", "b", "audit", "logs"), connection("d", "a", "metrics"))
		l.listing.Orgs[0].Name = "Org A, renamed"
		l.listing.Warnings = []string{"how odd"}
		inv.refreshAfterTTL(t)
		logged = inv.log.take()
	})
	var lines []string
	for line := range strings.Lines(logged) {
		if !strings.Contains(line, "level=debug") {
			before, _, _ := strings.Cut(strings.TrimSpace(line), " next_attempt=")
			lines = append(lines, before)
		}
	}
	want := []string{
		`level=info org=default msg="Listing succeeded" connections=2 complete=true pages=1 duration=0s`,
		`level=warn org=default msg="Listing failed" reason=server_error err="GET it: 502"`,
		`level=info org=default msg="Listing succeeded" connections=2 complete=true pages=1 duration=0s`,
		`level=info msg="Connection added" connection_id=d-a source_org_id=d source_org_name="Org d" sink_org_id=a sink_org_name="Org a" types=metrics`,
		`level=info msg="Connection removed" connection_id=a-c source_org_id=a source_org_name="Org a" sink_org_id=c sink_org_name="Org c" types=logs`,
		`level=info msg="Connection types changed" connection_id=a-b source_org_id=a source_org_name="Org a" sink_org_id=b sink_org_name="Org b" types=audit,logs types_before=logs`,
		`level=warn org=default msg="Listing warning" warning="how odd"`,
		`level=info msg="Org renamed" org_id=a org_name="Org A, renamed" org_name_before="Org a"`,
	}
	if !slices.Equal(lines, want) {
		t.Errorf("logged\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
}

func TestChangeLog_LogsConnectionThatCameBack(t *testing.T) {
	runOrgs(t, func(t *testing.T, inv testInventory) {
		inv.setConnections(triangle)
		inv.refreshAfterTTL(t)
		inv.setConnections(triangle[1:])
		inv.refreshAfterTTL(t)
		inv.log.take()
		inv.setConnections(triangle) // its first listing was not logged, its return is
		inv.refreshAfterTTL(t)
		if log := inv.log.take(); strings.Count(log, "Connection added") != 1 {
			t.Errorf("want one line for a connection that came back:\n%s", log)
		}
	}, "a", "b")
}

func TestChangeLog_WaitsForRunningListings(t *testing.T) {
	runOrgs(t, func(t *testing.T, inv testInventory) {
		inv.setConnections(triangle)
		inv.refreshAfterTTL(t)
		inv.listers["b"].delay = 10 * time.Second
		inv.setConnections([]datadog.Connection{connection("a", "b", "audit", "logs"), connection("b", "c", "logs"), connection("c", "a", "logs"), connection("d", "a", "logs"), connection("d", "b", "logs")})
		inv.log.take()
		advance(time.Minute)
		go inv.Refresh(t.Context())
		advance(5 * time.Second)
		synctest.Wait()
		if strings.Contains(inv.log.take(), "types changed") {
			t.Error("a change is logged before the other end is listed")
		}
		advance(10 * time.Second)
		synctest.Wait()
		if !strings.Contains(inv.log.take(), "types changed") {
			t.Error("a change is not logged when all listings have ended")
		}
	}, "a", "b")
}

func TestChangeLog_ChangeListedByBothEndsIsOneLine(t *testing.T) {
	runOrgs(t, func(t *testing.T, inv testInventory) {
		inv.setConnections(triangle[:4])
		inv.refreshAfterTTL(t)
		inv.listers["b"].delay = time.Second
		inv.setConnections(triangle[1:])
		inv.log.take()
		inv.refreshAfterTTL(t)
		log := inv.log.take()
		if strings.Count(log, "Connection added") != 1 || strings.Count(log, "Connection removed") != 1 {
			t.Errorf("want one line for a new and one for a removed connection:\n%s", log)
		}
	}, "a", "b", "c")
}
