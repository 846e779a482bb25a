package exposition

import (
	"bytes"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"golang.org/x/sync/errgroup"

	"datadog_org_connections_exporter/collector"
)

// encoded is the cached part of an exposition, as it is sent.
type encoded struct {
	body    []byte
	trailer gzipTrailer // of the uncompressed body
}

// chunk is a range of a family's series.
type chunk struct {
	family   collector.Family
	from, to int
}

// chunkSize is how many series are encoded and compressed together: enough that
// compression loses little at each chunk's start, and few enough to bound the
// encoder's memory.
const chunkSize = 1000

// split splits families into chunks. In the protobuf format a family is one message,
// so that it is one chunk.
func split(families []collector.Family, format expfmt.Format) []chunk {
	var chunks []chunk
	for _, f := range families {
		size := max(f.Size, 1)
		if format.FormatType() != expfmt.TypeProtoDelim {
			size = chunkSize
		}
		for from := 0; from < f.Size; from += size {
			chunks = append(chunks, chunk{f, from, min(from+size, f.Size)})
		}
	}
	return chunks
}

// encode encodes families. Chunks are encoded concurrently; only the checksum is
// calculated from one to the next.
func encode(families []collector.Family, enc encoding) (*encoded, error) {
	chunks := split(families, enc.format)
	e := &encoded{}
	bodies := make([][]byte, len(chunks))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	added := make(chan struct{}) // closed when the chunk before is in the checksum
	close(added)
	for n, c := range chunks {
		previous, next := added, make(chan struct{})
		added = next
		group.Go(func() error {
			encoder := encoders.Get().(*encoder) //nolint:forcetypeassert // the pool holds nothing else
			defer encoders.Put(encoder)
			body, err := encoder.encode(c, enc.format)
			<-previous
			e.trailer.add(body)
			close(next)
			if enc.compression == promhttp.Gzip {
				body = encoder.deflate(body)
			}
			bodies[n] = bytes.Clone(body)
			return err
		})
	}
	err := group.Wait()
	e.body = bytes.Join(bodies, nil)
	return e, err
}

var encoders = sync.Pool{New: func() any { return &encoder{deflater: newDeflater(cachedLevel)} }}

// encoder encodes chunks in memory that it reuses. A prometheus.Metric for each
// series would take twenty times as long for ten thousand connections.
type encoder struct {
	text bytes.Buffer
	deflater

	// What a dto.MetricFamily refers to, for all series of a chunk.
	texts   []string
	values  []float64
	pairs   []dto.LabelPair
	labels  []*dto.LabelPair
	gauges  []dto.Gauge
	metrics []dto.Metric
	series  []*dto.Metric
}

// encode returns a chunk in a format, valid until the next call. Only a family's first
// chunk has the HELP and TYPE lines.
func (e *encoder) encode(c chunk, format expfmt.Format) ([]byte, error) {
	e.text.Reset()
	err := expfmt.NewEncoder(&e.text, format).Encode(e.family(c))
	text := e.text.Bytes()
	if c.from > 0 {
		for range 2 {
			_, text, _ = bytes.Cut(text, []byte("\n"))
		}
	}
	return text, err
}

// family returns the series of a chunk, valid until the next call.
func (e *encoder) family(c chunk) *dto.MetricFamily {
	f := c.family
	order := sortedIndices(f.Labels)
	width := len(order)
	e.grow(c.to-c.from, width)
	for n := range c.to - c.from {
		texts := e.texts[n*width:][:width]
		e.values[n] = f.Row(c.from+n, texts)
		e.gauges[n].Value = &e.values[n]
		labels := e.labels[n*width:][:width]
		for l, index := range order {
			pair := &e.pairs[n*width+l]
			pair.Name, pair.Value = &f.Labels[index], &texts[index]
			labels[l] = pair
		}
		e.metrics[n].Label, e.metrics[n].Gauge = labels, &e.gauges[n]
		e.series[n] = &e.metrics[n]
	}
	return &dto.MetricFamily{Name: &f.Name, Help: &f.Help, Type: dto.MetricType_GAUGE.Enum(), Metric: e.series}
}

func (e *encoder) grow(series, labels int) {
	e.texts = resize(e.texts, series*labels)
	e.values = resize(e.values, series)
	e.pairs = resize(e.pairs, series*labels)
	e.labels = resize(e.labels, series*labels)
	e.gauges = resize(e.gauges, series)
	e.metrics = resize(e.metrics, series)
	e.series = resize(e.series, series)
}

func resize[S ~[]E, E any](s S, size int) S { return slices.Grow(s[:0], size)[:size] }

// sortedIndices returns the indices of names in the order of an exposition.
func sortedIndices(names []string) []int {
	indices := make([]int, len(names))
	for n := range indices {
		indices[n] = n
	}
	slices.SortFunc(indices, func(a, b int) int { return strings.Compare(names[a], names[b]) })
	return indices
}
