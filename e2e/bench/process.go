package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"time"
)

// memoryLimit is how much data, in bytes, a program may hold. Whoever takes more ends,
// and not the machine.
const memoryLimit = 4 << 30

// process is a program that runs.
type process struct {
	base string // http:// and the address that it listens on
	cmd  *exec.Cmd
	log  *output
	// ended is closed when the program has ended.
	ended chan struct{}
}

// start runs a program until ctx ends, and waits until it listens.
func (b *bench) start(ctx context.Context, program string, args ...string) (*process, error) {
	limited := []string{"-c", `ulimit -d "$0" && exec "$@"`, strconv.Itoa(memoryLimit >> 10), program}
	p := &process{
		cmd:   exec.CommandContext(ctx, "sh", append(limited, args...)...),
		log:   &output{listens: make(chan string, 1)},
		ended: make(chan struct{}),
	}
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	// Nothing of this machine's environment; the simulated API takes any keys.
	p.cmd.Env = []string{"DD_API_KEY=any", "DD_APP_KEY=any"}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	b.started = append(b.started, p)
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // that it ended is told by those who ask it in vain
	}()
	select {
	case address := <-p.log.listens:
		p.base = "http://" + address
		return p, nil
	case <-p.ended:
		return nil, fmt.Errorf("%s ended before it listened:\n%s", filepath.Base(program), p.log)
	}
}

// ended waits until no program runs any more. All have been told to end.
func (b *bench) ended() {
	for _, p := range b.started {
		<-p.ended
	}
}

// failed adds to an error what the program wrote, if that is why it ended.
func (p *process) failed(err error) error {
	select {
	case <-p.ended:
		return fmt.Errorf("%w; the program has ended:\n%s", err, p.log)
	case <-time.After(100 * time.Millisecond): // it may be about to
		return err
	}
}

// listeningOn is what all programs say when they listen.
var listeningOn = regexp.MustCompile(`msg="Listening on".* address=(\S+)\n`)

// output takes what a program writes.
type output struct {
	mu      sync.Mutex
	text    bytes.Buffer
	listens chan string // gets the address, once
	told    bool
}

// logKept is how much of a program's output is kept, in bytes.
const logKept = 16 << 10

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.text.Len() < logKept {
		o.text.Write(p)
	}
	if found := listeningOn.FindSubmatch(o.text.Bytes()); found != nil && !o.told {
		o.told = true
		o.listens <- string(found[1])
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// sizeOf is a file's, in bytes.
func sizeOf(file string) (int64, error) {
	info, err := os.Stat(file)
	if err != nil {
		return 0, err
	}
	if info.Size() == 0 {
		return 0, errors.New(file + " is empty")
	}
	return info.Size(), nil
}
