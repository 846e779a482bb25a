package fake

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"
)

// Star returns an account with one org, the hub, that is the source and the sink of connections in turns, each time
// with another org.
func Star(opts Options, connections int, seed uint64) (s *Server, hub string) {
	s = newServer(opts, seed)
	c := newConnector(s, seed)
	hub = s.AddOrg(Org{Name: "Acme Hub"})
	for i := range connections {
		peer := s.AddOrg(Org{Name: fmt.Sprintf("Acme Team %d", i+1)})
		if i%2 == 0 {
			c.connect(hub, peer)
		} else {
			c.connect(peer, hub)
		}
	}
	return s, hub
}

// Mesh returns an account of orgs that are connected at random. No two connections have the same source and sink. It
// panics when there are fewer pairs of orgs than connections.
func Mesh(opts Options, orgs, connections int, seed uint64) *Server {
	if pairs := orgs * (orgs - 1); connections > pairs {
		panic(fmt.Sprintf("fake: %d orgs make %d pairs, not %d", orgs, pairs, connections))
	}
	s := newServer(opts, seed)
	c := newConnector(s, seed)
	ids := make([]string, orgs)
	for i := range ids {
		ids[i] = s.AddOrg(Org{Name: fmt.Sprintf("Acme Team %d", i+1)})
	}
	type pair struct{ source, sink int }
	connected := map[pair]bool{}
	for len(connected) < connections {
		p := pair{c.random.IntN(orgs), c.random.IntN(orgs)}
		if p.source == p.sink || connected[p] {
			continue
		}
		connected[p] = true
		c.connect(ids[p.source], ids[p.sink])
	}
	return s
}

// connector adds connections with random creators and types.
type connector struct {
	server   *Server
	random   *rand.Rand
	creators []string
}

func newConnector(s *Server, seed uint64) connector {
	return connector{
		server: s,
		random: rand.New(rand.NewPCG(seed, 1)),
		creators: []string{
			s.AddUser(User{Name: "terraform", ServiceAccount: true}),
			s.AddUser(User{Name: "onboarding", ServiceAccount: true}),
			s.AddUser(User{Name: "Robin Sample", Email: "robin.sample@example.com"}),
		},
	}
}

// connect adds a connection with at least one type.
func (c connector) connect(sourceID, sinkID string) {
	types := []string{"logs", "metrics", "audit"}
	c.random.Shuffle(len(types), func(i, j int) { types[i], types[j] = types[j], types[i] })
	c.server.AddConnection(Connection{
		SourceID:  sourceID,
		SinkID:    sinkID,
		Types:     types[:1+c.random.IntN(len(types))],
		CreatorID: c.creators[c.random.IntN(len(c.creators))],
	})
}

// generator sets fields that were left empty. The same seed and calls generate the same values.
type generator struct {
	random *rand.Rand
	times  int // generated so far
}

func (g *generator) completeOrg(o *Org) {
	setDefault(&o.ID, g.uuid)
	setDefault(&o.Name, func() string { return "Acme " + g.letters(6) })
	setDefault(&o.PublicID, func() string { return g.letters(16) })
	setDefault(&o.Sharing, func() string { return "all_private" })
	setDefault(&o.CreatedAt, g.time)
}

func (g *generator) completeUser(u *User) {
	setDefault(&u.ID, g.uuid)
	setDefault(&u.Name, func() string { return "user-" + g.letters(6) })
	setDefault(&u.Email, func() string { return g.letters(8) + "@example.com" })
	setDefault(&u.Handle, func() string { return u.Email })
	setDefault(&u.CreatedAt, g.time)
	setDefault(&u.ModifiedAt, func() time.Time { return u.CreatedAt })
}

func (g *generator) completeConnection(c *Connection) {
	setDefault(&c.ID, g.uuid)
	setDefault(&c.CreatedAt, g.time)
	if c.Types == nil {
		c.Types = []string{"logs"}
	}
}

// setDefault sets a field that has its zero value.
func setDefault[T comparable](field *T, value func() T) {
	var zero T
	if *field == zero {
		*field = value()
	}
}

// uuid returns a random (version 4) UUID.
func (g *generator) uuid() string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], g.random.Uint64())
	binary.BigEndian.PutUint64(b[8:], g.random.Uint64())
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func (g *generator) letters(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'a' + byte(g.random.IntN(26))
	}
	return string(b)
}

// time returns a random time in the minute after that of the call before, from 2024 on.
func (g *generator) time() time.Time {
	g.times++
	minute := time.Date(2024, 1, 1, 0, g.times, 0, 0, time.UTC)
	return minute.Add(time.Duration(g.random.IntN(60_000_000)) * time.Microsecond)
}
