package exporter

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
	"datadog_org_connections_exporter/internal/yamlcheck"
)

// autoReloadInterval is how often files are compared with what was loaded. Reading
// them detects every kind of change: an edit, a replacement, and a swapped symbolic
// link, which is how Kubernetes updates mounted files.
const autoReloadInterval = 5 * time.Second

// reloader loads files: all of them or none. Where one is invalid, the settings in
// force stay.
type reloader struct {
	files   []*reloadableFile
	metrics *collector.ReloadMetrics
	logger  log.Logger

	mu      sync.Mutex
	lastErr error // of the last attempt
}

// reloadableFile is a file that can be loaded again.
type reloadableFile struct {
	path string
	// load parses the content. Nothing changes until apply is called.
	load func(content []byte) (apply func(), err error)

	content []byte // of the last attempt
}

// load reads and parses all files, then applies them. It returns every file's error.
func (r *reloader) load() error {
	var applies []func()
	var errs []error
	for _, file := range r.files {
		content, err := yamlcheck.ReadFile(file.path)
		if err != nil {
			errs = append(errs, fmt.Errorf("read the configuration: %w", err))
			continue
		}
		file.content = content
		apply, err := file.load(content)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		applies = append(applies, apply)
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	for _, apply := range applies {
		apply()
	}
	return nil
}

// reload loads the files again, and logs and counts how that went. A failure that
// repeats is logged once.
func (r *reloader) reload() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	previous := r.lastErr
	r.lastErr = r.load()
	if r.lastErr != nil {
		r.metrics.Failed()
		if previous == nil || previous.Error() != r.lastErr.Error() {
			level.Error(r.logger).Log("msg", "Reloading the configuration failed; the previous one stays in force", "err", r.lastErr)
		}
		return r.lastErr
	}
	r.metrics.Succeeded()
	level.Info(r.logger).Log("msg", "Reloaded the configuration", "files", r.paths())
	return nil
}

func (r *reloader) paths() string {
	paths := make([]string, len(r.files))
	for n, file := range r.files {
		paths[n] = file.path
	}
	return strings.Join(paths, ",")
}

// watch reloads when the content of a file changes until ctx ends, and again after
// a failure: its cause may be a key file, which is not watched.
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
			_ = r.reload() // which logs its error
		}
	}
}

// changed reports whether a file differs from what was loaded last, or the last
// attempt failed.
func (r *reloader) changed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, file := range r.files {
		content, err := yamlcheck.ReadFile(file.path)
		if err != nil || !bytes.Equal(content, file.content) {
			return true
		}
	}
	return r.lastErr != nil
}

// notifyHangups subscribes to SIGHUP, which would end the process otherwise.
func notifyHangups() (hangups <-chan os.Signal, stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	return signals, func() { signal.Stop(signals) }
}

// reloadOnHangup reloads on SIGHUP until ctx ends. Without files, which is a nil
// reloader, it only logs.
func reloadOnHangup(ctx context.Context, hangups <-chan os.Signal, r *reloader, logger log.Logger) {
	for {
		select {
		case <-hangups:
			if r == nil {
				level.Warn(logger).Log("msg", "Nothing to reload", "err", "no --config.file and no --policy.file is given")
				continue
			}
			_ = r.reload() // which logs its error
		case <-ctx.Done():
			return
		}
	}
}
