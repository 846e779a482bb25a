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

// stubInventory knows what the test says, and counts refreshes.
type stubInventory struct {
	view      inventory.View
	refresh   func(ctx context.Context) // nil: done at once
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

// handlerOf serves what the stub knows, and in place of metrics always the same.
func handlerOf(i *stubInventory, change ...func(*web.Options)) http.Handler {
	o := web.Options{
		Inventory: i,
		Metrics:   http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, metricsBody) }),
	}
	for _, apply := range change {
		apply(&o)
	}
	return web.New(o)
}

func ask(t *testing.T, handler http.Handler, method, path string) *httptest.ResponseRecorder {
	t.Helper()
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), method, path, nil))
	return answer
}

func wantStatus(t *testing.T, answer *httptest.ResponseRecorder, want int) {
	t.Helper()
	if answer.Code != want {
		t.Errorf("status is %d, want %d; body: %s", answer.Code, want, answer.Body)
	}
}

func listed(org string, began time.Time) inventory.OrgState {
	return inventory.OrgState{Name: org, Up: true, Listing: &datadog.Listing{Began: began, Complete: true}}
}

func viewOf(orgs ...inventory.OrgState) inventory.View {
	return inventory.View{Snapshot: &inventory.Snapshot{}, Orgs: orgs}
}

func TestAScrapeWaitsForTheRefreshAsLongAsTheScraperHasTime(t *testing.T) {
	const maxWait = 30 * time.Second
	for name, test := range map[string]struct {
		header string
		want   time.Duration
	}{
		"less the margin":                                   {"10", 9500 * time.Millisecond},
		"in fractions of a second":                          {"2.5", 2 * time.Second},
		"half of it, where the margin would take more":      {"0.6", 300 * time.Millisecond},
		"no longer than a listing may take":                 {"60", maxWait},
		"and as long as that where the margin is left over": {"30.5", maxWait},
		"less the margin just below":                        {"30", maxWait - 500*time.Millisecond},
		"and a lot is no overflow":                          {"1e300", maxWait},
		"and infinity neither":                              {"Inf", maxWait},
		"unless it does not say":                            {"", maxWait},
		"unless it has none":                                {"0", maxWait},
		"unless it has less than none":                      {"-5", maxWait},
		"unless it is no number":                            {"NaN", maxWait},
		"unless it is nonsense":                             {"ten", maxWait},
		"unless it has a unit":                              {"10s", maxWait},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				known := &stubInventory{refresh: func(ctx context.Context) { <-ctx.Done() }}
				request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
				request.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", test.header)
				answer := httptest.NewRecorder()

				began := time.Now()
				handlerOf(known, func(o *web.Options) { o.MaxWait = maxWait }).ServeHTTP(answer, request)

				if waited := time.Since(began); waited != test.want {
					t.Errorf("it waited %v, want %v", waited, test.want)
				}
				if answer.Code != http.StatusOK || answer.Body.String() != metricsBody {
					t.Errorf("the answer is %d %q, want the metrics all the same", answer.Code, answer.Body)
				}
			})
		})
	}
}

func TestAScrapeWaitsHalfAMinuteWhereNothingElseIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		known := &stubInventory{refresh: func(ctx context.Context) { <-ctx.Done() }}
		wantStatus(t, ask(t, handlerOf(known), http.MethodGet, "/metrics"), http.StatusOK)
		if waited := time.Since(began); waited != 30*time.Second {
			t.Errorf("it waited %v, want 30s", waited)
		}
	})
}

func TestAScrapeDoesNotWaitOnceTheRefreshIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		known := &stubInventory{refresh: func(context.Context) {
			time.Sleep(2 * time.Second) // virtual
		}}
		wantStatus(t, ask(t, handlerOf(known), http.MethodGet, "/metrics"), http.StatusOK)
		if waited := time.Since(began); waited != 2*time.Second {
			t.Errorf("it waited %v, want 2s", waited)
		}
	})
}

func TestMetricsAreGatheredAfterTheRefreshNotBefore(t *testing.T) {
	var order []string
	known := &stubInventory{refresh: func(context.Context) { order = append(order, "refreshed") }}
	handler := handlerOf(known, func(o *web.Options) {
		o.Metrics = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { order = append(order, "gathered") })
	})
	ask(t, handler, http.MethodGet, "/metrics")
	if got := strings.Join(order, ", "); got != "refreshed, gathered" {
		t.Errorf("order: %s, want refreshed, gathered", got)
	}
}

func TestAScraperThatHasGoneEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var end error
		known := &stubInventory{refresh: func(ctx context.Context) {
			<-ctx.Done()
			end = ctx.Err()
		}}
		client, leave := context.WithCancel(t.Context())
		time.AfterFunc(3*time.Second, leave)
		began := time.Now()
		answer := httptest.NewRecorder()
		handlerOf(known).ServeHTTP(answer, httptest.NewRequestWithContext(client, http.MethodGet, "/metrics", nil))

		if waited := time.Since(began); waited != 3*time.Second || !errors.Is(end, context.Canceled) {
			t.Errorf("the refresh's context ended after %v with %v, want after 3s with %v", waited, end, context.Canceled)
		}
		// The program's own stop ends the wait in the same way, and then the
		// scraper is still there.
		if answer.Body.String() != metricsBody {
			t.Errorf("the answer is %q, want the metrics all the same", answer.Body)
		}
	})
}

func TestHealthyNeverDependsOnDatadog(t *testing.T) {
	for name, view := range map[string]inventory.View{
		"before the first listing": viewOf(inventory.OrgState{Name: "acme"}),
		"while listing fails":      viewOf(inventory.OrgState{Name: "acme", Err: errors.New("no way through")}),
		"while all is well":        viewOf(listed("acme", time.Now())),
		"without any org":          viewOf(),
	} {
		t.Run(name, func(t *testing.T) {
			wantStatus(t, ask(t, handlerOf(&stubInventory{view: view}), http.MethodGet, "/-/healthy"), http.StatusOK)
		})
	}
}

func TestReadyTellsWhetherThereIsAnInventory(t *testing.T) {
	refused := errors.New("403 Forbidden: check the permission <org_connections_read>")
	stale := listed("acme", time.Now().Add(-24*time.Hour))
	stale.Up, stale.Stale, stale.Err = false, true, refused
	for name, test := range map[string]struct {
		view   inventory.View
		status int
		says   string
	}{
		"not before the first listing":  {viewOf(inventory.OrgState{Name: "acme"}), http.StatusServiceUnavailable, "is not done yet"},
		"not while the first ones fail": {viewOf(inventory.OrgState{Name: "acme", Err: refused}), http.StatusServiceUnavailable, refused.Error()},
		"after the first success":       {viewOf(listed("acme", time.Now())), http.StatusOK, "ready"},
		// Being restarted or taken out of service would lose what is known.
		"for ever after":              {viewOf(stale), http.StatusOK, "ready"},
		"with one org of two as well": {viewOf(inventory.OrgState{Name: "other", Err: refused}, listed("acme", time.Now())), http.StatusOK, "ready"},
	} {
		t.Run(name, func(t *testing.T) {
			answer := ask(t, handlerOf(&stubInventory{view: test.view}), http.MethodGet, "/-/ready")
			wantStatus(t, answer, test.status)
			if !strings.Contains(answer.Body.String(), test.says) {
				t.Errorf("the body is %q, want it to say %q", answer.Body, test.says)
			}
			// The reason holds what others sent: it must not be taken for HTML.
			if kind := answer.Result().Header.Get("Content-Type"); test.status != http.StatusOK && !strings.HasPrefix(kind, "text/plain") {
				t.Errorf("Content-Type is %q, want text/plain", kind)
			}
		})
	}
}

func TestOnlyScrapesRefresh(t *testing.T) {
	known := &stubInventory{view: viewOf(listed("acme", time.Now()))}
	handler := handlerOf(known)
	for _, path := range []string{"/", "/-/healthy", "/-/ready", "/favicon.ico"} {
		ask(t, handler, http.MethodGet, path)
	}
	ask(t, handler, http.MethodPost, "/metrics")
	if n := known.refreshes.Load(); n != 0 {
		t.Errorf("%d refreshes, want none", n)
	}
	ask(t, handler, http.MethodGet, "/metrics")
	if n := known.refreshes.Load(); n != 1 {
		t.Errorf("%d refreshes after a scrape, want 1", n)
	}
}

func TestUnknownPathsAndOtherMethodsAreRefused(t *testing.T) {
	handler := handlerOf(&stubInventory{view: viewOf()})
	for _, path := range []string{"/metric", "/metrics/", "/-/", "/-/ready/soon", "/index.html", "/%2e%2e/etc/passwd"} {
		t.Run("GET "+path, func(t *testing.T) {
			wantStatus(t, ask(t, handler, http.MethodGet, path), http.StatusNotFound)
		})
	}
	for _, path := range []string{"/metrics", "/", "/-/ready", "/-/healthy"} {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
			t.Run(method+" "+path, func(t *testing.T) {
				wantStatus(t, ask(t, handler, method, path), http.StatusMethodNotAllowed)
			})
		}
	}
}

func TestHEADAnswersAsGETWithoutABody(t *testing.T) {
	server := httptest.NewServer(handlerOf(&stubInventory{view: viewOf(listed("acme", time.Now()))}))
	defer server.Close()
	for _, path := range []string{"/metrics", "/", "/-/ready", "/-/healthy"} {
		t.Run(path, func(t *testing.T) {
			answer, err := http.Head(server.URL + path)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			body, err := io.ReadAll(answer.Body)
			if err != nil || answer.StatusCode != http.StatusOK || len(body) != 0 {
				t.Errorf("the answer is %d %q, %v; want 200 without a body", answer.StatusCode, body, err)
			}
		})
	}
}

func TestMetricsCanBeElsewhere(t *testing.T) {
	known := &stubInventory{view: viewOf()}
	handler := handlerOf(known, func(o *web.Options) { o.MetricsPath = "/who/shares" })
	if answer := ask(t, handler, http.MethodGet, "/who/shares"); answer.Body.String() != metricsBody || known.refreshes.Load() != 1 {
		t.Errorf("the answer is %q after %d refreshes, want refreshed metrics", answer.Body, known.refreshes.Load())
	}
	wantStatus(t, ask(t, handler, http.MethodGet, "/metrics"), http.StatusNotFound)
	if page := ask(t, handler, http.MethodGet, "/").Body.String(); !strings.Contains(page, `<a href="/who/shares">`) {
		t.Errorf("the landing page does not link to /who/shares:\n%s", page)
	}
}

func TestDiscoveryListsEveryOrgAtTheAddressThatWasAsked(t *testing.T) {
	known := &stubInventory{view: viewOf(listed("a", time.Now()), listed(`b "quoted" & ü`, time.Now()))}
	answer := ask(t, handlerOf(known), http.MethodGet, "https://exporter.example.com:8443/sd")
	wantStatus(t, answer, http.StatusOK)
	want := `[{"targets":["exporter.example.com:8443"],"labels":{"__metrics_path__":"/probe","__param_org":"a","__scheme__":"https","instance":"a"}},` +
		`{"targets":["exporter.example.com:8443"],"labels":{"__metrics_path__":"/probe","__param_org":"b \"quoted\" \u0026 ü","__scheme__":"https","instance":"b \"quoted\" \u0026 ü"}}]`
	if got := strings.TrimSpace(answer.Body.String()); got != want || answer.Header().Get("Content-Type") != "application/json" {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := ask(t, handlerOf(&stubInventory{view: viewOf()}), http.MethodGet, "/sd").Body.String(); got != "[]\n" {
		t.Errorf("no org is %q", got)
	}
	if known.refreshes.Load() != 0 {
		t.Error("discovery refreshes the inventory")
	}
}

func TestAProbeRefreshesAndShowsOneOrg(t *testing.T) {
	whole, part := &stubInventory{view: viewOf()}, &stubInventory{}
	handler := handlerOf(whole, func(o *web.Options) {
		o.Probe = func(org string) (web.Probed, bool) {
			return web.Probed{Inventory: part, Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "metrics of "+org) })}, org == "a b"
		}
	})
	answer := ask(t, handler, http.MethodGet, "/probe?org=a+b")
	wantStatus(t, answer, http.StatusOK)
	if answer.Body.String() != "metrics of a b" || part.refreshes.Load() != 1 || whole.refreshes.Load() != 0 {
		t.Errorf("%q after %d refreshes of the part and %d of the whole", answer.Body, part.refreshes.Load(), whole.refreshes.Load())
	}
	wantStatus(t, ask(t, handler, http.MethodGet, "/probe?org=nobody"), http.StatusNotFound)
	wantStatus(t, ask(t, handler, http.MethodGet, "/probe"), http.StatusBadRequest)
}

func TestReloading(t *testing.T) {
	reloads := 0
	var failure error
	enabled := handlerOf(&stubInventory{}, func(o *web.Options) {
		o.Reload = func() error { reloads++; return failure }
	})
	wantStatus(t, ask(t, enabled, http.MethodPost, "/-/reload"), http.StatusOK)
	wantStatus(t, ask(t, enabled, http.MethodPut, "/-/reload"), http.StatusOK)
	wantStatus(t, ask(t, enabled, http.MethodGet, "/-/reload"), http.StatusMethodNotAllowed)
	if reloads != 2 {
		t.Errorf("%d reloads", reloads)
	}
	failure = errors.New("orgs.yml:3: what is this")
	failed := ask(t, enabled, http.MethodPost, "/-/reload")
	wantStatus(t, failed, http.StatusInternalServerError)
	if !strings.Contains(failed.Body.String(), failure.Error()) {
		t.Errorf("the answer is %q", failed.Body)
	}
	wantStatus(t, ask(t, handlerOf(&stubInventory{}), http.MethodPost, "/-/reload"), http.StatusForbidden)
}
