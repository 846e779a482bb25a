package web_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/web"
)

// stubInventory has a fixed view, and counts refreshes.
type stubInventory struct {
	view      inventory.View
	refresh   func(ctx context.Context) // may be nil
	refreshes atomic.Int32
}

func (s *stubInventory) Refresh(ctx context.Context) {
	s.refreshes.Add(1)
	if s.refresh != nil {
		s.refresh(ctx)
	}
}

func (s *stubInventory) View() inventory.View { return s.view }

const metricsBody = "the metrics\n"

// newHandler serves a stub inventory, and metricsBody as its metrics.
func newHandler(i *stubInventory, change ...func(*web.Options)) http.Handler {
	o := web.Options{
		Inventory: i,
		Metrics:   http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, metricsBody) }),
	}
	for _, apply := range change {
		apply(&o)
	}
	return web.New(o)
}

func do(t *testing.T, handler http.Handler, method, path string) *httptest.ResponseRecorder {
	t.Helper()
	response := httptest.NewRecorder()
	handler.ServeHTTP(response, httptest.NewRequestWithContext(t.Context(), method, path, nil))
	return response
}

func wantStatus(t *testing.T, response *httptest.ResponseRecorder, want int) {
	t.Helper()
	if response.Code != want {
		t.Errorf("status is %d, want %d; body: %s", response.Code, want, response.Body)
	}
}

func listed(org string, began time.Time) inventory.OrgState {
	return inventory.OrgState{Name: org, Up: true, Listing: &datadog.Listing{Began: began, Complete: true}}
}

func viewOf(orgs ...inventory.OrgState) inventory.View {
	return inventory.View{Snapshot: &inventory.Snapshot{}, Orgs: orgs}
}

func TestMetrics_WaitForTheRefreshWithinTheScrapeTimeout(t *testing.T) {
	const maxWait = 20 * time.Second
	for name, test := range map[string]struct {
		header string
		want   time.Duration
	}{
		"less the margin":                       {"10", 9500 * time.Millisecond},
		"in fractions of a second":              {"2.5", 2 * time.Second},
		"half a timeout below twice the margin": {"0.6", 300 * time.Millisecond},
		"no longer than maxWait":                {"60", maxWait},
		"maxWait and the margin":                {"20.5", maxWait},
		"less the margin from maxWait":          {"20", maxWait - 500*time.Millisecond},
		"no overflow":                           {"1e300", maxWait},
		"infinity":                              {"Inf", maxWait},
		"no timeout":                            {"", maxWait},
		"zero":                                  {"0", maxWait},
		"negative":                              {"-5", maxWait},
		"not a number":                          {"NaN", maxWait},
		"nonsense":                              {"ten", maxWait},
		"with a unit":                           {"10s", maxWait},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				inv := &stubInventory{refresh: func(ctx context.Context) { <-ctx.Done() }}
				request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
				request.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", test.header)
				response := httptest.NewRecorder()

				began := time.Now()
				newHandler(inv, func(o *web.Options) { o.MaxWait = maxWait }).ServeHTTP(response, request)

				if waited := time.Since(began); waited != test.want {
					t.Errorf("it waited %v, want %v", waited, test.want)
				}
				if response.Code != http.StatusOK || response.Body.String() != metricsBody {
					t.Errorf("the response is %d %q, want the metrics all the same", response.Code, response.Body)
				}
			})
		})
	}
}

func TestMetrics_Wait30sByDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		inv := &stubInventory{refresh: func(ctx context.Context) { <-ctx.Done() }}
		wantStatus(t, do(t, newHandler(inv), http.MethodGet, "/metrics"), http.StatusOK)
		if waited := time.Since(began); waited != 30*time.Second {
			t.Errorf("it waited %v, want 30s", waited)
		}
	})
}

func TestMetrics_DoNotWaitOnceTheRefreshIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		inv := &stubInventory{refresh: func(context.Context) {
			time.Sleep(2 * time.Second) // virtual
		}}
		wantStatus(t, do(t, newHandler(inv), http.MethodGet, "/metrics"), http.StatusOK)
		if waited := time.Since(began); waited != 2*time.Second {
			t.Errorf("it waited %v, want 2s", waited)
		}
	})
}

func TestMetrics_AreGatheredAfterTheRefresh(t *testing.T) {
	var order []string
	inv := &stubInventory{refresh: func(context.Context) { order = append(order, "refreshed") }}
	handler := newHandler(inv, func(o *web.Options) {
		o.Metrics = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { order = append(order, "gathered") })
	})
	do(t, handler, http.MethodGet, "/metrics")
	if got := strings.Join(order, ", "); got != "refreshed, gathered" {
		t.Errorf("order: %s, want refreshed, gathered", got)
	}
}

func TestMetrics_StopWaitingWhenTheRequestIsCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var end error
		inv := &stubInventory{refresh: func(ctx context.Context) {
			<-ctx.Done()
			end = ctx.Err()
		}}
		client, leave := context.WithCancel(t.Context())
		time.AfterFunc(3*time.Second, leave)
		began := time.Now()
		response := httptest.NewRecorder()
		newHandler(inv).ServeHTTP(response, httptest.NewRequestWithContext(client, http.MethodGet, "/metrics", nil))

		if waited := time.Since(began); waited != 3*time.Second || !errors.Is(end, context.Canceled) {
			t.Errorf("the context of the refresh ended after %v with %v, want after 3s with %v", waited, end, context.Canceled)
		}
		// The context also ends when the exporter shuts down, while the client waits.
		if response.Body.String() != metricsBody {
			t.Errorf("the response is %q, want the metrics all the same", response.Body)
		}
	})
}

func TestReady_OnceThereIsAListingAndHealthyAlways(t *testing.T) {
	refused := errors.New("403 Forbidden: check the permission <org_connections_read>")
	stale := listed("acme", time.Now().Add(-24*time.Hour))
	stale.Up, stale.Stale, stale.Err = false, true, refused
	for name, test := range map[string]struct {
		view   inventory.View
		status int
		says   string
	}{
		"without any org":          {viewOf(), http.StatusOK, "ready"},
		"before the first listing": {viewOf(inventory.OrgState{Name: "acme"}), http.StatusServiceUnavailable, "is not done yet"},
		"after a first failure":    {viewOf(inventory.OrgState{Name: "acme", Err: refused}), http.StatusServiceUnavailable, refused.Error()},
		"after the first success":  {viewOf(listed("acme", time.Now())), http.StatusOK, "ready"},
		// A restart would lose the last good listing.
		"with a stale listing": {viewOf(stale), http.StatusOK, "ready"},
		"with one org of two":  {viewOf(inventory.OrgState{Name: "other", Err: refused}, listed("acme", time.Now())), http.StatusOK, "ready"},
	} {
		t.Run(name, func(t *testing.T) {
			response := do(t, newHandler(&stubInventory{view: test.view}), http.MethodGet, "/-/ready")
			wantStatus(t, response, test.status)
			wantStatus(t, do(t, newHandler(&stubInventory{view: test.view}), http.MethodGet, "/-/healthy"), http.StatusOK)
			if !strings.Contains(response.Body.String(), test.says) {
				t.Errorf("the body is %q, want it to say %q", response.Body, test.says)
			}
			// The reason may quote a response of the API: it must not be taken for HTML.
			if kind := response.Result().Header.Get("Content-Type"); test.status != http.StatusOK && !strings.HasPrefix(kind, "text/plain") {
				t.Errorf("Content-Type is %q, want text/plain", kind)
			}
		})
	}
}

func TestRoutes_OnlyScrapesRefresh(t *testing.T) {
	inv := &stubInventory{view: viewOf(listed("acme", time.Now()))}
	handler := newHandler(inv)
	for _, path := range []string{"/", "/-/healthy", "/-/ready", "/favicon.ico"} {
		do(t, handler, http.MethodGet, path)
	}
	do(t, handler, http.MethodPost, "/metrics")
	if n := inv.refreshes.Load(); n != 0 {
		t.Errorf("%d refreshes, want none", n)
	}
	do(t, handler, http.MethodGet, "/metrics")
	if n := inv.refreshes.Load(); n != 1 {
		t.Errorf("%d refreshes after a scrape, want 1", n)
	}
}

func TestRoutes_AnswerGETAndHEADOfKnownPaths(t *testing.T) {
	handler := newHandler(&stubInventory{view: viewOf()})
	for _, path := range []string{"/metric", "/metrics/", "/-/", "/-/ready/soon", "/index.html", "/%2e%2e/etc/passwd"} {
		t.Run("GET "+path, func(t *testing.T) {
			wantStatus(t, do(t, handler, http.MethodGet, path), http.StatusNotFound)
		})
	}
	for _, path := range []string{"/metrics", "/", "/-/ready", "/-/healthy"} {
		for method, want := range map[string]int{http.MethodHead: 200, http.MethodPost: 405, http.MethodPut: 405, http.MethodDelete: 405} {
			t.Run(method+" "+path, func(t *testing.T) {
				wantStatus(t, do(t, handler, method, path), want)
			})
		}
	}
}

func TestMetricsPath(t *testing.T) {
	inv := &stubInventory{view: viewOf()}
	handler := newHandler(inv, func(o *web.Options) { o.MetricsPath = "/who/shares" })
	if response := do(t, handler, http.MethodGet, "/who/shares"); response.Body.String() != metricsBody || inv.refreshes.Load() != 1 {
		t.Errorf("the response is %q after %d refreshes, want refreshed metrics", response.Body, inv.refreshes.Load())
	}
	wantStatus(t, do(t, handler, http.MethodGet, "/metrics"), http.StatusNotFound)
	if page := do(t, handler, http.MethodGet, "/").Body.String(); !strings.Contains(page, `<a href="./who/shares">`) {
		t.Errorf("the page does not link to /who/shares:\n%s", page)
	}
}

func TestDiscovery_ListsEveryOrgAtTheRequestedAddress(t *testing.T) {
	inv := &stubInventory{view: viewOf(listed("a", time.Now()), listed(`b "quoted" & ü`, time.Now()))}
	response := do(t, newHandler(inv), http.MethodGet, "https://exporter.example.com:8443/sd")
	wantStatus(t, response, http.StatusOK)
	want := `[{"targets":["exporter.example.com:8443"],"labels":{"__metrics_path__":"/probe","__param_org":"a","__scheme__":"https","instance":"a"}},` +
		`{"targets":["exporter.example.com:8443"],"labels":{"__metrics_path__":"/probe","__param_org":"b \"quoted\" \u0026 ü","__scheme__":"https","instance":"b \"quoted\" \u0026 ü"}}]`
	if got := strings.TrimSpace(response.Body.String()); got != want || response.Header().Get("Content-Type") != "application/json" {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := do(t, newHandler(&stubInventory{view: viewOf()}), http.MethodGet, "/sd").Body.String(); got != "[]\n" {
		t.Errorf("the targets of no org are %q", got)
	}
	if inv.refreshes.Load() != 0 {
		t.Error("discovery refreshes the inventory")
	}
}

func TestProbe_RefreshesOneOrg(t *testing.T) {
	all, org := &stubInventory{view: viewOf()}, &stubInventory{}
	handler := newHandler(all, func(o *web.Options) {
		o.Probe = func(name string) (web.Target, bool) {
			return web.Target{Inventory: org, Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "metrics of "+name) })}, name == "a b"
		}
	})
	response := do(t, handler, http.MethodGet, "/probe?org=a+b")
	wantStatus(t, response, http.StatusOK)
	if response.Body.String() != "metrics of a b" || org.refreshes.Load() != 1 || all.refreshes.Load() != 0 {
		t.Errorf("%q after %d refreshes of the org and %d of all orgs", response.Body, org.refreshes.Load(), all.refreshes.Load())
	}
	wantStatus(t, do(t, handler, http.MethodGet, "/probe?org=nobody"), http.StatusNotFound)
	wantStatus(t, do(t, handler, http.MethodGet, "/probe"), http.StatusBadRequest)
}

func TestReload(t *testing.T) {
	reloads := 0
	var failure error
	enabled := newHandler(&stubInventory{}, func(o *web.Options) {
		o.Reload = func() error { reloads++; return failure }
	})
	wantStatus(t, do(t, enabled, http.MethodPost, "/-/reload"), http.StatusOK)
	wantStatus(t, do(t, enabled, http.MethodPut, "/-/reload"), http.StatusOK)
	wantStatus(t, do(t, enabled, http.MethodGet, "/-/reload"), http.StatusMethodNotAllowed)
	if reloads != 2 {
		t.Errorf("%d reloads", reloads)
	}
	failure = errors.New("orgs.yml:3: unknown field")
	failed := do(t, enabled, http.MethodPost, "/-/reload")
	wantStatus(t, failed, http.StatusInternalServerError)
	if !strings.Contains(failed.Body.String(), failure.Error()) {
		t.Errorf("the response is %q", failed.Body)
	}
	wantStatus(t, do(t, newHandler(&stubInventory{}), http.MethodPost, "/-/reload"), http.StatusForbidden)
}
