package e2e

import (
	"slices"
	"time"

	"datadog_org_connections_exporter/datadog/fake"
)

// company is an account in its normal state: no alert fires.
type company struct {
	*stack
	payments, platform, security, lake, tokyo string // orgs
	required, shared, widened                 string // connections
	policy                                    []rule
}

// newCompany configures the exporter with the keys of all orgs. Each org has several
// connections, and none has many sinks.
func newCompany(s *stack) *company {
	c := &company{
		stack:    s,
		payments: s.org(fake.Org{Name: "Acme Payments"}),
		platform: s.org(fake.Org{Name: "Acme Platform"}),
		security: s.org(fake.Org{Name: "Acme Security"}),
		lake:     s.org(fake.Org{Name: `Acme "Data\Lake"`}),
		tokyo:    s.org(fake.Org{Name: "Acme 東京"}),
	}
	c.required = c.connect(c.payments, c.security, "logs")
	c.shared = c.connect(c.platform, c.security, "logs", "metrics")
	c.widened = c.connect(c.platform, c.lake, "logs")
	c.connect(c.platform, c.payments, "metrics")
	c.connect(c.security, c.lake, "audit")
	c.connect(c.tokyo, c.security, "logs")
	c.connect(c.tokyo, c.lake, "metrics")
	types := []string{"audit", "logs", "metrics"}
	c.policy = []rule{
		{name: "payments to security", source: c.payments, sink: c.security, types: []string{"logs"}, more: ", required: true"},
		{name: "all to security", source: "*", sink: c.security, types: types},
		{name: "all to the lake", source: "*", sink: c.lake, types: types},
		{name: "all to payments", source: "*", sink: c.payments, types: []string{"metrics"}},
		{name: "platform to the lake", source: c.platform, sink: c.lake, types: []string{"logs"}, more: ", required: true"},
	}
	c.setPolicy(c.policy...)
	c.configure(c.orgIDs()...)
	return c
}

func (c *company) orgIDs() []string {
	return []string{c.payments, c.platform, c.security, c.lake, c.tokyo}
}

// connect adds a connection that was created long ago.
func (c *company) connect(source, sink string, types ...string) (id string) {
	return c.AddConnection(fake.Connection{SourceID: source, SinkID: sink, Types: types})
}

// connectNow adds a connection that is created now.
func (c *company) connectNow(source, sink string, types ...string) (id string) {
	return c.AddConnection(fake.Connection{SourceID: source, SinkID: sink, Types: types, CreatedAt: time.Now()})
}

// connection returns the connection with this id.
func (s *stack) connection(id string) fake.Connection {
	s.t.Helper()
	all := s.Connections()
	at := slices.IndexFunc(all, func(c fake.Connection) bool { return c.ID == id })
	if at < 0 {
		s.t.Fatalf("there is no connection %s", id)
	}
	return all[at]
}

// hide removes a connection. unhide adds the same connection again.
func (s *stack) hide(id string) (unhide func()) {
	hidden := s.connection(id)
	s.RemoveConnection(id)
	return func() { s.AddConnection(hidden) }
}
