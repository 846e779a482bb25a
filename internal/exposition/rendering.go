package exposition

import (
	"bytes"
	"compress/flate"
	"hash/crc32"
	"runtime"
	"sync"

	"github.com/prometheus/common/expfmt"
	"golang.org/x/sync/errgroup"

	"datadog_org_connections_exporter/collector"
)

// rendering is the steady part of an exposition in one format, as it is sent:
// made once, sent to whoever asks.
type rendering struct {
	body []byte
	sum  checksum // of the text, where the body is compressed
}

// checksum is what the end of a gzip member tells (RFC 1952, section 2.3.1).
type checksum struct {
	crc32 uint32
	size  uint32 // modulo 2^32
}

func (c *checksum) add(text []byte) {
	c.crc32 = crc32.Update(c.crc32, crc32.IEEETable, text)
	c.size += uint32(len(text)) //nolint:gosec // modulo 2^32 is what is wanted
}

// part is some of a family's series.
type part struct {
	family   collector.Family
	from, to int
}

// partSize is how many series are encoded and compressed at once: enough for the
// compression to lose little by beginning anew, few enough to take little memory.
const partSize = 1000

// partsOf divides families so that all cores have something to do. In a format
// that cannot join parts, a family is one.
func partsOf(families []collector.Family, joinable bool) []part {
	var parts []part
	for _, f := range families {
		size := max(f.Size, 1)
		if joinable {
			size = partSize
		}
		for from := 0; from < f.Size; from += size {
			parts = append(parts, part{f, from, min(from+size, f.Size)})
		}
	}
	return parts
}

// render encodes families, and compresses them where that is wanted.
func render(families []collector.Family, format expfmt.Format, compressed bool) (*rendering, error) {
	parts := partsOf(families, format.FormatType() != expfmt.TypeProtoDelim)
	r := &rendering{}
	pieces := make([][]byte, len(parts))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	summed := make(chan struct{}) // the checksum goes from part to part
	close(summed)
	for n, p := range parts {
		before, after := summed, make(chan struct{})
		summed = after
		group.Go(func() error {
			tools := toolsPool.Get().(*tools) //nolint:forcetypeassert // there is nothing else in it
			defer toolsPool.Put(tools)
			text, err := tools.encode(p, format)
			<-before
			r.sum.add(text)
			close(after)
			if compressed {
				text = tools.compress(text)
			}
			pieces[n] = bytes.Clone(text)
			return err
		})
	}
	err := group.Wait()
	r.body = bytes.Join(pieces, nil)
	return r, err
}

// tools are what encoding a part needs, to be used again.
type tools struct {
	message message
	text    bytes.Buffer
	packer
}

var toolsPool = sync.Pool{New: func() any { return &tools{packer: newPacker(steadyLevel)} }}

// encode gives a text that is good until the next call.
func (t *tools) encode(p part, format expfmt.Format) ([]byte, error) {
	t.text.Reset()
	err := t.message.encode(&t.text, p, format)
	return t.text.Bytes(), err
}

// The steady part is compressed once, at a level that makes of it hardly more than
// the default level does, in a third of its time; the live part at every scrape.
const (
	steadyLevel = 2
	liveLevel   = flate.BestSpeed
)

// packer compresses, to be used again.
type packer struct {
	packed bytes.Buffer
	writer *flate.Writer
}

func newPacker(level int) packer {
	writer, _ := flate.NewWriter(nil, level) // it is one
	return packer{writer: writer}
}

// compress gives a piece of a DEFLATE stream (RFC 1951) that ends on a byte's
// boundary and refers to nothing before it, so that pieces can stand one after the
// other. It is good until the next call.
func (p *packer) compress(text []byte) []byte {
	p.write(text)
	_ = p.writer.Flush() // it writes to memory
	return p.packed.Bytes()
}

// finish gives the last piece of a stream. It is good until the next call.
func (p *packer) finish(text []byte) []byte {
	p.write(text)
	_ = p.writer.Close() // it writes to memory
	return p.packed.Bytes()
}

func (p *packer) write(text []byte) {
	p.packed.Reset()
	p.writer.Reset(&p.packed)
	_, _ = p.writer.Write(text) // it writes to memory
}
