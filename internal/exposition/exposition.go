package exposition

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"

	"datadog_org_connections_exporter/collector"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/policy"
)

// Options say what to expose.
type Options struct {
	// Inventory is exposed without refreshing it. Required.
	Inventory collector.Inventory
	// Judge compares the inventory with a policy. Default: no policy.
	Judge collector.Judge
	// Gatherer is gathered at every scrape. Required.
	Gatherer prometheus.Gatherer
	// HandlerOpts are as for [promhttp.HandlerFor].
	HandlerOpts promhttp.HandlerOpts
}

type handler struct {
	Options
	negotiator http.Handler // promhttp's, of no metrics

	mu      sync.Mutex
	content content
	changes collector.Family                      // of the content
	expiry  time.Time                             // when the changes shown are no longer all of them, zero without any
	encoded map[encoding]func() (*encoded, error) // of the content
}

// New returns a handler of the metrics of [collector.Collector],
// [collector.PolicyCollector] and a gatherer. It responds as [promhttp.HandlerFor]
// does, with the same formats, compressions and filters.
func New(o Options) http.Handler {
	promhttp.HandlerFor(o.Gatherer, o.HandlerOpts) // registers the counter of errors
	options := o.HandlerOpts
	options.Registry = nil
	return &handler{Options: o, negotiator: promhttp.HandlerFor(prometheus.Gatherers{}, options)}
}

// ServeHTTP implements [http.Handler].
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	view := h.Inventory.View() // once, so that all parts show the same
	header, enc := h.negotiate(r)
	if !enc.isCached() || r.URL.Query().Has("name[]") {
		h.uncached(view).ServeHTTP(w, r)
		return
	}
	dynamic := h.dynamic(r, view)
	cached, err := h.cached(view, enc)
	if err != nil || dynamic.status != http.StatusOK {
		h.uncached(view).ServeHTTP(w, r) // reports the error
		return
	}
	maps.Copy(w.Header(), header)
	if enc.compression == promhttp.Gzip {
		writeGzip(w, cached, dynamic.body.Bytes())
	} else {
		write(w, cached.body, dynamic.body.Bytes())
	}
}

// write sends a response in parts.
func write(w http.ResponseWriter, parts ...[]byte) {
	length := 0
	for _, part := range parts {
		length += len(part)
	}
	w.Header().Set("Content-Length", strconv.Itoa(length))
	for _, part := range parts {
		if _, err := w.Write(part); err != nil {
			return // the client is gone
		}
	}
}

// encoding is how a response is encoded.
type encoding struct {
	format      expfmt.Format
	compression promhttp.Compression // empty if not compressed
}

// isCached reports whether responses in this encoding are cached. Protobuf as text,
// for debugging, and other compressions than gzip are not worth it.
func (e encoding) isCached() bool {
	switch e.format.FormatType() {
	case expfmt.TypeTextPlain, expfmt.TypeOpenMetrics, expfmt.TypeProtoDelim:
		return e.compression == "" || e.compression == promhttp.Gzip
	}
	return false
}

// negotiate returns the headers with which promhttp would respond.
func (h *handler) negotiate(r *http.Request) (http.Header, encoding) {
	response := newRecorder()
	h.negotiator.ServeHTTP(response, r)
	return response.header, encoding{
		format:      expfmt.Format(response.header.Get("Content-Type")),
		compression: promhttp.Compression(response.header.Get("Content-Encoding")),
	}
}

// uncached returns promhttp's handler of everything.
func (h *handler) uncached(view inventory.View) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector.New(fixedInventory{view}, 0))
	if h.Judge != nil {
		registry.MustRegister(collector.NewPolicyCollector(fixedInventory{view}, h.Judge))
	}
	return promhttp.HandlerFor(prometheus.Gatherers{h.Gatherer, registry}, h.HandlerOpts)
}

// fixedInventory is an inventory at one moment.
type fixedInventory struct{ view inventory.View }

func (f fixedInventory) Refresh(context.Context) {}
func (f fixedInventory) View() inventory.View    { return f.view }

// dynamic returns promhttp's uncompressed response of what is gathered at every
// scrape.
func (h *handler) dynamic(r *http.Request, view inventory.View) *recorder {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector.ListingsCollector{View: view})
	options := h.HandlerOpts
	options.DisableCompression = true
	response := newRecorder()
	promhttp.HandlerFor(prometheus.Gatherers{h.Gatherer, registry}, options).ServeHTTP(response, r)
	return response
}

// recorder is an [http.ResponseWriter] that keeps the response.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func newRecorder() *recorder { return &recorder{header: http.Header{}, status: http.StatusOK} }

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }

// content is what the cached part shows. It is equal while that is the same.
type content struct {
	snapshot  *inventory.Snapshot
	history   *inventory.History
	policy    *policy.Policy
	judgement *policy.Judgement
}

// cached returns the cached part of a response.
func (h *handler) cached(view inventory.View, enc encoding) (*encoded, error) {
	now := time.Now()
	c := content{snapshot: view.Snapshot, history: view.History}
	if h.Judge != nil {
		c.policy, c.judgement = h.Judge.Judge(view, now)
	}
	return h.encodedFor(c, enc, now)()
}

// encodedFor returns a function that encodes the content when it is first called.
// Encodings of other content are dropped.
func (h *handler) encodedFor(c content, enc encoding, now time.Time) func() (*encoded, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if expired := !h.expiry.IsZero() && !now.Before(h.expiry); h.content != c || h.encoded == nil || expired {
		h.content, h.encoded = c, map[encoding]func() (*encoded, error){}
		h.changes, h.expiry = collector.ChangeFamily(c.history, now)
	}
	if h.encoded[enc] == nil {
		changes := h.changes
		h.encoded[enc] = sync.OnceValues(func() (*encoded, error) {
			families := append(collector.InventoryFamilies(c.snapshot), changes)
			return encode(append(families, collector.PolicyFamilies(c.policy, c.judgement)...), enc)
		})
	}
	return h.encoded[enc]
}
