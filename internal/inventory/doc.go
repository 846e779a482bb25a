// Package inventory keeps what is known about the org connections of all
// configured orgs, and how old it is.
//
// Each org is listed when somebody asks for a refresh and its last listing is
// older than a time to live; all who ask meanwhile wait for the same listing.
// A listing that fails leaves the last good one in place until that is too old to
// be shown. Listings are merged into a [Snapshot] in which each connection is there
// once. A snapshot never changes: it is replaced as a whole, and only where its
// content differs.
//
//	inventory.go   when orgs are listed, and what is current
//	org.go         one org: its last listing, its last failure, its next attempt
//	snapshot.go    what is known at one moment
//	merge.go       many orgs' listings as one snapshot
//	observed.go    which org a listing was made with the keys of
//	changes.go     what differs between two snapshots
//
// The package knows nothing of Prometheus and of HTTP.
package inventory
