package fake

import (
	"context"
	"net"
	"sync"
)

// dialFunc has the signature of [http.Transport]'s DialContext.
type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// BlackHole is a network path that forgets connections, as a NAT or a load balancer does: both ends take such a
// connection for open, and nothing that one sends reaches the other. It is used in place of a transport's dialer:
//
//	path := fake.BlackHole{Dial: transport.DialContext}
//	transport.DialContext = path.DialContext
//
// It is safe for concurrent use.
type BlackHole struct {
	Dial dialFunc // opens the connections

	mu    sync.Mutex
	conns []*blackHoleConn // that are not forgotten
	dials int
}

// DialContext opens a connection that may be forgotten.
func (b *BlackHole) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := b.Dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	c := &blackHoleConn{Conn: conn, forgotten: make(chan struct{})}
	b.conns = append(b.conns, c)
	b.dials++
	return c, nil
}

// Forget makes the path forget the connections that are open.
func (b *BlackHole) Forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.conns {
		close(c.forgotten)
	}
	b.conns = nil
}

// Dials returns the number of connections opened.
func (b *BlackHole) Dials() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dials
}

// blackHoleConn is the client's end of a connection.
type blackHoleConn struct {
	net.Conn
	forgotten chan struct{} // closed when it is
}

func (c *blackHoleConn) isForgotten() bool {
	select {
	case <-c.forgotten:
		return true
	default:
		return false
	}
}

// Read discards what the server sends on a forgotten connection.
func (c *blackHoleConn) Read(p []byte) (int, error) {
	for {
		if n, err := c.Conn.Read(p); err != nil || !c.isForgotten() {
			return n, err
		}
	}
}

// Write discards what the client sends on a forgotten connection.
func (c *blackHoleConn) Write(p []byte) (int, error) {
	if c.isForgotten() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}
