package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// startExporter starts an exporter with a configuration file.
func startExporter(t *testing.T, config string, args ...string) *process {
	t.Helper()
	return start(t, programs.exporter, append([]string{"--web.listen-address=127.0.0.1:0", "--config.file=" + config}, args...)...)
}

var client = &http.Client{Timeout: waitTimeout}

// get returns the body of a response, which must be 200.
func (p *process) get(t *testing.T, path string) (body []byte, header http.Header) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.base+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err = io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s answers %s (%v):\n%s", request.URL, response.Status, err, body)
	}
	return body, response.Header
}

// samples are those of one exposition, or of one query.
type samples model.Vector

// scrape returns the samples of /metrics.
func (p *process) scrape(t *testing.T) samples {
	t.Helper()
	body, header := p.get(t, "/metrics")
	decoder := expfmt.SampleDecoder{
		Dec:  expfmt.NewDecoder(bytes.NewReader(body), expfmt.ResponseFormat(header)),
		Opts: &expfmt.DecodeOptions{},
	}
	var all samples
	for {
		var family model.Vector
		err := decoder.Decode(&family)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("read %s/metrics: %v", p.base, err)
		}
		all = append(all, family...)
	}
}

// labelValues returns the sorted, distinct values of a metric's label.
func (s samples) labelValues(metric, label string) []string {
	values := map[string]bool{}
	for _, sample := range s {
		if string(sample.Metric[model.MetricNameLabel]) == metric {
			values[string(sample.Metric[model.LabelName(label)])] = true
		}
	}
	return slices.Sorted(maps.Keys(values))
}

// value returns the value of the metric's first series with this label.
func (s samples) value(metric, label, is string) (float64, error) {
	for _, sample := range s {
		if string(sample.Metric[model.MetricNameLabel]) == metric && string(sample.Metric[model.LabelName(label)]) == is {
			return float64(sample.Value), nil
		}
	}
	return 0, fmt.Errorf("there is no %s{%s=%q}", metric, label, is)
}
