package fake_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"datadog_org_connections_exporter/datadog/fake"
)

// A synctest bubble fails the test when goroutines are left at its end.

func TestInMemory_StopEndsOpenRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended atomic.Int32
		transport, stop := fake.InMemory(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			time.Sleep(time.Second) // virtual; stop has to wait for it
			ended.Add(1)
		}))
		errs := make(chan error, 3)
		for range cap(errs) {
			go func() { errs <- roundTrip(t, transport) }()
		}
		synctest.Wait()
		if len(errs) > 0 {
			t.Fatalf("answered: %v", <-errs)
		}
		stop()
		if ended.Load() != 3 {
			t.Errorf("%d of 3 handlers have ended", ended.Load())
		}
		for range cap(errs) {
			if err := <-errs; err == nil {
				t.Error("a request succeeded after stop")
			}
		}
		stop() // a second call does nothing
	})
}

func TestInMemory_FailsAfterStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transport, stop := fake.InMemory(http.NotFoundHandler())
		stop()
		if err := roundTrip(t, transport); !errors.Is(err, net.ErrClosed) {
			t.Errorf("error %v", err)
		}
	})
}

func TestInMemory_KeepsConnectionsAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transport, stop := fake.InMemory(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			time.Sleep(time.Minute) // virtual
		}))
		defer stop()
		dials, dial := 0, transport.DialTLSContext
		transport.DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			dials++
			return dial(ctx, network, address)
		}

		start := time.Now()
		for range 2 {
			if err := roundTrip(t, transport); err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(start); took != 2*time.Minute || dials != 1 {
			t.Errorf("took %v and %d dials", took, dials)
		}
	})
}

// roundTrip sends a request and returns its error.
func roundTrip(t *testing.T, transport *http.Transport) error {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example.com/", nil)
	if err != nil {
		return err
	}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}
