// Package fake simulates the part of Datadog's API that lists org connections and orgs, for the demo and the tests.
//
// A [Server] holds one made-up account (orgs, users, connections) and is the [http.Handler] that lists its connections
// at [Path]: credentials, paging, filters, rate limits, and the undocumented parts of the answers, as recorded from the
// live API. At [OrgsPath] it lists the orgs, as in the API reference: the account's first org manages all others.
// The account may change while it is being listed. [Star] and [Mesh] generate accounts of any size, [NewStory]
// returns the demo's. The same seed generates the same account.
//
// [InMemory] connects a client to a server without sockets, so that a test can run in a testing/synctest bubble:
//
//	server, org := fake.Star(fake.Options{}, 250, 1)
//	transport, stop := fake.InMemory(server)
//	defer stop()
//	server.Inject(fake.HTMLError(502).Once())
//	// A client with server.Keys(org) and this transport has to retry its first page.
//
// [Server.Inject] switches on what goes wrong:
//
//   - other answers: [Status], [ReasonPhrase], [ErrorObjects], [HTMLError], [HTML200], [NotAList], [NullData],
//     [TooManyRequests], [Redirect]
//   - inconsistent pages and totals: [RepeatPage], [ShortPages], [EmptyPage], [ShuffledOrder], [Total], [NoMeta],
//     [AfterPage]
//   - rate limits in the headers of pages: [Header]
//   - the network: [Slow], [Hang], [HangMidBody], [Disconnect], [DisconnectMidBody], [GoAway], [Truncated], [Endless]
//   - compressed answers: [Gzip], [FalseGzip], [TruncatedGzip], [GzipBomb]
//
// [BlackHole] is a network that forgets connections.
//
// [Quirks] are oddities of a single connection's JSON. [Server.RevokeKeys], [Server.DenyPermission] and
// [Server.DenyOrgManagement] refuse credentials. [Server.RequestLog] returns what a client asked for.
//
// The package must never share structs with the client, and imports the standard library alone: a wrong JSON tag in
// a shared struct would cancel itself out.
//
// Methods panic when they are given the id of an org, user or connection that the account does not have: that is a
// mistake in the test.
//
// server.go serves requests and logs them, access.go has credentials and rate limits, account.go the account,
// document.go the JSON of its connections, orgs.go that of its orgs, faults.go the faults, generate.go the generated
// accounts, story.go the demo's, memnet.go the in-memory network, and blackhole.go one that forgets connections.
package fake
