package exposition

import (
	"bytes"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"datadog_org_connections_exporter/collector"
)

// message makes what encoders take of a family, a part at a time, in memory that
// it uses again. The official way, a prometheus.Metric for each series, takes
// twenty times as long for an inventory of ten thousand connections.
type message struct {
	texts   []string
	values  []float64
	pairs   []dto.LabelPair
	labels  []*dto.LabelPair
	gauges  []dto.Gauge
	metrics []dto.Metric
	series  []*dto.Metric
}

// of gives the series from one to another. It is good until the next call.
func (m *message) of(f collector.Family, from, to int) *dto.MetricFamily {
	order := alphabetical(f.Labels)
	width := len(order)
	m.grow(to-from, width)
	for n := range to - from {
		texts := m.texts[n*width:][:width]
		m.values[n] = f.Row(from+n, texts)
		m.gauges[n].Value = &m.values[n]
		labels := m.labels[n*width:][:width]
		for l, at := range order {
			pair := &m.pairs[n*width+l]
			pair.Name, pair.Value = &f.Labels[at], &texts[at]
			labels[l] = pair
		}
		m.metrics[n].Label, m.metrics[n].Gauge = labels, &m.gauges[n]
		m.series[n] = &m.metrics[n]
	}
	return &dto.MetricFamily{Name: &f.Name, Help: &f.Help, Type: dto.MetricType_GAUGE.Enum(), Metric: m.series}
}

func (m *message) grow(series, width int) {
	m.texts = slices.Grow(m.texts[:0], series*width)[:series*width]
	m.values = slices.Grow(m.values[:0], series)[:series]
	m.pairs = slices.Grow(m.pairs[:0], series*width)[:series*width]
	m.labels = slices.Grow(m.labels[:0], series*width)[:series*width]
	m.gauges = slices.Grow(m.gauges[:0], series)[:series]
	m.metrics = slices.Grow(m.metrics[:0], series)[:series]
	m.series = slices.Grow(m.series[:0], series)[:series]
}

// alphabetical gives the places of labels in the order of their names, which is
// that of an exposition.
func alphabetical(labels []string) []int {
	order := make([]int, len(labels))
	for n := range order {
		order[n] = n
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(labels[a], labels[b]) })
	return order
}

// encode writes a part of a family, and its head with the first part only.
func (m *message) encode(out *bytes.Buffer, p part, format expfmt.Format) error {
	began := out.Len()
	if err := expfmt.NewEncoder(out, format).Encode(m.of(p.family, p.from, p.to)); err != nil {
		return err
	}
	if p.from > 0 {
		written := out.Bytes()[began:]
		out.Truncate(began + copy(written, withoutHead(written)))
	}
	return nil
}

// headLines is how many lines stand before the series: HELP and TYPE.
const headLines = 2

func withoutHead(text []byte) []byte {
	for range headLines {
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	return text
}
