package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
)

// fileName is the name of the file in the state directory.
const fileName = "state.db"

// The names of buckets, and keys with a meaning.
const (
	metaBucket        = "meta"
	namesBucket       = "names"
	connectionsBucket = "connections"
	listingsBucket    = "listings"
	orgsBucket        = "orgs"
	changesBucket     = "changes"

	versionKey = "version"
	memoryKey  = "memory"
	listingKey = "listing"
)

// lockTimeout is how long [Open] waits for another process to end.
const lockTimeout = time.Second

// errNewer is wrapped by errors about files of a later version.
var errNewer = errors.New("it is a later version's")

// DB is a state directory that is open for writing. It implements [inventory.Storage].
// Its methods must not be called concurrently.
type DB struct {
	path    string
	bolt    *bbolt.DB
	changes uint64 // number of the next one
	// orgs are those that are known to be stored of each listing.
	orgs map[string][]datadog.Org
	// lost is why the file cannot be written any more.
	lost error
}

// Open opens a state directory, which it creates unless it exists, and returns what is
// remembered there. A broken file is set aside, which is logged. The error says what to
// do.
func Open(dir string, logger log.Logger) (*DB, *inventory.State, error) {
	if err := makeDir(dir); err != nil {
		return nil, nil, fmt.Errorf("open the state directory %s: %w", dir, explain(err))
	}
	path := filepath.Join(dir, fileName)
	db, state, err := openFile(path)
	if errors.Is(err, errBroken) {
		aside := path + ".broken-" + time.Now().UTC().Format("20060102T150405.000Z")
		if err := os.Rename(path, aside); err != nil {
			return nil, nil, fmt.Errorf("set the broken state aside: %w", explain(err))
		}
		level.Error(logger).Log("msg", "The state cannot be used and was set aside; the memory begins anew", "file", aside, "err", err)
		db, state, err = openFile(path)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("open the state %s: %w", path, explain(err))
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
	case errors.Is(err, bbolterrors.ErrTimeout):
		return errors.New("another process uses it: stop that one, or give each a directory of its own")
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

// openFile opens a file, or a new one. The error wraps errBroken only where nobody else
// uses the file.
func openFile(path string) (*DB, *inventory.State, error) {
	var file *os.File
	var bolt *bbolt.DB
	opening := guard(func() (err error) {
		bolt, err = bbolt.Open(path, 0o600, &bbolt.Options{
			Timeout:      lockTimeout,
			FreelistType: bbolt.FreelistMapType,
			NoStatistics: true,
			OpenFile: func(name string, flag int, perm os.FileMode) (_ *os.File, err error) {
				file, err = os.OpenFile(name, flag, perm)
				return file, err
			},
		})
		return err
	})
	if errors.Is(opening, bbolterrors.ErrTimeout) || file == nil {
		return nil, nil, opening
	}
	content, err := load(path)
	if err == nil {
		err = opening
	}
	if err != nil {
		if bolt != nil {
			_ = bolt.Close() // nothing was written
		}
		_ = file.Close() // where bbolt did not
		return nil, nil, err
	}
	bolt.AllocSize = 1 << 20 // the file grows by that
	db := &DB{path: path, bolt: bolt, changes: content.changes, orgs: map[string][]datadog.Org{}}
	for name, l := range content.state.Listings {
		db.orgs[name] = l.Listing.Orgs
	}
	if content.version == 0 {
		if err := db.update(createBuckets); err != nil {
			return nil, nil, errors.Join(err, db.Close())
		}
	}
	return db, &content.state, nil
}

// Read returns what is remembered in a state directory, also while another process has
// it open.
func Read(dir string) (*inventory.State, error) {
	path := filepath.Join(dir, fileName)
	content, err := load(path)
	if err != nil {
		return nil, fmt.Errorf("read the state %s: %w", path, err)
	}
	return &content.state, nil
}

// Close closes the file.
func (db *DB) Close() error {
	if db.lost != nil {
		return nil // bbolt would wait for itself
	}
	if err := guard(db.bolt.Close); err != nil {
		return fmt.Errorf("close the state %s: %w", db.path, err)
	}
	return nil
}

// Write implements [inventory.Storage]. The update is on the disk when it returns.
func (db *DB) Write(u inventory.Update) error {
	err := db.update(func(tx *bbolt.Tx) error { return db.write(tx, u) })
	if err != nil {
		clear(db.orgs) // it may be on the disk all the same
		return fmt.Errorf("write the state %s: %w", db.path, err)
	}
	for name, l := range u.Listings {
		if l == nil {
			delete(db.orgs, name)
		} else {
			db.orgs[name] = l.Listing.Orgs
		}
	}
	// Only now: an update that fails is written again, to the same keys.
	db.changes += uint64(len(u.Changes))
	return nil
}

// update runs a transaction.
func (db *DB) update(run func(tx *bbolt.Tx) error) error {
	if db.lost != nil {
		return db.lost
	}
	err := guard(func() error { return db.bolt.Update(run) })
	if errors.Is(err, errPanic) {
		db.lost = fmt.Errorf("%w; see whether the disk is all right, and restart", err)
		return db.lost
	}
	return err
}

// errPanic is wrapped by what [guard] returns after a panic.
var errPanic = errors.New("the file cannot be used any more")

// guard runs what may panic or fault, because bbolt maps a file that others may damage,
// or the disk may fail to read.
func guard(run func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errPanic, r)
		}
	}()
	return run()
}

func createBuckets(tx *bbolt.Tx) error {
	for _, name := range []string{metaBucket, namesBucket, connectionsBucket, listingsBucket, changesBucket} {
		if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
			return err
		}
	}
	return tx.Bucket([]byte(metaBucket)).Put([]byte(versionKey), strconv.AppendInt(nil, version, 10))
}

func (db *DB) write(tx *bbolt.Tx, u inventory.Update) error {
	if u.Memory != nil {
		if err := writeMemory(tx, u.Memory); err != nil {
			return err
		}
	}
	if err := writeConnections(tx.Bucket([]byte(connectionsBucket)), u.Connections); err != nil {
		return err
	}
	listings := tx.Bucket([]byte(listingsBucket))
	for _, name := range slices.Sorted(maps.Keys(u.Listings)) {
		if err := db.writeListing(listings, name, u.Listings[name]); err != nil {
			return err
		}
	}
	return db.writeChanges(tx.Bucket([]byte(changesBucket)), u.Changes, u.Expired)
}

func writeMemory(tx *bbolt.Tx, m *inventory.Memory) error {
	if err := tx.Bucket([]byte(metaBucket)).Put([]byte(memoryKey), encode(memoryFields(m))); err != nil {
		return err
	}
	names := make(map[string][]byte, len(m.Names))
	for id, name := range m.Names {
		names[pack(id)] = []byte(name)
	}
	return replace(tx.Bucket([]byte(namesBucket)), names)
}

func writeConnections(b *bbolt.Bucket, connections map[string]*inventory.Remembered) error {
	values := make(map[string][]byte, len(connections))
	for id, r := range connections {
		if values[pack(id)] = nil; r != nil {
			values[pack(id)] = present(encode(rememberedFields(r)))
		}
	}
	return apply(b, values)
}

// present returns the value, and not nil where it is empty.
func present(value []byte) []byte { return append([]byte{}, value...) }

func (db *DB) writeListing(listings *bbolt.Bucket, name string, l *inventory.StoredListing) error {
	if l == nil || l.First {
		if err := listings.DeleteBucket([]byte(name)); err != nil && !errors.Is(err, bbolterrors.ErrBucketNotFound) {
			return err
		}
		if l == nil {
			return nil
		}
	}
	b, err := listings.CreateBucketIfNotExists([]byte(name))
	if err != nil {
		return err
	}
	if err := b.Put([]byte(listingKey), encode(listingFields(l))); err != nil {
		return err
	}
	ids, err := b.CreateBucketIfNotExists([]byte(connectionsBucket))
	if err != nil {
		return err
	}
	members := make(map[string][]byte, len(l.Connections))
	for id, in := range l.Connections {
		if members[pack(id)] = nil; in {
			members[pack(id)] = present(nil)
		}
	}
	if err := apply(ids, members); err != nil {
		return err
	}
	orgs, err := b.CreateBucketIfNotExists([]byte(orgsBucket))
	if err != nil {
		return err
	}
	if stored, ok := db.orgs[name]; ok && !l.First && slices.Equal(stored, l.Listing.Orgs) {
		return nil
	}
	return writeOrgs(orgs, l.Listing.Orgs)
}

func writeOrgs(b *bbolt.Bucket, orgs []datadog.Org) error {
	values := make(map[string][]byte, len(orgs))
	for i := range orgs {
		values[pack(orgs[i].ID)] = present(encode(orgFields(&orgs[i])))
	}
	return replace(b, values)
}

// writeChanges writes changes, and deletes the oldest ones that were found before expired.
func (db *DB) writeChanges(b *bbolt.Bucket, changes []inventory.Change, expired time.Time) error {
	b.FillPercent = 1 // they are only appended
	for i := range changes {
		key := binary.BigEndian.AppendUint64(nil, db.changes+uint64(i)) //nolint:gosec // i is not negative
		if err := b.Put(key, encode(changeFields(&changes[i]))); err != nil {
			return err
		}
	}
	old := map[string][]byte{}
	for c, key, value := cursor(b); key != nil; key, value = c.Next() {
		var change inventory.Change
		if err := decode(value, newSharedStrings(0), changeFields(&change)); err != nil {
			return err
		}
		if !change.Found.Before(expired) {
			break
		}
		old[string(key)] = nil
	}
	return apply(b, old)
}

// replace makes values all that the bucket has. It writes only those that differ.
func replace(b *bbolt.Bucket, values map[string][]byte) error {
	for c, key, value := cursor(b); key != nil; key, value = c.Next() {
		if want, ok := values[string(key)]; !ok {
			values[string(key)] = nil
		} else if bytes.Equal(want, value) {
			delete(values, string(key))
		}
	}
	return apply(b, values)
}

func cursor(b *bbolt.Bucket) (c *bbolt.Cursor, key, value []byte) {
	c = b.Cursor()
	key, value = c.First()
	return c, key, value
}

// apply puts values into the bucket, in the order of their keys, which is many times
// faster than any other; keys with nil are deleted. A key that bbolt does not take, which
// no API in its senses has as an id, is left out.
func apply(b *bbolt.Bucket, values map[string][]byte) error {
	if _, first, _ := cursor(b); first == nil {
		b.FillPercent = 1 // there are no pages that others would be inserted into
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		value, err := values[key], error(nil)
		switch {
		case key == "" || len(key) > bbolt.MaxKeySize:
		case value == nil:
			err = b.Delete([]byte(key))
		default:
			err = b.Put([]byte(key), value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
