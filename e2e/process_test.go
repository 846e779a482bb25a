package e2e

import (
	"bytes"
	"errors"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"
)

// waitTimeout is how long a test waits for an event. It is long, for slow machines: no
// test depends on it.
const waitTimeout = 2 * time.Minute

// eventually repeats check until it returns nil.
func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(waitTimeout)
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("timed out waiting for %s: %v", what, err)
		}
	}
}

// process is a program that runs until the test ends.
type process struct {
	base string // http:// and the address that it listens on

	cmd   *exec.Cmd
	log   *output
	ended chan struct{}
	err   error // set when ended is closed
}

// start starts a program and waits until it listens.
func start(t *testing.T, program string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(program, args...), log: &output{}, ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	// No keys, flags or proxies from this machine's environment.
	p.cmd.Env = []string{}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		p.err = p.cmd.Wait()
	}()
	t.Cleanup(func() { p.stop(t) })
	p.base = "http://" + p.address(t)
	return p
}

// listeningOn matches the log line of exporter-toolkit, which the exporter and
// Prometheus use.
var listeningOn = regexp.MustCompile(`msg="Listening on".* address=(\S+)`)

func (p *process) address(t *testing.T) (address string) {
	t.Helper()
	eventually(t, filepath.Base(p.cmd.Path)+" to listen", func() error {
		if found := listeningOn.FindStringSubmatch(p.log.String()); found != nil {
			address = found[1]
			return nil
		}
		select {
		case <-p.ended:
			t.Fatalf("%s ended before it listened: %v", p.cmd, p.err)
		default:
		}
		return errors.New("no address in its log")
	})
	return address
}

// stop sends SIGTERM and waits for the program to exit, which must be without error.
func (p *process) stop(t *testing.T) {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // an error means that it has ended: see below
	select {
	case <-p.ended:
	case <-time.After(waitTimeout):
		t.Errorf("%s does not stop on SIGTERM", p.cmd)
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
	if p.err != nil {
		t.Errorf("%s ended with %v, want no error", p.cmd, p.err)
	}
	if t.Failed() {
		t.Logf("output of %s:\n%s", p.cmd, p.log)
	}
}

// sendSIGHUP makes the program reload its files.
func (p *process) sendSIGHUP(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}

// output is a program's output, which a test can read while it is written.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
