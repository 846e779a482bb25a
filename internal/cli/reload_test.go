package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
)

func TestAFileThatChangesIsReloadedByItself(t *testing.T) {
	file, always := filepath.Join(t.TempDir(), "orgs.yml"), filepath.Join(t.TempDir(), "policy.yml")
	if err := os.WriteFile(always, nil, 0o600); err != nil {
		t.Fatal(err)
	}
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
			logger: log.NewLogfmtLogger(logged),
			files: []*reloadable{
				{path: always, load: func([]byte) (func(), error) { return func() { applied = append(applied, "always") }, nil }},
				{path: file, load: func(content []byte) (func(), error) {
					loads = append(loads, string(content))
					if strings.Contains(string(content), "broken") {
						return nil, broken
					}
					return func() { applied = append(applied, string(content)) }, nil
				}},
			},
		}
		if err := r.start(); err != nil {
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
		want("unchanged", "first", "always first")
		write("second")
		want("changed", "first second", "always first always second")
		write("broken")
		want("one of them broken: none is put in force", "first second broken broken broken", "always first always second")
		if got := strings.Count(logged.String(), "could not be reloaded"); got != 1 {
			t.Errorf("one failure is logged %d times:\n%s", got, logged)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		want("gone", "first second broken broken broken", "always first always second")
		write("second")
		want("as it was", "first second broken broken broken second", "always first always second always second")
	})
}
