// Package fake simulates the part of Datadog's API that lists org connections: one account, several orgs, and all
// the ways in which an answer goes wrong.
//
// A [Server] holds the account and is the [http.Handler] that lists it. The account may be changed while it is being
// listed, [Server.Inject] switches faults on, [InMemory] connects a client to it without sockets, and [NewStory]
// tells the demo's story.
//
// It answers as the live API was recorded to answer, undocumented parts included. It imports nothing of ours and
// shares no struct with the client: a wrong JSON tag would cancel itself out.
//
// Calls that name an org, user or connection that is not there panic: it is a mistake of the test or the story.
//
// All names, addresses and keys are made up.
package fake
