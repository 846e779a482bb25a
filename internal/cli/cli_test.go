package cli

import (
	"os"
	"os/exec"
	"syscall"
	"testing"

	"datadog_org_connections_exporter/datadog/fake"
)

// process runs the program in a process of its own.
func process(t *testing.T, environment []string, args ...string) (cmd *exec.Cmd, stderr *output) {
	t.Helper()
	stderr = newOutput()
	cmd = exec.CommandContext(t.Context(), programName, args...)
	cmd.Env = append([]string{"GOCOVERDIR=" + t.TempDir()}, environment...) // for a binary that measures coverage
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // the test's context, which has ended, killed it
	return cmd, stderr
}

func TestMain_SignalsStopGracefully(t *testing.T) {
	of := newAPI(t)
	for name, signal := range map[string]os.Signal{"SIGTERM": syscall.SIGTERM, "SIGINT": os.Interrupt} {
		t.Run(name, func(t *testing.T) {
			cmd, stderr := process(t, []string{
				"DD_API_KEY=" + of.Keys(of.org).API,
				"DD_APP_KEY=" + of.Keys(of.org).App,
			}, of.args()...)
			stderr.waitFor(t, nil, "Listening on", listeningOn.MatchString)
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("it ended with %v, want exit status 0", err)
			}
			wantContains(t, "its log", stderr.String(), "msg=Stopped")
		})
	}
}

// Who ends a command is told that this is why not all is known.
func TestMain_SignalLeavesCommandWithoutAnswer(t *testing.T) {
	of := newAPI(t)
	of.Inject(fake.Hang())
	cmd, stderr := process(t, []string{"DD_API_KEY=" + of.Keys(of.org).API, "DD_APP_KEY=" + of.Keys(of.org).App}, "list", "--datadog.api-url="+of.url)
	poll(t, "a request", func() bool { return of.Requests() > 0 })
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if status := cmd.ProcessState.ExitCode(); status != exitUnknown {
		t.Errorf("exit status %d, want %d", status, exitUnknown)
	}
	wantContains(t, "its error", stderr.String(), "org default could not be listed: interrupt signal received")
}
