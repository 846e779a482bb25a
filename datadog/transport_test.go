package datadog_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/datadog/fake"
)

// newPath returns a client of the org, with pages of 100, whose requests use [datadog.NewTransport]
// with the one protocol, over a path that can forget connections.
func newPath(t *testing.T, protocol string, server *fake.Server, org string, timeout time.Duration) (*datadog.Client, *fake.BlackHole) {
	t.Helper()
	memory, stop := fake.InMemory(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Proto != protocol {
			t.Errorf("the protocol is %s", r.Proto)
		}
		server.ServeHTTP(w, r)
	}))
	t.Cleanup(stop)
	path := &fake.BlackHole{Dial: memory.DialContext}
	var protocols http.Protocols
	protocols.SetHTTP1(protocol == "HTTP/1.1")
	protocols.SetUnencryptedHTTP2(protocol == "HTTP/2.0")
	transport := datadog.NewTransport()
	t.Cleanup(transport.CloseIdleConnections)
	transport.Proxy, transport.DialContext, transport.Protocols = nil, path.DialContext, &protocols
	return newClient(t, server, org, func(o *datadog.Options) {
		o.API = mustURL(t, "http://api.example.com")
		o.Transport = transport
		o.PageSize = 100
		o.Timeout = timeout
	}), path
}

func TestNewTransport_RecoversFromForgottenConnections(t *testing.T) {
	for _, test := range []struct {
		protocol string
		reason   datadog.Reason // of the retry
	}{
		{"HTTP/1.1", datadog.Timeout},
		{"HTTP/2.0", datadog.Network}, // found dead before the timeout
	} {
		runSynctest(t, test.protocol, func(t *testing.T) {
			// With latency, pages are fetched concurrently: HTTP/1.1 has several idle
			// connections afterwards.
			server, org := fake.Star(fake.Options{Latency: 50 * time.Millisecond}, 950, 1)
			client, path := newPath(t, test.protocol, server, org, datadog.DefaultTimeout)
			list(t, client)
			path.Forget()
			wantAllConnections(t, list(t, client), server, org)
			for reason, count := range client.Stats().Retries {
				if want := map[bool]uint64{true: 1}[reason == test.reason]; count != want {
					t.Errorf("%d retries for %v, want %d", count, reason, want)
				}
			}
		})
	}
}

func TestNewTransport_RecoversInNextListing(t *testing.T) {
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		runSynctest(t, protocol, func(t *testing.T) {
			server, org := fake.Star(fake.Options{Latency: 50 * time.Millisecond}, 950, 1)
			client, path := newPath(t, protocol, server, org, 2*time.Second) // one attempt's time
			list(t, client)
			path.Forget()
			if _, err := client.List(t.Context()); !errors.Is(err, datadog.Timeout) {
				t.Errorf("error %v", err)
			}
			time.Sleep(10 * time.Second) // virtual: what it takes to find an HTTP/2 connection dead
			wantAllConnections(t, list(t, client), server, org)
			wantNoRetries(t, client)
		})
	}
}

func TestNewTransport_HTTP2FindsIdleConnectionsDead(t *testing.T) {
	runSynctest(t, "", func(t *testing.T) {
		server, org := fake.Star(fake.Options{}, 950, 1)
		client, path := newPath(t, "HTTP/2.0", server, org, datadog.DefaultTimeout)
		list(t, client)
		path.Forget()
		time.Sleep(20 * time.Second) // virtual: less than an idle connection is kept
		wantAllConnections(t, list(t, client), server, org)
		wantNoRetries(t, client)
		if path.Dials() != 2 {
			t.Errorf("%d connections, want 2", path.Dials())
		}
	})
}

func TestNewTransport_HTTP2KeepsConnectionsOfSlowServers(t *testing.T) {
	runSynctest(t, "", func(t *testing.T) {
		server, org := fake.Star(fake.Options{}, 5, 1)
		client, path := newPath(t, "HTTP/2.0", server, org, datadog.DefaultTimeout)
		server.Inject(fake.Slow(14 * time.Second).Once())
		if listing := list(t, client); listing.Duration < 14*time.Second || path.Dials() != 1 {
			t.Errorf("it took %v, over %d connections", listing.Duration, path.Dials())
		}
		wantNoRetries(t, client)
	})
}

// A server that restarts closes its connections gracefully.
func TestNewTransport_ContinuesOnANewConnection(t *testing.T) {
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		for _, latency := range []time.Duration{0, 50 * time.Millisecond} {
			for name, fault := range map[string]fake.Fault{
				"after the first page": fake.GoAway().Once(),
				"in the middle":        fake.GoAway().From(99 * 3).Once(),
				"after some pages":     fake.GoAway().From(99 * 3).Times(3),
				"after every page":     fake.GoAway(),
			} {
				runSynctest(t, fmt.Sprintf("%s, latency %v, %s", protocol, latency, name), func(t *testing.T) {
					server, org := fake.Star(fake.Options{Latency: latency}, 950, 1)
					client, path := newPath(t, protocol, server, org, datadog.DefaultTimeout)
					server.Inject(fault)
					listing := list(t, client)
					wantAllConnections(t, listing, server, org)
					wantNoRetries(t, client)
					if server.Requests() != 10 || listing.Duration > time.Second {
						t.Errorf("%d requests in %v", server.Requests(), listing.Duration)
					}
					if path.Dials() < 2 {
						t.Errorf("%d connections", path.Dials())
					}
				})
			}
		}
	}
}

func TestList_NetworkFaultsHaveReasonsOverHTTP2(t *testing.T) {
	for _, test := range faults {
		if test.reason != datadog.Network && test.reason != datadog.Timeout {
			continue // the same over any protocol
		}
		runSynctest(t, test.name, func(t *testing.T) {
			server, org := fake.Star(fake.Options{}, 250, 1)
			client, _ := newPath(t, "HTTP/2.0", server, org, datadog.DefaultTimeout)
			server.Inject(test.fault.From(99))
			if _, err := client.List(t.Context()); !errors.Is(err, test.reason) {
				t.Errorf("the error is %v, want %v", err, test.reason)
			}
			synctest.Wait() // the API still answers requests that were canceled
			server.ClearFaults()
			wantAllConnections(t, list(t, client), server, org)
		})
	}
}

func wantNoRetries(t *testing.T, client *datadog.Client) {
	t.Helper()
	for reason, count := range client.Stats().Retries {
		if count > 0 {
			t.Errorf("%d retries for %v", count, reason)
		}
	}
}
