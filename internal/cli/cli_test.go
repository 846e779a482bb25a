package cli

import (
	"context"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
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

// The pasted address of the web application leads to the API of its site: a proxy
// sees the host that is asked for, and nothing else leaves the machine.
func TestServe_UnderstandsTheApplicationsAddressAsSite(t *testing.T) {
	proxy, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = proxy.Close() }()
	first := make(chan string, 1)
	go func() {
		connection, err := proxy.Accept()
		if err != nil {
			return // the test is over
		}
		defer func() { _ = connection.Close() }()
		request := make([]byte, 4096)
		n, _ := connection.Read(request)
		first <- string(request[:n])
	}()

	// The environment's proxy is read once per process, thus one of its own.
	process(t, []string{
		"DD_API_KEY=0123456789abcdef", "DD_APP_KEY=fedcba9876543210",
		"DD_SITE=https://app.datadoghq.eu/", "HTTPS_PROXY=http://" + proxy.Addr().String(),
	}, "--web.listen-address=127.0.0.1:0")

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	select {
	case request := <-first:
		if !strings.HasPrefix(request, "CONNECT api.datadoghq.eu:443 ") {
			t.Errorf("the proxy is asked for %q, want api.datadoghq.eu", request)
		}
		wantNone(t, "what the proxy sees", request, "0123456789abcdef", "fedcba9876543210")
	case <-ctx.Done():
		t.Fatal("the proxy is asked for nothing")
	}
}
