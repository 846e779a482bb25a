// Package loopback serves what the benchmark's own programs answer.
package loopback

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

// Serve answers on a free port, which it tells the way the exporter does, until the
// program is killed.
func Serve(handler http.Handler) error {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "msg=\"Listening on\" address=%s\n", listener.Addr())
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	return server.Serve(listener)
}
