package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"datadog_org_connections_exporter/collector"
)

// autoReloadInterval is how often files are compared with what was loaded. Reading
// them finds every way in which a file changes: edited, replaced, or swapped behind
// a symbolic link as Kubernetes does.
const autoReloadInterval = 5 * time.Second

// reloader loads files when it starts and again when it is told to: all of them or
// none. Where one is of no use, nothing has changed.
type reloader struct {
	files   []*reloadable
	metrics *collector.Reloads
	logger  log.Logger

	mu     sync.Mutex
	failed error // of the last attempt
}

// reloadable is a file that can be loaded again.
type reloadable struct {
	path string
	// load reads the content and gives what puts it in force. Until that is called
	// nothing has changed.
	load func(content []byte) (apply func(), err error)

	loaded []byte // what the last attempt read
}

// start loads the files for the first time and puts them in force.
func (r *reloader) start() error {
	apply, err := r.load()
	if err != nil {
		return err
	}
	apply()
	r.metrics = collector.NewReloads()
	return nil
}

// load reads all files, and gives what puts them in force.
func (r *reloader) load() (apply func(), err error) {
	var applies []func()
	var failures []error
	for _, file := range r.files {
		content, err := os.ReadFile(file.path)
		if err != nil {
			failures = append(failures, fmt.Errorf("read the configuration: %w", err))
			continue
		}
		file.loaded = content
		apply, err := file.load(content)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		applies = append(applies, apply)
	}
	return func() {
		for _, apply := range applies {
			apply()
		}
	}, errors.Join(failures...)
}

// reload loads the files and puts them in force.
func (r *reloader) reload() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.failed
	apply, err := r.load()
	r.failed = err
	if err != nil {
		r.metrics.Failed()
		if before == nil || before.Error() != err.Error() { // once is enough
			level.Error(r.logger).Log("msg", "The configuration could not be reloaded and is as it was", "err", err)
		}
		return err
	}
	apply()
	r.metrics.Succeeded()
	level.Info(r.logger).Log("msg", "The configuration is reloaded", "files", r.paths())
	return nil
}

func (r *reloader) paths() string {
	var paths []string
	for _, file := range r.files {
		paths = append(paths, file.path)
	}
	return strings.Join(paths, ",")
}

// watch reloads when a file's content is another, and again after a failure: what
// was wrong may have been a key file.
func (r *reloader) watch(ctx context.Context) {
	ticker := time.NewTicker(autoReloadInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		if r.changed() {
			_ = r.reload() // it tells of its failure itself
		}
	}
}

func (r *reloader) changed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, file := range r.files {
		content, err := os.ReadFile(file.path)
		if err != nil || !bytes.Equal(content, file.loaded) {
			return true
		}
	}
	return r.failed != nil
}

// hangups takes SIGHUPs from now on: before the files are loaded for the first
// time, or one that comes meanwhile would end the process.
func hangups() (signals chan os.Signal, stop func()) {
	signals = make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	return signals, func() { signal.Stop(signals) }
}

// onHangup reloads on SIGHUP until ctx ends. With nothing to reload the signal is
// told and ignored.
func onHangup(ctx context.Context, signals <-chan os.Signal, r *reloader, logger log.Logger) {
	for {
		select {
		case <-signals:
			if r == nil {
				level.Warn(logger).Log("msg", "Nothing was reloaded", "err", "there is no file to reload: start with --config.file or --policy.file")
				continue
			}
			_ = r.reload() // it tells of its failure itself
		case <-ctx.Done():
			return
		}
	}
}
