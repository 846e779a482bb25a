package fake

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
)

// InMemory runs an [http.Server] with h on an in-memory listener. All that the transport dials leads there, whatever
// the host, and https without TLS. stop closes everything and returns when the server's goroutines have ended.
//
// In a testing/synctest bubble the real net/http so runs in virtual time: sockets would never let time pass.
func InMemory(h http.Handler) (transport *http.Transport, stop func()) {
	listener := &memListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	var open sync.WaitGroup
	server := &http.Server{
		Handler:   h,
		ErrorLog:  log.New(io.Discard, "", 0),
		ConnState: countConns(&open),
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // ends by stop, always with an error
	}()

	transport = &http.Transport{DialContext: listener.dial, DialTLSContext: listener.dial}
	return transport, func() {
		_ = listener.Close()
		<-served           // no connection is accepted from here on, so none is missed
		_ = server.Close() // has nothing left to say: its listener is closed
		open.Wait()
		transport.CloseIdleConnections()
	}
}

// countConns keeps the number of open connections in open.
func countConns(open *sync.WaitGroup) func(net.Conn, http.ConnState) {
	return func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			open.Add(1)
		case http.StateClosed:
			open.Done()
		}
	}
}

// memListener accepts what its dial dials.
type memListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// dial has the signature of [http.Transport]'s DialContext.
func (l *memListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *memListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *memListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *memListener) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "memory"} }
