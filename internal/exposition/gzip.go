package exposition

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"net/http"
	"sync"
)

// The cached part is compressed once: flate's level 2 takes a third of the time of
// the default level and its output is hardly longer. The dynamic part is compressed at
// every scrape.
const (
	cachedLevel  = 2
	dynamicLevel = flate.BestSpeed
)

// writeGzip sends the cached part, which is compressed, and the dynamic part, which is
// not, as one gzip member (RFC 1952): many clients read only one.
func writeGzip(w http.ResponseWriter, cached *encoded, dynamic []byte) {
	deflater := dynamicDeflaters.Get().(*deflater) //nolint:forcetypeassert // the pool holds nothing else
	defer dynamicDeflaters.Put(deflater)
	trailer := cached.trailer
	trailer.add(dynamic)
	write(w, gzipHeader, cached.body, trailer.append(deflater.deflateLast(dynamic)))
}

var dynamicDeflaters = sync.Pool{New: func() any {
	d := newDeflater(dynamicLevel)
	return &d
}}

// gzipHeader has neither name nor time: DEFLATE, and an unknown system.
var gzipHeader = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff}

// gzipTrailer ends a gzip member (RFC 1952, section 2.3.1).
type gzipTrailer struct {
	crc32 uint32
	size  uint32 // modulo 2^32
}

// add adds uncompressed text.
func (t *gzipTrailer) add(text []byte) {
	t.crc32 = crc32.Update(t.crc32, crc32.IEEETable, text)
	t.size += uint32(len(text)) //nolint:gosec // modulo 2^32 is what is wanted
}

func (t gzipTrailer) append(b []byte) []byte {
	return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(b, t.crc32), t.size)
}

// deflater compresses into memory that it reuses. Writing there cannot fail.
type deflater struct {
	compressed bytes.Buffer
	writer     *flate.Writer
}

func newDeflater(level int) deflater {
	writer, _ := flate.NewWriter(nil, level) // the levels above are valid
	return deflater{writer: writer}
}

// deflate returns a part of a DEFLATE stream (RFC 1951) that ends on a byte boundary
// and refers to nothing before it, so that such parts can be joined. It is valid until
// the next call.
func (d *deflater) deflate(text []byte) []byte {
	d.write(text)
	_ = d.writer.Flush()
	return d.compressed.Bytes()
}

// deflateLast returns the last part of a stream, valid until the next call.
func (d *deflater) deflateLast(text []byte) []byte {
	d.write(text)
	_ = d.writer.Close()
	return d.compressed.Bytes()
}

func (d *deflater) write(text []byte) {
	d.compressed.Reset()
	d.writer.Reset(&d.compressed)
	_, _ = d.writer.Write(text)
}
