package exporter

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"

	"datadog_org_connections_exporter/collector"
)

func TestReloader_WatchReloadsChangedFiles(t *testing.T) {
	orgs, policy := filepath.Join(t.TempDir(), "orgs.yml"), filepath.Join(t.TempDir(), "policy.yml")
	if err := os.WriteFile(policy, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	write := func(content string) {
		if err := os.WriteFile(orgs, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("first")
	synctest.Test(t, func(t *testing.T) {
		var loads, applied []string
		var failures atomic.Int32 // that are logged
		r := &reloader{
			metrics: collector.NewReloadMetrics(),
			logger: log.LoggerFunc(func(keyvals ...any) error {
				if strings.Contains(fmt.Sprint(keyvals...), "Reloading the configuration failed") {
					failures.Add(1)
				}
				return nil
			}),
			files: []*reloadableFile{
				{path: policy, load: func([]byte) (func(), error) { return func() { applied = append(applied, "policy") }, nil }},
				{path: orgs, load: func(content []byte) (func(), error) {
					loads = append(loads, string(content))
					if strings.Contains(string(content), "broken") {
						return nil, errors.New("broken")
					}
					return func() { applied = append(applied, string(content)) }, nil
				}},
			},
		}
		if err := r.load(); err != nil {
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
		want("unchanged", "first", "policy first")
		write("second")
		want("changed", "first second", "policy first policy second")
		write("broken")
		want("one of them broken: none is applied", "first second broken broken broken", "policy first policy second")
		if got := failures.Load(); got != 1 {
			t.Errorf("one failure is logged %d times", got)
		}
		if err := os.Remove(orgs); err != nil {
			t.Fatal(err)
		}
		want("gone", "first second broken broken broken", "policy first policy second")
		write("second")
		want("as it was", "first second broken broken broken second", "policy first policy second policy second")
	})
}
