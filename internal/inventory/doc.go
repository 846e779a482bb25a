// Package inventory keeps the org connections of all configured orgs up to date,
// and knows how old they are.
//
// The way of the data:
//
//   - Listing. Each org is listed with its own credentials when a refresh is asked
//     for and its last attempt is at least a TTL old. Everybody who asks meanwhile
//     waits for the same listing. When it fails, the last good listing stays
//     until it is stale: older than MaxStale.
//   - Merge. A connection has two ends, so that two orgs may list it. The newer
//     listing is believed. A connection is removed when the authoritative listing
//     of one of its ends lacks it and is newer than the listing that has it.
//   - Snapshot. The result, each connection and org once. It is immutable, and is
//     replaced only where the content differs: who holds the same pointer may keep
//     what was made of it.
//   - View. The snapshot at one moment, with the state of each org's listing.
//
// A listing is authoritative about the org whose credentials made it, if it is
// complete and not filtered by source or sink. The API does not say whose
// credentials were used; this is inferred from the connections. An org is observed
// while its credentials work: what it lists can change only where somebody sees it.
//
// An [OrgInventory] is the part of one org: what its credentials list. Which orgs
// are observed, and whether anything may be missing, is answered for all orgs
// together.
//
//	inventory.go   when orgs are listed, and views of the result
//	org.go         one org: its last listing, its last failure, its next attempt
//	merge.go       listings to one snapshot
//	snapshot.go    the merged connections and orgs
//	observed.go    whose credentials a listing was made with
//	changes.go     logs the differences between two snapshots
//
// The package imports neither Prometheus nor HTTP.
package inventory
