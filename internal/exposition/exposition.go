package exposition

import (
	"context"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"

	"datadog_org_connections_exporter/collector"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/policy"
)

// Options say what to show.
type Options struct {
	// Inventory to show as it is known, without refreshing it. Required.
	Inventory collector.Inventory
	// Judge holds the inventory against a policy. Default: there is none.
	Judge collector.Judge
	// Others are gathered at every scrape, with the listings. Required; it may be
	// empty.
	Others *prometheus.Registry
	// HandlerOpts is how to answer. Compression is offered as promhttp does by default.
	HandlerOpts promhttp.HandlerOpts
}

// Handler answers scrapes. It shows what [collector.Collector] and [collector.PolicyCollector] do, with
// what else is gathered, in the formats, encodings and selections that
// [promhttp.HandlerFor] offers.
//
// The inventory, and what a policy makes of it, are long and change seldom: they
// are encoded and compressed once for each way they are asked for, and sent as they
// are until they change. Only the rest is gathered at every scrape.
type Handler struct {
	Options
	nothing http.Handler // answers as promhttp does, without any metric

	mu      sync.Mutex
	content content                // that the renderings are of
	made    map[variant]renderOnce // as they were asked for
}

// New makes one that has encoded nothing yet.
func New(o Options) *Handler {
	options := o.HandlerOpts
	options.Registry = nil
	promhttp.HandlerFor(o.Others, o.HandlerOpts) // registers what counts errors
	return &Handler{Options: o, nothing: promhttp.HandlerFor(prometheus.Gatherers{}, options)}
}

// ServeHTTP implements [http.Handler].
func (e *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	view := e.Inventory.View() // the one that all parts of the answer show
	agreed, way := e.negotiate(r)
	if !way.kept() || r.URL.Query().Has("name[]") {
		e.gathered(view).ServeHTTP(w, r)
		return
	}
	live := e.live(r, view)
	if live.status != http.StatusOK {
		live.send(w)
		return
	}
	steady, err := e.rendering(view, way)
	if err != nil {
		e.gathered(view).ServeHTTP(w, r) // which tells what is wrong
		return
	}
	maps.Copy(w.Header(), agreed)
	if way.compressed {
		sendCompressed(w, steady, live.body.Bytes())
	} else {
		sendPlain(w, steady, live.body.Bytes())
	}
}

// variant is a way to send the same.
type variant struct {
	format     expfmt.Format
	compressed bool
}

// negotiate gives the headers with which promhttp would answer.
func (e *Handler) negotiate(r *http.Request) (http.Header, variant) {
	answer := newCaptured()
	e.nothing.ServeHTTP(answer, r)
	encoding := answer.Header().Get("Content-Encoding")
	v := variant{format: expfmt.Format(answer.Header().Get("Content-Type")), compressed: encoding != ""}
	if v.compressed && encoding != string(promhttp.Gzip) {
		v.format = "" // none that we keep
	}
	return answer.Header(), v
}

// kept tells whether what is sent so is worth keeping. Formats for people's eyes
// are not.
func (v variant) kept() bool {
	switch v.format.FormatType() {
	case expfmt.TypeTextPlain, expfmt.TypeOpenMetrics, expfmt.TypeProtoDelim:
		return true
	}
	return false
}

// gathered answers in the ordinary way.
func (e *Handler) gathered(view inventory.View) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector.New(fixed{view}, 0))
	if e.Judge != nil {
		registry.MustRegister(collector.NewPolicyCollector(fixed{view}, e.Judge))
	}
	return promhttp.HandlerFor(prometheus.Gatherers{e.Others, registry}, e.HandlerOpts)
}

// fixed is an inventory at one moment.
type fixed struct{ view inventory.View }

func (f fixed) Refresh(context.Context) {}
func (f fixed) View() inventory.View    { return f.view }

// live gives what is gathered at every scrape, in the format that was agreed on.
func (e *Handler) live(r *http.Request, view inventory.View) *captured {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector.ListingsCollector{View: view})
	options := e.HandlerOpts
	options.DisableCompression = true
	answer := newCaptured()
	promhttp.HandlerFor(prometheus.Gatherers{e.Others, registry}, options).ServeHTTP(answer, r)
	return answer
}

// rendering gives the steady part.
func (e *Handler) rendering(view inventory.View, way variant) (*rendering, error) {
	now := content{snapshot: view.Snapshot}
	if e.Judge != nil {
		now.rules, now.judgement = e.Judge.Judge(view, time.Now())
	}
	return e.once(now, way)()
}

// content is what the steady part depends on. It is equal as long as that is the
// same.
type content struct {
	snapshot  *inventory.Snapshot
	rules     *policy.Policy
	judgement *policy.Judgement
}

func (c content) families() []collector.Family {
	return append(collector.InventoryFamilies(c.snapshot), collector.PolicyFamilies(c.rules, c.judgement)...)
}

type renderOnce func() (*rendering, error)

// once gives what renders the content when it is first asked to. What was made of
// an earlier one is dropped first: there are never two of them in every format.
func (e *Handler) once(now content, way variant) renderOnce {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.content != now || e.made == nil {
		e.content, e.made = now, map[variant]renderOnce{}
	}
	if e.made[way] == nil {
		e.made[way] = sync.OnceValues(func() (*rendering, error) {
			return render(now.families(), way.format, way.compressed)
		})
	}
	return e.made[way]
}
