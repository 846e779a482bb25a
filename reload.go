package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"datadog_org_connections_exporter/collector"
	"datadog_org_connections_exporter/inventory"
)

// autoReloadInterval is how often a file is compared with what was loaded.
// Reading it finds every way in which a file changes: edited, replaced, or
// swapped behind a symbolic link as Kubernetes does.
const autoReloadInterval = 5 * time.Second

// reloader loads a file when it starts and again when it is told to. A file that
// is of no use changes nothing.
type reloader struct {
	file    string
	load    func(content []byte) ([]inventory.Org, error)
	metrics *collector.Reloads
	logger  log.Logger

	mu     sync.Mutex
	apply  func([]inventory.Org)
	loaded []byte // what the last attempt read
	failed error  // of the last attempt
}

// start loads the file for the first time.
func (r *reloader) start() ([]inventory.Org, error) {
	orgs, err := r.read()
	if err != nil {
		return nil, err
	}
	r.metrics = collector.NewReloads()
	return orgs, nil
}

func (r *reloader) read() ([]inventory.Org, error) {
	content, err := os.ReadFile(r.file)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	r.loaded = content
	return r.load(content)
}

// reload loads the file and applies it.
func (r *reloader) reload() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.failed
	orgs, err := r.read()
	r.failed = err
	if err != nil {
		r.metrics.Failed()
		if before == nil || before.Error() != err.Error() { // once is enough
			level.Error(r.logger).Log("msg", "The configuration could not be reloaded and is as it was", "file", r.file, "err", err)
		}
		return err
	}
	r.apply(orgs)
	r.metrics.Succeeded()
	level.Info(r.logger).Log("msg", "The configuration is reloaded", "file", r.file, "orgs", len(orgs))
	return nil
}

// watch reloads when the file's content is another, and again after a failure:
// what was wrong may have been a key file.
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
	content, err := os.ReadFile(r.file)
	r.mu.Lock()
	defer r.mu.Unlock()
	return err != nil || r.failed != nil || !bytes.Equal(content, r.loaded)
}

// errNothingToReload is the answer to a SIGHUP without a configuration file.
var errNothingToReload = errors.New("there is no configuration file: start with --config.file")

// onHangup reloads on SIGHUP until ctx ends. Without a file the signal is told and
// ignored: it must not end the process.
func onHangup(ctx context.Context, r *reloader, logger log.Logger) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	defer signal.Stop(signals)
	for {
		select {
		case <-signals:
			if r == nil {
				level.Warn(logger).Log("msg", "Nothing was reloaded", "err", errNothingToReload)
				continue
			}
			_ = r.reload() // it tells of its failure itself
		case <-ctx.Done():
			return
		}
	}
}
