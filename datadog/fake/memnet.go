package fake

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
)

// InMemory runs an [http.Server] with h on an in-memory listener. transport connects to it whatever the host, with
// http and, without TLS, https. A transport whose Protocols have UnencryptedHTTP2 alone may dial it with HTTP/2. stop closes all connections and returns when the server's goroutines have ended.
//
// In a testing/synctest bubble, net/http then runs in virtual time. With sockets it would not: a bubble's clock stands
// still while a goroutine waits for one.
func InMemory(h http.Handler) (transport *http.Transport, stop func()) {
	listener := &memListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	var open sync.WaitGroup // one per connection
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{
		Handler:   h,
		Protocols: &protocols,
		ErrorLog:  log.New(io.Discard, "", 0),
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				open.Add(1)
			case http.StateClosed, http.StateHijacked:
				open.Done()
			}
		},
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // always returns an error
	}()

	transport = &http.Transport{DialContext: listener.dial, DialTLSContext: listener.dial}
	return transport, func() {
		_ = listener.Close()
		<-served           // the server accepts no more: open.Add does not race with open.Wait
		_ = server.Close() // returns the error of the listener, which is closed already
		open.Wait()
		transport.CloseIdleConnections()
	}
}

// memListener accepts the connections that dial opens.
type memListener struct {
	conns     chan net.Conn
	closed    chan struct{}
	closeOnce sync.Once
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
	l.closeOnce.Do(func() { close(l.closed) })
	return nil
}

func (l *memListener) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "memory"} }
