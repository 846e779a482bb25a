package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"

	"datadog_org_connections_exporter/collector"
	"datadog_org_connections_exporter/inventory"
)

func TestAFileThatChangesIsReloadedByItself(t *testing.T) {
	file := filepath.Join(t.TempDir(), "orgs.yml")
	write := func(content string) {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("first")
	synctest.Test(t, func(t *testing.T) {
		var loads, applied []string
		broken := errors.New("broken")
		logged := newOutput()
		r := &reloader{
			file:    file,
			metrics: collector.NewReloads(),
			logger:  log.NewLogfmtLogger(logged),
			load: func(content []byte) ([]inventory.Org, error) {
				loads = append(loads, string(content))
				if strings.Contains(string(content), "broken") {
					return nil, broken
				}
				return []inventory.Org{{Name: string(content)}}, nil
			},
			apply: func(orgs []inventory.Org) { applied = append(applied, orgs[0].Name) },
		}
		if _, err := r.start(); err != nil {
			t.Fatal(err)
		}
		go r.watch(t.Context())
		want := func(when string, wantLoads, wantApplied string) {
			t.Helper()
			time.Sleep(3 * autoReloadInterval) // virtual
			synctest.Wait()
			if got := strings.Join(loads, " "); got != wantLoads {
				t.Errorf("%s: loaded %q, want %q", when, got, wantLoads)
			}
			if got := strings.Join(applied, " "); got != wantApplied {
				t.Errorf("%s: applied %q, want %q", when, got, wantApplied)
			}
		}
		want("unchanged", "first", "")
		write("second")
		want("changed", "first second", "second")
		write("broken")
		want("broken", "first second broken broken broken", "second")
		if got := strings.Count(logged.String(), "could not be reloaded"); got != 1 {
			t.Errorf("one failure is logged %d times:\n%s", got, logged)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		want("gone", "first second broken broken broken", "second")
		write("second")
		want("as it was", "first second broken broken broken second", "second second")
	})
}
