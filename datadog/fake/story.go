package fake

import "time"

// Step is one event of a story.
type Step struct {
	Title string
	Look  string // what a person sees on /metrics once the event is listed
	Do    func() // makes it happen
}

// NewStory makes the demo's account, a made-up payments company, and what happens in it. orgID is its hub, Acme
// Security, whose keys list nine connections at first. The steps are to be done in order, each once.
func NewStory() (s *Server, orgID string, steps []Step) {
	c := newCompany()
	return c.server, c.security, []Step{
		c.unexpectedConnection(),
		c.widenedConnection(),
		c.disabledCreator(),
		c.renamedOrg(),
		c.rateLimitStorm(),
		c.endOfStorm(),
		c.vanishedConnection(),
		c.gatewayOutage(),
		c.endOfOutage(),
	}
}

// company is the story's account, with what its steps touch.
type company struct {
	server *Server

	security, paymentsEU, paymentsUS, platform, tokyo, skunkworks, dataLake, contractor string // orgs

	terraform, onboarding, robin string // users

	fromPaymentsEU, fromSkunkworks string // connections to security

	connected time.Time // when the last connection was created
}

func newCompany() *company {
	s := newServer(Options{
		Latency:   50 * time.Millisecond,
		RateLimit: RateLimit{Limit: 600, Period: time.Minute, Name: "org_connections"},
	}, 2025)
	c := &company{
		server:     s,
		security:   s.AddOrg(Org{Name: "Acme Security"}),
		paymentsEU: s.AddOrg(Org{Name: "Acme Payments EU"}),
		paymentsUS: s.AddOrg(Org{Name: "Acme Payments US"}),
		platform:   s.AddOrg(Org{Name: "Acme Platform"}),
		tokyo:      s.AddOrg(Org{Name: "Acme 東京"}),
		skunkworks: s.AddOrg(Org{Name: `Acme "Skunkworks" Labs`}),
		dataLake:   s.AddOrg(Org{Name: "Acme Data Lake"}),
		contractor: s.AddOrg(Org{Name: "Contractor Sandbox"}),
		terraform:  s.AddUser(User{Name: "terraform", ServiceAccount: true}),
		onboarding: s.AddUser(User{Name: "onboarding", ServiceAccount: true}),
		robin:      s.AddUser(User{Name: "Robin Sample", Email: "robin.sample@example.com"}),
		connected:  time.Date(2024, 5, 14, 9, 26, 53, 589793000, time.UTC),
	}
	c.connectAll()
	return c
}

func (c *company) connectAll() {
	c.fromPaymentsEU = c.connect(c.paymentsEU, c.security, c.terraform, "logs")
	c.connect(c.paymentsUS, c.security, c.terraform, "logs", "metrics")
	c.connect(c.platform, c.security, c.terraform, "logs", "metrics")
	c.connect(c.tokyo, c.security, c.onboarding, "logs")
	c.fromSkunkworks = c.connect(c.skunkworks, c.security, c.robin, "logs")
	c.connect(c.dataLake, c.security, c.onboarding, "audit")
	c.connect(c.security, c.platform, c.terraform, "metrics")
	c.connect(c.security, c.dataLake, c.terraform, "logs", "audit")
	c.connect(c.security, c.paymentsEU, c.onboarding, "metrics")

	// Security's keys do not list this one: it takes no part in it.
	c.connect(c.paymentsUS, c.dataLake, c.terraform, "metrics")
}

// connect adds a connection that was created five weeks after the one before.
func (c *company) connect(sourceID, sinkID, creatorID string, types ...string) string {
	c.connected = c.connected.AddDate(0, 0, 5*7)
	return c.server.AddConnection(Connection{
		SourceID:  sourceID,
		SinkID:    sinkID,
		CreatorID: creatorID,
		Types:     types,
		CreatedAt: c.connected,
	})
}
