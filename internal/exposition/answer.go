package exposition

import (
	"bytes"
	"encoding/binary"
	"maps"
	"net/http"
	"strconv"
	"sync"
)

// captured takes an answer instead of sending it.
type captured struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func newCaptured() *captured { return &captured{header: http.Header{}, status: http.StatusOK} }

// Header implements [http.ResponseWriter].
func (c *captured) Header() http.Header { return c.header }

// WriteHeader implements [http.ResponseWriter].
func (c *captured) WriteHeader(status int) { c.status = status }

// Write implements [http.ResponseWriter].
func (c *captured) Write(p []byte) (int, error) { return c.body.Write(p) }

func (c *captured) send(w http.ResponseWriter) {
	maps.Copy(w.Header(), c.header)
	w.WriteHeader(c.status)
	w.Write(c.body.Bytes())
}

// sendPlain sends the steady part and the live one behind it, which holds the end.
func sendPlain(w http.ResponseWriter, steady *rendering, live []byte) {
	sendPieces(w, steady.body, live)
}

// sendCompressed does so in one gzip member (RFC 1952): one header, a stream that
// the live part ends, and the checksum of both.
func sendCompressed(w http.ResponseWriter, steady *rendering, live []byte) {
	packer := livePackers.Get().(*packer) //nolint:forcetypeassert // there is nothing else in it
	defer livePackers.Put(packer)
	sum := steady.sum
	sum.add(live)
	last := packer.finish(live)
	last = binary.LittleEndian.AppendUint32(last, sum.crc32)
	last = binary.LittleEndian.AppendUint32(last, sum.size)
	sendPieces(w, gzipHeader, steady.body, last)
}

var livePackers = sync.Pool{New: func() any {
	p := newPacker(liveLevel)
	return &p
}}

// gzipHeader tells nothing but that DEFLATE follows: no name, no time, no system.
var gzipHeader = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff}

func sendPieces(w http.ResponseWriter, pieces ...[]byte) {
	length := 0
	for _, piece := range pieces {
		length += len(piece)
	}
	w.Header().Set("Content-Length", strconv.Itoa(length))
	for _, piece := range pieces {
		if _, err := w.Write(piece); err != nil {
			return // whoever asked is gone
		}
	}
}
