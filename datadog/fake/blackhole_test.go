package fake_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"datadog_org_connections_exporter/datadog/fake"
)

func TestBlackHole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handled := 0
		transport, stop := fake.InMemory(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			handled++
			time.Sleep(time.Second) // virtual
		}))
		defer stop()
		path := fake.BlackHole{Dial: transport.DialContext}
		transport.DialTLSContext = path.DialContext

		wantTimeout := func(forget func()) {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://api.example.com/", nil)
			if err != nil {
				t.Fatal(err)
			}
			time.AfterFunc(time.Second/2, forget)
			resp, err := transport.RoundTrip(r)
			if err == nil {
				_ = resp.Body.Close() // its error does not matter
			}
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
		}
		wantTimeout(path.Forget) // while it waits: the answer is swallowed
		if err := roundTrip(t, transport); err != nil || handled != 2 || path.Dials() != 2 {
			t.Errorf("on a new connection: %v; %d requests on %d connections", err, handled, path.Dials())
		}
		path.Forget()
		wantTimeout(func() {}) // the request is swallowed
		if handled != 2 || path.Dials() != 2 {
			t.Errorf("%d requests on %d connections", handled, path.Dials())
		}
	})
}
