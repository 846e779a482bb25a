package cli

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"datadog_org_connections_exporter/datadog/fake"
)

const (
	asOpenMetrics = "Accept: application/openmetrics-text; version=1.0.0"
	asProtobuf    = "Accept: application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
)

func TestServe_MetricsShowTheConnections(t *testing.T) {
	of := newAPI(t)
	p := start(t, of.args()...)
	metrics := p.get("/metrics").body // gzipped on the way
	wantConnections(t, of, metrics)
	wantContains(t, "/metrics", metrics,
		"\ndatadog_up{org=\"default\"} 1\n",
		fmt.Sprintf("\ndatadog_listing_connections{org=\"default\"} %d\n", teamConnections),
		"\ndatadog_listing_complete{org=\"default\"} 1\n",
		"\ndatadog_api_requests_total{code=\"200\",org=\"default\"} ",
		"\ndatadog_org_connections_exporter_build_info{",
		"\ngo_goroutines ",
		"\nprocess_start_time_seconds ",
		"\npromhttp_metric_handler_requests_total{",
	)
	for accept, contentType := range map[string]string{
		"Accept: */*": "text/plain; version=0.0.4", asOpenMetrics: "application/openmetrics-text", asProtobuf: "application/vnd.google.protobuf",
	} {
		response := p.get("/metrics", accept)
		if got := response.header.Get("Content-Type"); !strings.HasPrefix(got, contentType) {
			t.Errorf("%s: Content-Type is %q", accept, got)
		}
		for _, c := range of.Visible(of.org) {
			wantContains(t, accept, response.body, c.ID)
		}
	}
	for accepted, want := range map[string]string{"gzip": "gzip", "identity": ""} {
		if got := p.get("/metrics", "Accept-Encoding: "+accepted).header.Get("Content-Encoding"); got != want {
			t.Errorf("Content-Encoding is %q where %s is accepted", got, accepted)
		}
	}
	if n := of.Requests(); n != requestsOfListing {
		t.Errorf("the API got %d requests, want %d", n, requestsOfListing)
	}
}

func TestServe_ListsBeforeTheFirstScrape(t *testing.T) {
	of := newAPI(t)
	p := start(t, of.args()...)
	p.waitUntilReady() // it asks /-/ready alone
	if n := of.Requests(); n != requestsOfListing {
		t.Errorf("the API got %d requests, want %d", n, requestsOfListing)
	}
	page := p.get("/")
	wantContains(t, "the page", page.body, fmt.Sprintf(">%d connections among", teamConnections))
	wantNone(t, "the page", page.body, `class="notice"`)
}

func TestServe_NotReadyHasReasonWhileHealthy(t *testing.T) {
	of := newAPI(t)
	of.DenyPermission(of.org)
	p := start(t, of.args()...)
	poll(t, "/-/ready to tell why not", func() bool {
		ready := p.get("/-/ready")
		if ready.status != http.StatusServiceUnavailable {
			t.Fatalf("/-/ready is %d, want 503", ready.status)
		}
		return strings.Contains(ready.body, "403 Forbidden") && strings.Contains(ready.body, "org_connections_read")
	})
	if healthy := p.get("/-/healthy"); healthy.status != http.StatusOK {
		t.Errorf("/-/healthy is %d, want 200", healthy.status)
	}
	metrics := p.get("/metrics")
	if metrics.status != http.StatusOK {
		t.Errorf("/metrics is %d, want 200", metrics.status)
	}
	wantContains(t, "/metrics", metrics.body, "\ndatadog_up{org=\"default\"} 0\n", "\ndatadog_listing_failures_total{org=\"default\",reason=\"forbidden\"} 1\n")
}

// An outage must look neither like removed connections nor like an exporter that
// is gone.
func TestServe_ConnectionsStayWhileTheAPIFails(t *testing.T) {
	of := newAPI(t)
	p := start(t, of.args("--cache.ttl=1ms")...)
	wantConnections(t, of, p.get("/metrics").body)
	of.RevokeKeys(of.org)
	poll(t, "datadog_up to be 0", func() bool {
		metrics := p.get("/metrics").body
		wantConnections(t, of, metrics)
		return strings.Contains(metrics, "\ndatadog_up{org=\"default\"} 0\n")
	})
	if ready := p.get("/-/ready"); ready.status != http.StatusOK {
		t.Errorf("/-/ready is %d, want 200: there is something to show", ready.status)
	}
	wantContains(t, "the page", p.get("/").body, "failing, last good listing shown")
	of.RestoreKeys(of.org)
	poll(t, "datadog_up to be 1", func() bool {
		return strings.Contains(p.get("/metrics").body, "\ndatadog_up{org=\"default\"} 1\n")
	})
}

// The libraries' lines have their time and caller in another order than ours.
var (
	logfmtLine = regexp.MustCompile(`^level=(debug|info|warn|error) (time=\S+Z caller=\w+\.go:\d+|caller=\w+\.go:\d+ time=\S+Z) (\S+=.* )?msg=("[^"]+"|\w+)( |$)`)
	ownCaller  = regexp.MustCompile(`caller=exporter\.go:\d+ msg="Starting `)
)

func TestLog_IsLogfmt(t *testing.T) {
	p := start(t, newAPI(t).args("--log.level=debug")...)
	p.waitUntilReady()
	p.stop()
	p.waitForEnd()
	log := p.stderr.String()
	for line := range strings.Lines(log) {
		if line = strings.TrimSuffix(line, "\n"); !logfmtLine.MatchString(line) {
			t.Errorf("not a line with level, time, caller and msg: %s", line)
		}
	}
	wantContains(t, "the log", log, `msg="Listening on"`, `msg="Listing succeeded"`, "msg=Stopped")
	if !ownCaller.MatchString(log) {
		t.Errorf("the first line does not say where it was logged:\n%s", log)
	}
	if out := p.stdout.String(); out != "" {
		t.Errorf("stdout has %q, want nothing", out)
	}
}

func TestLog_CanBeJSON(t *testing.T) {
	p := start(t, newAPI(t).args("--log.format=json")...)
	p.waitUntilReady()
	p.stop()
	p.waitForEnd()
	messages := map[any]bool{}
	for line := range strings.Lines(p.stderr.String()) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Errorf("not JSON: %v: %s", err, line)
		}
		for _, key := range []string{"level", "msg", "time", "caller"} {
			if text, ok := entry[key].(string); !ok || text == "" {
				t.Errorf("no %s in %s", key, line)
			}
		}
		messages[entry["msg"]] = true
	}
	for _, want := range []string{"Listening on", "Listing succeeded", "Stopped"} {
		if !messages[want] {
			t.Errorf("there is no message %q in:\n%s", want, p.stderr)
		}
	}
}

func TestLog_IsEmptyAtLevelErrorWithoutErrors(t *testing.T) {
	p := startSilent(t, "demo", "--web.listen-address=127.0.0.1:0", "--log.level=error")
	// The log that would hold the address is empty, so the demo prints it.
	address := regexp.MustCompile(`http://\S+/metrics`)
	p.waitFor(p.stdout, "its address", address.MatchString)
	if _, err := get(client, address.FindString(p.stdout.String())); err != nil {
		t.Fatal(err)
	}
	p.stop()
	p.waitForEnd()
	if log := p.stderr.String(); log != "" {
		t.Errorf("it logs %s", log)
	}
}

// certificate writes the certificate of httptest, for the loopback address, and its key.
func certificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	key, err := x509.MarshalPKCS8PrivateKey(server.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "exporter.crt"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	write(t, filepath.Join(dir, "exporter.key"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	return pool
}

func TestServe_TLSAndBasicAuthOnEveryAddress(t *testing.T) {
	const (
		password = "open sesame"
		// bcrypt of it, at the lowest cost.
		hash = "$2a$04$Dy9db/fhfOd7d7wBb.H7X.59kC4ositI5l1zW9O0pc28k1.VKFora"
	)
	dir := t.TempDir()
	pool := certificate(t, dir)
	config := filepath.Join(dir, "web.yml")
	write(t, config, "tls_server_config:\n  cert_file: exporter.crt\n  key_file: exporter.key\nbasic_auth_users:\n  prometheus: "+hash+"\n")
	of := newAPI(t)
	p := start(t, of.args("--web.listen-address=127.0.0.1:0", "--web.listen-address=127.0.0.1:0", "--web.config.file="+config)...)
	secure := &http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
	}}
	withPassword := func(client *http.Client, url, password string) (answer, error) {
		return get(client, url+"/metrics", "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte("prometheus:"+password)))
	}

	addresses := p.addresses(3)
	var side sync.WaitGroup
	for _, address := range addresses {
		side.Go(func() { // all at once, for the race detector
			right, err := withPassword(secure, "https://"+address, password)
			if err != nil || right.status != http.StatusOK {
				t.Errorf("with the password: %d %v, want 200", right.status, err)
			}
			if err := of.showsConnections(right.body); err != nil {
				t.Error(err)
			}
			if answer, err := get(secure, "https://"+address+"/metrics"); err != nil || answer.status != http.StatusUnauthorized {
				t.Errorf("without a password: %d %v, want 401", answer.status, err)
			}
			if answer, err := withPassword(secure, "https://"+address, "open barley"); err != nil || answer.status != http.StatusUnauthorized {
				t.Errorf("with a wrong password: %d %v, want 401", answer.status, err)
			}
			if answer, err := withPassword(client, "http://"+address, password); err == nil && answer.status == http.StatusOK {
				t.Errorf("without TLS: 200, want none")
			}
		})
	}
	side.Wait()
	if n := of.Requests(); n != requestsOfListing {
		t.Errorf("the API got %d requests, want %d for all addresses", n, requestsOfListing)
	}
	wantNone(t, "the log", p.stderr.String(), password, hash)
}

func TestServe_StopAnswersWaitingScrapes(t *testing.T) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP) // its goroutine never ends
	signal.Stop(signals)
	for name, listed := range map[string]bool{"with the last good listing": true, "before the first listing": false} {
		t.Run(name, func(t *testing.T) {
			goroutines := runtime.NumGoroutine()
			// The API goes first with all that waits in it, so that what is left is
			// the program's.
			t.Run("then ends", func(t *testing.T) {
				of := newAPI(t)
				if !listed {
					of.Inject(fake.Hang())
				}
				p := start(t, of.args("--cache.ttl=1ns")...)
				if listed {
					p.waitUntilReady()
					of.Inject(fake.Hang())
				}
				scrape := make(chan answer, 1)
				asked := of.Requests()
				go func() {
					metrics, err := get(client, p.base+"/metrics", asOpenMetrics)
					if err != nil {
						t.Errorf("the scrape that waited: %v", err)
					}
					scrape <- metrics
				}()
				if listed {
					poll(t, "the scrape to ask Datadog", func() bool { return of.Requests() > asked })
				} else {
					// It waits for the first listing as the start itself does, which
					// shows nowhere else.
					poll(t, "the scrape to arrive", func() bool {
						return slices.ContainsFunc(strings.Split(stacks(), "\n\n"), func(stack string) bool {
							return strings.Contains(stack, "net/http.(*conn).serve(") && strings.Contains(stack, "inventory.(*Inventory).")
						})
					})
				}
				p.stop()
				p.waitForEnd()

				metrics := <-scrape
				if metrics.status != http.StatusOK || !strings.HasSuffix(metrics.body, "\n# EOF\n") {
					t.Errorf("the scrape that waited got %d, want a whole answer:\n%s", metrics.status, metrics.body)
				}
				if listed {
					wantConnections(t, of, metrics.body)
				} else {
					wantContains(t, "/metrics", metrics.body, "\ndatadog_up{org=\"default\"} 0.0\n")
				}
				// Stopping says nothing about the org.
				wantNone(t, "the log", p.stderr.String(), "cut off", "Listing failed", "level=error")
				if _, err := get(client, p.base+"/metrics"); err == nil {
					t.Error("it still answers")
				}
			})
			defer func() {
				if t.Failed() {
					t.Log(stacks())
				}
			}()
			poll(t, "the last goroutine to end", func() bool { return runtime.NumGoroutine() <= goroutines })
		})
	}
}

// stacks are those of all goroutines.
func stacks() string {
	buffer := make([]byte, 1<<20)
	return string(buffer[:runtime.Stack(buffer, true)])
}

// An API, or a proxy before it, that sends back what it got must not make the
// exporter show it.
func TestServe_ShowsNoSecret(t *testing.T) {
	const address = "robin.sample@example.com"
	for name, echo := range map[string]func(w http.ResponseWriter, secrets []string){
		"in an error of the API": func(w http.ResponseWriter, secrets []string) {
			w.WriteHeader(http.StatusForbidden)
			errors, _ := json.Marshal(map[string]any{"errors": secrets})
			_, _ = w.Write(errors)
		},
		"in the headers of a redirect": func(w http.ResponseWriter, secrets []string) {
			w.Header().Set("Location", "https://example.com/?keys="+strings.Join(secrets, ","))
			w.Header().Set("Content-Type", strings.Join(secrets, " "))
			w.WriteHeader(http.StatusFound)
		},
	} {
		t.Run(name, func(t *testing.T) {
			account, hub := fake.Star(fake.Options{}, teamConnections, 1)
			robin := account.AddUser(fake.User{Name: "Robin", Email: address})
			peer := account.AddOrg(fake.Org{})
			account.AddConnection(fake.Connection{SourceID: peer, SinkID: hub, CreatorID: robin})
			keys := account.Keys(hub)

			// It answers well first, so that what it tells about people is known.
			var mu sync.Mutex
			echoing := false
			of := serveAPI(t, account, hub, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				if !echoing {
					account.ServeHTTP(w, r)
					return
				}
				echo(w, []string{r.Header.Get("DD-API-KEY"), r.Header.Get("DD-APPLICATION-KEY"), address})
			}))
			secrets := []string{keys.API, keys.App, address, "@example.com"}
			look := func(p *program) {
				wantNone(t, "/metrics", p.get("/metrics").body, secrets...)
				wantNone(t, "/metrics as protobuf", p.get("/metrics", asProtobuf).body, secrets...)
				wantNone(t, "the page", p.get("/").body, secrets...)
				wantNone(t, "/-/ready", p.get("/-/ready").body, secrets...)
				wantNone(t, "the log", p.stderr.String(), secrets...)
			}

			good := start(t, of.args("--log.level=debug")...)
			wantConnections(t, of, good.get("/metrics").body)
			look(good)

			mu.Lock()
			echoing = true
			mu.Unlock()
			bad := start(t, of.args("--log.level=debug")...)
			poll(t, "the failure to be told", func() bool {
				return strings.Contains(bad.stderr.String(), "Listing failed")
			})
			look(bad)
			wantContains(t, "/-/ready", bad.get("/-/ready").body, "not ready: GET http://")
		})
	}
}
