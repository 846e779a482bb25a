package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"time"
)

// The file is read by this file's code and not by bbolt, which needs the file's lock
// and trusts what it maps: it could not read the state of a running exporter, and a
// broken file would end the process, by a signal, an endless recursion or a panic in a
// goroutine of bbolt's. What is accepted here is safe to open for writing.
//
// The format is that of go.etcd.io/bbolt/internal/common, version 2, in the byte order of
// the machine. Pages begin with a header of 16 bytes: id, flags, count, overflow. Pages 0
// and 1 have a meta each, and that of the later transaction counts.

// errBroken is wrapped by errors about the content of a file.
var errBroken = errors.New("the file is broken")

func broken(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errBroken}, args...)...)
}

const (
	headerSize = 16 // of pages, elements and buckets

	branchPage   = 0x01
	leafPage     = 0x02
	freelistPage = 0x10

	bucketElement = 0x01
)

var order = binary.NativeEndian

// meta says where the pages of a transaction are.
type meta struct {
	pageSize, root, freelist, pages, tx uint64
}

// newestMeta returns the meta of the last transaction.
func newestMeta(file io.ReaderAt) (newest meta, err error) {
	var found bool
	for _, offset := range metaOffsets() {
		var b [headerSize + 64]byte
		if n, err := file.ReadAt(b[:], offset); n < len(b) {
			if errors.Is(err, io.EOF) {
				break
			}
			return meta{}, err
		}
		fields := b[headerSize:]
		checksum := fnv.New64a()
		checksum.Write(fields[:56])
		if order.Uint32(fields) != 0xED0CDAED || order.Uint32(fields[4:]) != 2 || order.Uint64(fields[56:]) != checksum.Sum64() {
			continue
		}
		m := meta{uint64(order.Uint32(fields[8:])), order.Uint64(fields[16:]), order.Uint64(fields[32:]), order.Uint64(fields[40:]), order.Uint64(fields[48:])}
		if m.tx >= newest.tx {
			newest, found = m, true
		}
	}
	if !found {
		return meta{}, broken("it has no valid header")
	}
	if newest.pageSize < 1<<10 || newest.pageSize > 1<<24 || newest.pages > 1<<40/newest.pageSize {
		return meta{}, broken("%d pages of %d bytes", newest.pages, newest.pageSize)
	}
	return newest, nil
}

// metaOffsets returns where a meta may be: at the beginning of the first two pages, of
// whatever size.
func metaOffsets() []int64 {
	offsets := []int64{0}
	for size := int64(1 << 10); size <= 1<<24; size *= 2 {
		offsets = append(offsets, size)
	}
	return offsets
}

// readTimeout bounds how long a reader waits for a moment without a transaction.
const readTimeout = 10 * time.Second

// readPages reads a file that may be written meanwhile. A transaction does not overwrite
// pages of the one before it, so that what was read is consistent if no transaction ended
// in the meantime.
func readPages(path string) ([]byte, meta, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, meta{}, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	for deadline := time.Now().Add(readTimeout); ; {
		before, err := newestMeta(file)
		if err != nil {
			return nil, meta{}, err
		}
		info, err := file.Stat()
		if err != nil {
			return nil, meta{}, err
		}
		size := int64(before.pages * before.pageSize) //nolint:gosec // newestMeta bounds it
		if info.Size() < size {
			return nil, meta{}, broken("it is truncated to %d bytes of %d", info.Size(), size)
		}
		data := make([]byte, size)
		if _, err := file.ReadAt(data, 0); err != nil {
			return nil, meta{}, err
		}
		switch after, err := newestMeta(file); {
		case err != nil:
			return nil, meta{}, err
		case after == before:
			return data, before, nil
		case time.Now().After(deadline):
			return nil, meta{}, fmt.Errorf("read %s: it is written to all the time; try again", path)
		}
	}
}

// visitor is called with each key and value, and the names of the buckets that it is in,
// in the order of the keys.
type visitor func(buckets []string, key, value []byte) error

// walk visits what is in the pages. It returns an error that wraps errBroken where bbolt
// might stumble, or might overwrite what is in use.
func walk(data []byte, m meta, visit visitor) error {
	w := walker{data: data, meta: m, used: make([]bool, m.pages), visit: visit}
	if err := w.bucket(nil, m.root, nil); err != nil {
		return err
	}
	return w.freelist()
}

type walker struct {
	data []byte
	meta
	used  []bool // by page
	visit visitor
}

// page is a page with those that it overflows to.
type page struct {
	data  []byte
	flags uint16
	count uint16
}

func parsePage(b []byte) page {
	return page{b, order.Uint16(b[8:]), order.Uint16(b[10:])}
}

// page returns the page and marks it as used.
func (w *walker) page(id uint64) (page, error) {
	if id >= w.pages {
		return page{}, broken("it refers to page %d of %d", id, w.pages)
	}
	b := w.data[id*w.pageSize:]
	end := id + 1 + uint64(order.Uint32(b[12:]))
	if order.Uint64(b) != id || end > w.pages {
		return page{}, broken("what should be page %d is another one", id)
	}
	for i := id; i < end; i++ {
		if err := w.use(i); err != nil {
			return page{}, err
		}
	}
	return parsePage(b[:(end-id)*w.pageSize]), nil
}

func (w *walker) use(id uint64) error {
	if id < 2 || id >= w.pages || w.used[id] {
		return broken("page %d has two uses", id)
	}
	w.used[id] = true
	return nil
}

// element returns the i-th element of the page, and its data of two sizes.
func (p *page) element(i int, pos, size1, size2 uint32) (first, second []byte, err error) {
	begin := uint64(headerSize*(1+i)) + uint64(pos) //nolint:gosec // i is not negative
	middle := begin + uint64(size1)
	end := middle + uint64(size2)
	if end > uint64(len(p.data)) {
		return nil, nil, broken("an element ends after its page")
	}
	return p.data[begin:middle], p.data[middle:end], nil
}

// keyOrder checks the order of a bucket's keys. A branch has the first key of each page
// below it: bbolt finds the page in the branch by that.
type keyOrder struct {
	last     []byte
	ofBranch bool
}

func (o *keyOrder) next(key []byte, ofBranch bool) error {
	if order := bytes.Compare(o.last, key); o.ofBranch && order != 0 || !o.ofBranch && order >= 0 {
		return broken("its keys are not in order")
	}
	o.last, o.ofBranch = key, ofBranch
	return nil
}

// bucket visits a bucket. Its pages are those below root, or inline.
func (w *walker) bucket(buckets []string, root uint64, inline []byte) error {
	keys := keyOrder{}
	if root != 0 {
		return w.tree(buckets, root, &keys)
	}
	if len(inline) < headerSize {
		return broken("a bucket ends too early")
	}
	return w.leaf(buckets, parsePage(inline), &keys)
}

func (w *walker) tree(buckets []string, id uint64, keys *keyOrder) error {
	p, err := w.page(id)
	if err != nil {
		return err
	}
	if p.flags == leafPage {
		return w.leaf(buckets, p, keys)
	}
	if p.flags != branchPage || p.count == 0 {
		return broken("page %d is of no use in a bucket", id)
	}
	for i := range int(p.count) {
		if headerSize*(i+2) > len(p.data) {
			return broken("page %d ends too early", id)
		}
		e := p.data[headerSize*(i+1):]
		key, _, err := p.element(i, order.Uint32(e), order.Uint32(e[4:]), 0)
		if err != nil {
			return err
		}
		if err := keys.next(key, true); err != nil {
			return err
		}
		if err := w.tree(buckets, order.Uint64(e[8:]), keys); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) leaf(buckets []string, p page, keys *keyOrder) error {
	if p.flags != leafPage {
		return broken("a page is of no use in a bucket")
	}
	for i := range int(p.count) {
		if headerSize*(i+2) > len(p.data) {
			return broken("a page ends too early")
		}
		e := p.data[headerSize*(i+1):]
		key, value, err := p.element(i, order.Uint32(e[4:]), order.Uint32(e[8:]), order.Uint32(e[12:]))
		if err != nil {
			return err
		}
		if err := keys.next(key, false); err != nil {
			return err
		}
		switch flags := order.Uint32(e); {
		case flags == 0:
			err = w.visit(buckets, key, value)
		case flags != bucketElement || len(value) < headerSize:
			err = broken("an element is neither a value nor a bucket")
		default:
			err = w.bucket(append(buckets[:len(buckets):len(buckets)], string(key)), order.Uint64(value), value[headerSize:])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// freelist checks that the pages to be written next are in no other use.
func (w *walker) freelist() error {
	p, err := w.page(w.meta.freelist)
	if err != nil {
		return err
	}
	ids, count := p.data[headerSize:], uint64(p.count)
	if count == 0xFFFF {
		count, ids = order.Uint64(ids), ids[8:]
	}
	if p.flags != freelistPage || count > uint64(len(ids)/8) {
		return broken("its list of free pages is none")
	}
	for i := range count {
		if err := w.use(order.Uint64(ids[8*i:])); err != nil {
			return err
		}
	}
	return nil
}
