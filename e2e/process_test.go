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

// patience is how long a test waits for what should happen soon. It is long, for
// slow machines: nothing is asserted about time.
const patience = 2 * time.Minute

// eventually checks again and again until there is no error.
func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("waiting in vain for %s: %v", what, err)
		}
	}
}

// process is a program that runs until the test ends.
type process struct {
	base string // http:// and the address that it listens on

	cmd   *exec.Cmd
	log   *output
	ended chan struct{}
	err   error // once ended
}

// start runs a program and waits until it listens.
func start(t *testing.T, program string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(program, args...), log: &output{}, ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	// Nothing of this machine's environment: no keys, no flags, no proxy.
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

// listeningOn is what the exporter and Prometheus say alike: they listen with the
// same toolkit.
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
		return errors.New("it says no address")
	})
	return address
}

// stop ends the program as a service manager does, which it must obey.
func (p *process) stop(t *testing.T) {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended, which shows below
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Errorf("%s does not stop on SIGTERM", p.cmd)
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
	if p.err != nil {
		t.Errorf("%s ended with %v, want no error", p.cmd, p.err)
	}
	if t.Failed() {
		t.Logf("what %s wrote:\n%s", p.cmd, p.log)
	}
}

// hangUp has the program load its files again.
func (p *process) hangUp(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}

// output takes what a program writes while a test reads it.
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
