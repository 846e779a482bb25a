// Package exposition serves metrics over HTTP, and caches what of an exposition
// changes seldom.
//
//	exposition.go  the handler: joins the cached part with the dynamic one
//	encode.go      encodes the cached part, in chunks on all cores
//	gzip.go        joins compressed parts to one gzip stream
//
// The inventory, and how it compares with a policy, are the cached part: long, and the
// same for hours. It is encoded and compressed once for each format that is asked for.
// Go's and the process's metrics and the state of the listings are the dynamic part:
// short, and gathered at every scrape.
package exposition
