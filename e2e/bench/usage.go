package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// proc is the path of what the kernel tells about the process
// (https://docs.kernel.org/filesystems/proc.html).
func (p *process) proc(name string) string {
	return filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), name)
}

// cpu is the time that the process has computed so far. /proc/PID/stat has it in
// hundredths of a second only; schedstat of the threads, of which a Go program ends
// none, in nanoseconds.
func (p *process) cpu() (time.Duration, error) {
	threads, err := filepath.Glob(p.proc("task/*/schedstat"))
	if err != nil {
		return 0, err
	}
	if len(threads) == 0 {
		return 0, errors.New("no thread tells its CPU time in " + p.proc("task"))
	}
	var sum time.Duration
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if err != nil {
			return 0, err
		}
		var onCPU time.Duration
		if _, err := fmt.Sscan(string(text), &onCPU); err != nil {
			return 0, fmt.Errorf("read %s: %w", thread, err)
		}
		sum += onCPU
	}
	return sum, nil
}

// forgetPeak lets the peak of memory begin anew, at what is resident now.
func (p *process) forgetPeak() error {
	return os.WriteFile(p.proc("clear_refs"), []byte("5"), 0)
}

var highWater = regexp.MustCompile(`VmHWM:\s*(\d+) kB`)

// peak is the most memory that was resident since the peak was last forgotten, in bytes.
func (p *process) peak() (int64, error) {
	status, err := os.ReadFile(p.proc("status"))
	if err != nil {
		return 0, err
	}
	found := highWater.FindSubmatch(status)
	if found == nil {
		return 0, errors.New("no VmHWM in " + p.proc("status"))
	}
	kB, err := strconv.ParseInt(string(found[1]), 10, 64)
	return kB << 10, err
}
