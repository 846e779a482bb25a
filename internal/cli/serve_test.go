package cli

import (
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
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
	"time"

	"datadog_org_connections_exporter/datadog/fake"
)

const (
	asOpenMetrics = "Accept: application/openmetrics-text; version=1.0.0"
	asProtobuf    = "Accept: application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
)

func TestServe_MetricsShowTheConnections(t *testing.T) {
	of := newAPI(t)
	p := start(t, of.args()...)

	t.Run("as text", func(t *testing.T) {
		metrics := p.get("/metrics")
		if kind := metrics.header.Get("Content-Type"); !strings.HasPrefix(kind, "text/plain; version=0.0.4") {
			t.Errorf("Content-Type is %q", kind)
		}
		wantConnections(t, of, metrics.body)
		for _, want := range []string{
			"\ndatadog_up{org=\"default\"} 1\n",
			fmt.Sprintf("\ndatadog_listing_connections{org=\"default\"} %d\n", teamConnections),
			"\ndatadog_listing_complete{org=\"default\"} 1\n",
			"\ndatadog_api_requests_total{code=\"200\",org=\"default\"} ",
			"\ndatadog_org_connections_exporter_build_info{",
			"\ngo_goroutines ",
			"\nprocess_start_time_seconds ",
			"\npromhttp_metric_handler_requests_total{",
		} {
			wantContains(t, "/metrics", metrics.body, want)
		}
	})
	t.Run("as OpenMetrics", func(t *testing.T) {
		metrics := p.get("/metrics", asOpenMetrics)
		if kind := metrics.header.Get("Content-Type"); !strings.HasPrefix(kind, "application/openmetrics-text") {
			t.Errorf("Content-Type is %q", kind)
		}
		wantConnections(t, of, metrics.body)
		if !strings.HasSuffix(metrics.body, "\n# EOF\n") {
			t.Error("they do not end with # EOF")
		}
	})
	t.Run("as protobuf", func(t *testing.T) {
		metrics := p.get("/metrics", asProtobuf)
		if kind := metrics.header.Get("Content-Type"); !strings.HasPrefix(kind, "application/vnd.google.protobuf") {
			t.Errorf("Content-Type is %q", kind)
		}
		// Strings are in it as they are.
		for _, c := range of.Visible(of.org) {
			wantContains(t, "the protobuf", metrics.body, c.ID)
		}
		wantContains(t, "the protobuf", metrics.body, "datadog_org_connections")
	})
	t.Run("gzipped where asked for", func(t *testing.T) {
		metrics := p.get("/metrics", "Accept-Encoding: gzip")
		if encoding := metrics.header.Get("Content-Encoding"); encoding != "gzip" {
			t.Fatalf("Content-Encoding is %q", encoding)
		}
		unzip, err := gzip.NewReader(strings.NewReader(metrics.body))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(unzip)
		if err != nil {
			t.Fatal(err)
		}
		wantConnections(t, of, string(body))
		if plain := p.get("/metrics", "Accept-Encoding: identity"); plain.header.Get("Content-Encoding") != "" {
			t.Error("they are encoded though nobody asked for it")
		}
	})
	t.Run("with no more than one listing", func(t *testing.T) {
		if n := of.Requests(); n != requestsOfListing {
			t.Errorf("the API got %d requests, want %d", n, requestsOfListing)
		}
	})
}

func TestServe_ListsBeforeTheFirstScrape(t *testing.T) {
	of := newAPI(t)
	p := start(t, of.args()...)
	p.waitUntilReady() // it asks /-/ready alone
	if n := of.Requests(); n != requestsOfListing {
		t.Errorf("the API got %d requests, want %d", n, requestsOfListing)
	}
	page := p.get("/")
	wantContains(t, "the landing page", page.body, fmt.Sprintf("<strong>%d</strong> connections", teamConnections))
	wantNone(t, "the landing page", page.body, `class="notice"`)
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
	wantContains(t, "/metrics", metrics.body, "\ndatadog_up{org=\"default\"} 0\n")
	wantContains(t, "/metrics", metrics.body, "\ndatadog_listing_failures_total{org=\"default\",reason=\"forbidden\"} 1\n")
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
	wantContains(t, "the landing page", p.get("/").body, "failing, last good listing shown")
	of.RestoreKeys(of.org)
	poll(t, "datadog_up to be 1", func() bool {
		return strings.Contains(p.get("/metrics").body, "\ndatadog_up{org=\"default\"} 1\n")
	})
}

func TestServe_RefusesOtherPathsAndMethods(t *testing.T) {
	p := start(t, newAPI(t).args()...)
	if unknown := p.get("/metric"); unknown.status != http.StatusNotFound {
		t.Errorf("/metric is %d, want 404", unknown.status)
	}
	response, err := client.Post(p.base+"/metrics", "text/plain", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST /metrics is %d, want 405", response.StatusCode)
	}
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
	for _, want := range []string{`msg="Listening on"`, `msg="Listing succeeded"`, "msg=Stopped"} {
		wantContains(t, "the log", log, want)
	}
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
	of := newAPI(t)
	// The log that would hold the address is empty.
	free, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	p := startSilent(t, "--web.listen-address="+address, "--datadog.api-url="+of.url, "--log.level=error")
	poll(t, "/-/ready to be 200", func() bool {
		ready, err := get(client, "http://"+address+"/-/ready")
		return err == nil && ready.status == http.StatusOK
	})
	p.stop()
	p.waitForEnd()
	if log := p.stderr.String(); log != "" {
		t.Errorf("it logs %s", log)
	}
}

// certificate makes one for the loopback address, in files beside each other.
func certificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"exporter.crt": {Type: "CERTIFICATE", Bytes: der},
		"exporter.key": {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
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
	if err := os.WriteFile(config, []byte("tls_server_config:\n  cert_file: exporter.crt\n  key_file: exporter.key\n"+
		"basic_auth_users:\n  prometheus: "+hash+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	of := newAPI(t)
	p := start(t, of.args("--web.listen-address=127.0.0.1:0", "--web.listen-address=127.0.0.1:0", "--web.config.file="+config)...)
	secure := &http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
	}}
	withPassword := func(client *http.Client, scheme, address, password string) (answer, error) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, scheme+"://"+address+"/metrics", nil)
		if err != nil {
			return answer{}, err
		}
		if password != "" {
			request.SetBasicAuth("prometheus", password)
		}
		response, err := client.Do(request)
		if err != nil {
			return answer{}, err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		return answer{status: response.StatusCode, body: string(body)}, err
	}

	addresses := p.addresses(3)
	var side sync.WaitGroup
	for _, address := range addresses {
		side.Go(func() { // all at once, for the race detector
			right, err := withPassword(secure, "https", address, password)
			if err != nil || right.status != http.StatusOK {
				t.Errorf("with the password: %d %v, want 200", right.status, err)
			}
			if err := of.showsConnections(right.body); err != nil {
				t.Error(err)
			}
			for _, wrong := range []string{"", "open barley"} {
				if answer, err := withPassword(secure, "https", address, wrong); err != nil || answer.status != http.StatusUnauthorized {
					t.Errorf("with the password %q: %d %v, want 401", wrong, answer.status, err)
				}
			}
			if answer, err := withPassword(client, "http", address, password); err == nil && answer.status == http.StatusOK {
				t.Errorf("without TLS: 200, want none")
			}
		})
	}
	side.Wait()
	wantNone(t, "the log", p.stderr.String(), password, hash)
}

func TestServe_SeveralAddressesShareTheInventory(t *testing.T) {
	of := newAPI(t)
	p := start(t, of.args("--web.listen-address=127.0.0.1:0", "--web.listen-address=127.0.0.1:0")...)
	addresses := p.addresses(3)
	var side sync.WaitGroup
	for _, address := range addresses {
		side.Go(func() {
			metrics, err := get(client, "http://"+address+"/metrics")
			if err != nil {
				t.Error(err)
			} else if err := of.showsConnections(metrics.body); err != nil {
				t.Error(err)
			}
		})
	}
	side.Wait()
	if n := of.Requests(); n != requestsOfListing {
		t.Errorf("the API got %d requests, want %d for all", n, requestsOfListing)
	}
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

func TestServe_RotatedKeyFileIsUsedForTheNextListing(t *testing.T) {
	account := fake.New(fake.Options{})
	for _, id := range []string{"before", "after", "other"} {
		account.AddOrg(fake.Org{ID: id, Name: "Acme " + id})
	}
	account.AddConnection(fake.Connection{SourceID: "before", SinkID: "other"})
	account.AddConnection(fake.Connection{SourceID: "after", SinkID: "other"})
	of := serveAPI(t, account, "before", account)
	t.Setenv("DD_API_KEY", "")
	t.Setenv("DD_APP_KEY", "")
	before, after := account.Keys("before"), account.Keys("after")
	apiKey, appKey := writeFile(t, "api", before.API+"\n"), writeFile(t, "app", before.App+"\n")

	p := start(t, of.args("--cache.ttl=1ms", "--datadog.api-key-file="+apiKey, "--datadog.app-key-file="+appKey)...)
	wantConnections(t, of, p.get("/metrics").body)

	for path, key := range map[string]string{apiKey: after.API, appKey: after.App} {
		if err := os.WriteFile(path, []byte(key+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	of.org = "after"
	poll(t, "the other org's connection", func() bool { return of.showsConnections(p.get("/metrics").body) == nil })

	// A file that is of no use for a moment must not look like a revoked key.
	if err := os.WriteFile(apiKey, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p.waitFor(p.stderr, "a warning about the empty file", func(log string) bool {
		wantContains(t, "/metrics", p.get("/metrics").body, "\ndatadog_up{org=\"default\"} 1\n")
		return strings.Contains(log, "using the last valid key") && strings.Contains(log, apiKey)
	})
	wantNone(t, "the log", p.stderr.String(), before.API, before.App, after.API, after.App)
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
		"in the page of a proxy": func(w http.ResponseWriter, secrets []string) {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, "<html>You sent %s</html>", strings.Join(secrets, " and "))
		},
		"in what should be a listing": func(w http.ResponseWriter, secrets []string) {
			_ = json.NewEncoder(w).Encode(map[string]any{"data": secrets})
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
				wantNone(t, "the landing page", p.get("/").body, secrets...)
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
