package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/gofrs/flock"

	"datadog_org_connections_exporter/internal/inventory"
)

// The names of files in the state directory.
const (
	fileName = "state"
	tempName = "state.tmp" // of a state that is not written yet
	lockName = "lock"
)

// lockTimeout is how long [Open] waits for another process to end.
const lockTimeout = time.Second

// slack is how many bytes of updates are written before they are replaced by the state
// that they add up to, beyond the size of that.
const slack = 256 << 10

// DB is a state directory that is open for writing. It implements [inventory.Storage].
// Its methods must not be called concurrently.
type DB struct {
	path string
	lock *flock.Flock
	file *os.File
	size int64 // of the whole records. What follows is to be cut off before the next.
	// replaceAt is the size at which the updates are replaced by the state.
	replaceAt int64
	written   written
}

// Open opens a state directory, which it creates unless it exists, and returns what is
// remembered there. A broken file is set aside, which is logged. The error says what to
// do.
func Open(dir string, logger log.Logger) (*DB, *inventory.State, error) {
	db, state, err := open(dir, logger)
	if err != nil {
		return nil, nil, fmt.Errorf("open the state directory %s: %w", dir, explain(err))
	}
	return db, state, nil
}

func open(dir string, logger log.Logger) (_ *DB, _ *inventory.State, err error) {
	if err := makeDir(dir); err != nil {
		return nil, nil, err
	}
	db := &DB{path: filepath.Join(dir, fileName), lock: flock.New(filepath.Join(dir, lockName), flock.SetPermissions(0o600))}
	ctx, cancel := context.WithTimeout(context.Background(), lockTimeout)
	defer cancel()
	locked, err := db.lock.TryLockContext(ctx, lockTimeout/10)
	if err != nil && ctx.Err() == nil {
		return nil, nil, err
	}
	if !locked {
		return nil, nil, errors.New("another process uses it: stop that one, or give each a directory of its own")
	}
	defer func() {
		if err != nil {
			_ = db.Close() // nothing was written
		}
	}()
	if db.file, err = os.OpenFile(db.path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, nil, err
	}
	l := newLoader()
	db.size, err = readRecords(db.file, func(u *storedUpdate, end int64) {
		l.add(u)
		if db.replaceAt == 0 { // the first record is the state when the file was made
			db.replaceAt = 2*end + slack
		}
	})
	state := l.finish()
	db.written = newWritten(state)
	if errors.Is(err, errBroken) {
		aside := db.path + ".broken-" + time.Now().UTC().Format("20060102T150405.000000000Z")
		level.Error(logger).Log("msg", "The state is set aside, and what can be read of it is used", "file", aside, "changes", len(state.Changes), "err", err)
		if err := os.Rename(db.path, aside); err != nil {
			return nil, nil, err
		}
		return db, state, db.replace(state)
	}
	if err != nil {
		return nil, nil, err
	}
	if db.size == 0 {
		return db, state, db.replace(state)
	}
	return db, state, nil
}

// makeDir creates a directory in one that exists.
func makeDir(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = errors.New("it is not a directory: name another, or remove it")
	}
	return err
}

// explain adds what to do about an error.
func explain(err error) error {
	advice := ""
	switch {
	case errors.Is(err, errNewer):
		advice = "run that version, or name another directory"
	case errors.Is(err, fs.ErrNotExist):
		advice = "create the directory that it is in"
	case errors.Is(err, fs.ErrPermission):
		advice = "the user that runs this must be allowed to write there"
	default:
		return err
	}
	return fmt.Errorf("%w: %s", err, advice)
}

// Read returns what is remembered in a state directory, also while another process
// writes there.
func Read(dir string) (*inventory.State, error) {
	path := filepath.Join(dir, fileName)
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the state: %w", err)
	}
	defer file.Close() //nolint:errcheck // it was only read
	l := newLoader()
	if _, err := readRecords(file, func(u *storedUpdate, _ int64) { l.add(u) }); err != nil {
		return nil, fmt.Errorf("read the state %s: %w", path, explain(err))
	}
	return l.finish(), nil
}

// Close closes the directory for this process.
func (db *DB) Close() error {
	var err error
	if db.file != nil {
		err = db.file.Close()
	}
	if err := errors.Join(err, db.lock.Close()); err != nil {
		return fmt.Errorf("close the state %s: %w", db.path, err)
	}
	return nil
}

// Write implements [inventory.Storage]. The update is on the disk when it returns.
func (db *DB) Write(u inventory.Update) error {
	record, err := encodeRecord(db.written.stored(u))
	if err == nil {
		err = db.append(record)
	}
	if err != nil {
		return fmt.Errorf("write the state %s: %w", db.path, err)
	}
	db.written.add(u)
	if db.size > db.replaceAt {
		// If that fails, the updates are still there. It is tried again some time later.
		if state, err := Read(filepath.Dir(db.path)); err != nil || db.replace(state) != nil {
			db.replaceAt += slack
		}
	}
	return nil
}

// append appends a record to the file, all of it or nothing.
func (db *DB) append(record []byte) error {
	info, err := db.file.Stat()
	switch {
	case err != nil:
		return err
	case info.Size() < db.size:
		return errors.New("another program has shortened it; restart")
	case info.Size() > db.size: // an earlier failure
		if err := db.file.Truncate(db.size); err != nil {
			return err
		}
	}
	_, err = db.file.WriteAt(record, db.size)
	if err == nil {
		err = db.file.Sync()
	}
	if err != nil {
		return errors.Join(err, db.file.Truncate(db.size))
	}
	db.size += int64(len(record))
	return nil
}

// replace replaces the file by one that has just the state.
func (db *DB) replace(state *inventory.State) error {
	temp := filepath.Join(filepath.Dir(db.path), tempName)
	file, err := os.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	size, err := writeState(file, state)
	if err == nil {
		err = os.Rename(temp, db.path)
	}
	if err != nil {
		return errors.Join(err, file.Close(), os.Remove(temp))
	}
	syncDir(filepath.Dir(db.path))
	if db.file != nil {
		_ = db.file.Close() // it is no longer in the directory
	}
	db.file, db.size, db.replaceAt = file, size, 2*size+slack
	db.written = newWritten(state)
	return nil
}

func writeState(file *os.File, state *inventory.State) (size int64, err error) {
	record, err := encodeRecord((&written{}).stored(update(state)))
	if err != nil {
		return 0, err
	}
	content := append([]byte(fileHeader()), record...)
	if _, err := file.Write(content); err != nil {
		return 0, err
	}
	return int64(len(content)), file.Sync()
}

// syncDir makes a renaming durable, where the system can.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync() // Windows cannot
		_ = d.Close()
	}
}
