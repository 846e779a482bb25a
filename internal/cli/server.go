package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/go-kit/log/level"
	toolkit "github.com/prometheus/exporter-toolkit/web"
	"golang.org/x/sync/errgroup"
)

// stopTimeout is how long answers under way may take once the process is told to
// stop. Nothing waits for Datadog any more by then.
const stopTimeout = 5 * time.Second

// serve answers on one listener until ctx ends. Each has a server of its own: the
// toolkit changes the server that it is given.
func (e *exporter) serve(ctx context.Context, group *errgroup.Group, listener net.Listener, handler http.Handler) {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          stdLogger(e.log.kit),
		// Scrapes that wait for Datadog answer with what is known when we stop.
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	group.Go(func() error {
		err := toolkit.Serve(listener, server, e.web.toolkit, e.log.slog)
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return fmt.Errorf("serve on %s: %w", listener.Addr(), err)
	})
	group.Go(func() error {
		<-ctx.Done()
		//nolint:contextcheck // ctx has ended: that is why we stop
		stop, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		if err := server.Shutdown(stop); err != nil {
			level.Warn(e.log.kit).Log("msg", "Some answers were cut off while stopping", "err", err)
			_ = server.Close() // whoever is still there has had their time
		}
		return nil
	})
}
