// Package datadog reads the org connections of one Datadog org: all of them, or
// an error.
//
// The API (https://docs.datadoghq.com/api/latest/org-connections/) gives
// connections a page at a time, under rate limits, with totals that may be
// wrong, and with an undocumented part that tells more about the orgs and the
// creators. A [Client] turns that into a [Listing], or into an [Error] whose
// [Reason] says what kind of failure it was.
//
// How the package is laid out, from the outside in:
//
//	site.go, credentials.go   where the API is and who is asking
//	listing.go                what a listing is
//	client.go                 List: reads again until a read can be believed
//	reading.go                one read of all pages, and what it is worth
//	ahead.go                  pages fetched before they are asked for
//	request.go                one page: attempts, pauses, the HTTP request
//	ratelimit.go              what the API said about its limits, obeyed
//	page.go                   the JSON of a page, decoded
//	errors.go                 what can go wrong, in words
//
// The package knows nothing of Prometheus and does not log: warnings are part
// of the listing, failures are errors, and counts are in [Client.Stats].
package datadog
