// Package datadog lists the org connections of one Datadog org, and the orgs of its account.
//
// The API (https://docs.datadoghq.com/api/latest/org-connections/) returns pages of
// connections, under rate limits, with totals that may be wrong, and with undocumented
// descriptions of orgs and creators. [Client.List] returns a complete [Listing], or an
// [Error] with a [Reason]. [Client.ListOrgs] returns the [Account], which needs more
// permissions.
//
// The files, from the outside in:
//
//	site.go         sites, and the base URL of their APIs
//	credentials.go  keys and tokens, fixed or in files
//	identity.go     ids of orgs, and whether a listing is that of the stated org
//	listing.go      listings, connections, creators and orgs
//	ternary.go      booleans that may be unknown
//	client.go       options, and List: reads all pages until a read is consistent
//	paging.go       one read of all pages
//	prefetch.go     concurrent requests for pages
//	request.go      one response: attempts, retries, HTTP
//	limiter.go      rate limits, from the headers of responses
//	page.go         the JSON of a page
//	orgs.go         ListOrgs, accounts, and their JSON
//	errors.go       reasons, errors, and the messages of error responses
//
// The package knows nothing of Prometheus, and does not log: [Listing.Warnings] are for
// the log, and [Client.Stats] for metrics.
package datadog
