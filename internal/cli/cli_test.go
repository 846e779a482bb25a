package cli

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// printed runs the program to its end and returns its stdout.
func printed(t *testing.T, args ...string) string {
	t.Helper()
	onlyTheEnvironment(t)
	var stdout, stderr bytes.Buffer
	if err := run(t.Context(), args, &stdout, &stderr); err != nil {
		t.Fatalf("run %q: %v", args, err)
	}
	if stderr.Len() > 0 {
		t.Errorf("run %q writes to stderr: %s", args, &stderr)
	}
	return stdout.String()
}

func TestHelp_ListsCommandsAndFlagsOfServe(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"-h"}, {"help"}} {
		help := printed(t, args...)
		for _, want := range []string{
			"--web.listen-address", "--web.config.file", "--web.telemetry-path",
			"--datadog.site", "--datadog.api-url", "--datadog.api-key-file", "--datadog.app-key-file",
			"--datadog.access-token-file", "--datadog.page-size", "--datadog.timeout",
			"--datadog.source-org-id", "--datadog.sink-org-id",
			"--cache.ttl", "--cache.max-stale", "--log.level", "--log.format",
			"DD_API_KEY", "DD_APP_KEY", "DD_ACCESS_TOKEN", "DD_SITE",
			"demo",
		} {
			wantContains(t, "the help", help, want)
		}
	}
}

func TestHelp_OfCommandListsItsFlagsAlone(t *testing.T) {
	help := printed(t, "demo", "--help")
	wantContains(t, "the help of demo", help, "--demo.pace")
	wantNone(t, "the help of demo", help, "--cache.ttl", "--datadog.site")
}

func TestHelp_HidesKeysOfTheEnvironment(t *testing.T) {
	onlyTheEnvironment(t)
	t.Setenv("DD_API_KEY", "0123456789abcdef")
	wantNone(t, "the help", printed(t, "--help"), "0123456789abcdef")
}

func TestVersion_IsPrinted(t *testing.T) {
	version := printed(t, "--version")
	if !strings.HasPrefix(version, programName+", version ") {
		t.Errorf("it prints %q", version)
	}
}

// process runs the program in a process of its own.
func process(t *testing.T, environment []string, args ...string) (cmd *exec.Cmd, stderr *output) {
	t.Helper()
	stderr = newOutput()
	cmd = exec.CommandContext(t.Context(), os.Args[0], args...)
	// Where coverage is measured, it wants to know where to write it.
	cmd.Env = append([]string{beTheProgram + "=1", "GOCOVERDIR=" + t.TempDir()}, environment...)
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // the test's context, which has ended, killed it
	return cmd, stderr
}

func TestMain_ExitsWithOneLineOfErrorAndStatus1(t *testing.T) {
	cmd, stderr := process(t, nil, "--cache.ttl=never")
	_ = cmd.Wait() // the status is checked below
	if code := cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("its exit status is %d, want 1", code)
	}
	text := stderr.String()
	if !strings.HasPrefix(text, programName+": error: --cache.ttl: ") || strings.Count(text, "\n") != 1 {
		t.Errorf("it writes %q, want one line that names the flag", text)
	}
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
