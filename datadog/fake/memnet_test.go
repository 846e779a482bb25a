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

// A bubble panics where it ends with goroutines left, so that these tests see them.

func TestInMemoryStopsWithRequestsUnderWay(t *testing.T) {
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
				t.Error("an answer after stop")
			}
		}
		stop() // once more does no harm
	})
}

func TestInMemoryRefusesAfterStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transport, stop := fake.InMemory(http.NotFoundHandler())
		stop()
		if err := roundTrip(t, transport); !errors.Is(err, net.ErrClosed) {
			t.Errorf("error %v", err)
		}
	})
}

func TestInMemoryKeepsConnectionsAlive(t *testing.T) {
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

// roundTrip asks for anything and returns the failure to be answered.
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
