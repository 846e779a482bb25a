package exporter

import (
	"fmt"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/storage"
)

// openStorage opens a state directory. Where that fails, each write fails for the same
// reason: the inventory logs it, and the metrics count it.
func openStorage(dir string, logger log.Logger) (_ inventory.Storage, _ *inventory.State, closeStorage func()) {
	db, state, err := storage.Open(dir, logger)
	if err != nil {
		return unusable{err}, nil, func() {}
	}
	return db, state, func() {
		if err := db.Close(); err != nil {
			level.Error(logger).Log("msg", "The state directory cannot be closed", "err", err)
		}
	}
}

// unusable is a storage that could not be opened.
type unusable struct{ err error }

// Write implements [inventory.Storage].
func (u unusable) Write(inventory.Update) error {
	return fmt.Errorf("%w; then restart the exporter, which goes on without", u.err)
}
