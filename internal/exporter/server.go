package exporter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/go-kit/log/level"
	toolkit "github.com/prometheus/exporter-toolkit/web"
	"golang.org/x/sync/errgroup"
)

// shutdownTimeout is how long answers in flight may take once the process is told
// to stop. None of them waits for Datadog any more by then.
const shutdownTimeout = 5 * time.Second

// serve answers on one listener until ctx ends. Each listener has a server of its
// own, because exporter-toolkit modifies the server that it is given.
func (e *exporter) serve(ctx context.Context, group *errgroup.Group, listener net.Listener, handler http.Handler) {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(e.Slog.Handler(), slog.LevelWarn),
		// Scrapes that wait for Datadog answer with the cached inventory when ctx ends.
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	group.Go(func() error {
		err := toolkit.Serve(listener, server, e.Web, e.Slog)
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return fmt.Errorf("serve on %s: %w", listener.Addr(), err)
	})
	group.Go(func() error {
		<-ctx.Done()
		//nolint:contextcheck // ctx has ended: the shutdown needs one that has not
		shutdown, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
		defer cancel()
		if err := server.Shutdown(shutdown); err != nil {
			level.Warn(e.Logger).Log("msg", "Some responses were cut off during shutdown", "err", err)
			_ = server.Close() // the time for a graceful shutdown is over
		}
		return nil
	})
}
