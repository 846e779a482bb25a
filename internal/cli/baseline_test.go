package cli

import (
	"path/filepath"
	"strings"
	"testing"

	"datadog_org_connections_exporter/datadog/fake"
	"datadog_org_connections_exporter/internal/policy"
)

// outcome is what a command that ends by itself leaves behind.
type outcome struct {
	stdout, stderr string
	status         int
}

// command runs one as main does.
func runCommand(t *testing.T, args ...string) outcome {
	t.Helper()
	stdout, stderr := newOutput(), newOutput()
	status := statusOf(run(t.Context(), args, stdout, stderr), stderr)
	return outcome{stdout.String(), stderr.String(), status}
}

func TestBaseline_ExpectsEveryConnection(t *testing.T) {
	a := newAPI(t)
	first := runCommand(t, "baseline", "--datadog.api-url="+a.url)
	if again := runCommand(t, "baseline", "--datadog.api-url="+a.url); first.status != 0 || first != again {
		t.Fatalf("%+v, and then %+v", first, again)
	}
	p, err := policy.Parse("baseline.yml", []byte(first.stdout))
	if err != nil || len(p.Rules) != teamConnections {
		t.Fatalf("%+v, %v", p, err)
	}

	file := filepath.Join(t.TempDir(), "policy.yml")
	mine := "# mine\n" + first.stdout
	writePolicy(t, file, mine)
	if merged := runCommand(t, "baseline", "--datadog.api-url="+a.url, "--merge="+file); merged.status != 0 || merged.stdout != mine {
		t.Errorf("nothing was new, but a merge gives %+v", merged)
	}
	newcomer := a.AddOrg(fake.Org{Name: "Newcomer"})
	a.AddConnection(fake.Connection{SourceID: newcomer, SinkID: a.org})
	merged := runCommand(t, "baseline", "--datadog.api-url="+a.url, "--merge="+file)
	if !strings.HasPrefix(merged.stdout, mine) || !strings.Contains(merged.stdout[len(mine):], "source: "+newcomer+"  # Newcomer\n") {
		t.Errorf("%+v", merged)
	}
}

func TestBaseline_RefusesPartOfTheAccount(t *testing.T) {
	for name, fault := range map[string]fake.Fault{
		"a failed listing":                 fake.Status(403),
		"a listing that may be incomplete": fake.NoMeta(),
	} {
		a := newAPI(t)
		a.Inject(fault)
		got := runCommand(t, "baseline", "--datadog.api-url="+a.url)
		if got.status != exitUnknown || got.stdout != "" || !strings.Contains(got.stderr, "org default") {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := runCommand(t, "baseline", "--merge="+filepath.Join(t.TempDir(), "gone.yml")); got.status != exitUnknown || !strings.Contains(got.stderr, "gone.yml") {
		t.Errorf("%+v", got)
	}
	onlyTheEnvironment(t)
	if got := runCommand(t, "baseline"); got.status != exitUnknown || !strings.Contains(got.stderr, "no credentials") {
		t.Errorf("%+v", got)
	}
}
