package fake

import (
	"fmt"
	"math/rand/v2"
)

// Star makes an account around one org, the hub, that takes part in all connections: as source and as sink in turns,
// each time with another org.
func Star(opts Options, connections int, seed uint64) (s *Server, hub string) {
	s = newServer(opts, seed)
	cast := newCast(s, seed)
	hub = s.AddOrg(Org{Name: "Acme Hub"})
	for i := range connections {
		peer := s.AddOrg(Org{Name: fmt.Sprintf("Acme Team %d", i+1)})
		if i%2 == 0 {
			cast.connect(hub, peer)
		} else {
			cast.connect(peer, hub)
		}
	}
	return s, hub
}

// Mesh makes an account of orgs that are connected at random; no two connections have the same source and sink. It
// panics where there are not so many pairs of orgs.
func Mesh(opts Options, orgs, connections int, seed uint64) *Server {
	if pairs := orgs * (orgs - 1); connections > pairs {
		panic(fmt.Sprintf("fake: %d orgs make %d pairs, not %d", orgs, pairs, connections))
	}
	s := newServer(opts, seed)
	cast := newCast(s, seed)
	ids := make([]string, orgs)
	for i := range ids {
		ids[i] = s.AddOrg(Org{Name: fmt.Sprintf("Acme Team %d", i+1)})
	}
	type pair struct{ source, sink int }
	taken := map[pair]bool{}
	for len(taken) < connections {
		p := pair{cast.random.IntN(orgs), cast.random.IntN(orgs)}
		if p.source == p.sink || taken[p] {
			continue
		}
		taken[p] = true
		cast.connect(ids[p.source], ids[p.sink])
	}
	return s
}

// cast are those who create a generated account's connections.
type cast struct {
	server   *Server
	random   *rand.Rand
	creators []string
}

func newCast(s *Server, seed uint64) cast {
	return cast{
		server: s,
		random: rand.New(rand.NewPCG(seed, 1)),
		creators: []string{
			s.AddUser(User{Name: "terraform", ServiceAccount: true}),
			s.AddUser(User{Name: "onboarding", ServiceAccount: true}),
			s.AddUser(User{Name: "Robin Sample", Email: "robin.sample@example.com"}),
		},
	}
}

// connect adds a connection with a random creator and random types, one at least.
func (c cast) connect(sourceID, sinkID string) {
	known := []string{"logs", "metrics", "audit"}
	c.random.Shuffle(len(known), func(i, j int) { known[i], known[j] = known[j], known[i] })
	c.server.AddConnection(Connection{
		SourceID:  sourceID,
		SinkID:    sinkID,
		Types:     known[:1+c.random.IntN(len(known))],
		CreatorID: c.creators[c.random.IntN(len(c.creators))],
	})
}
