// Package inventory lists the org connections of all configured orgs and merges
// them into one snapshot.
//
// The way of the data:
//
//   - Listing. Refresh lists each org with its own credentials, unless its last
//     attempt is younger than the TTL. Concurrent refreshes share one listing. When
//     a listing fails, the last good one is kept until it is stale: older than
//     MaxStale.
//   - Merge. A connection has two ends, so that two orgs may list it: the newer
//     listing is believed. A connection is removed when the authoritative listing of
//     one of its ends lacks it, and is newer than the listing that has it.
//   - Snapshot. The result has each connection and each org once. It is immutable,
//     and replaced only when the content differs: what was made from a snapshot is
//     valid as long as the pointer is the same.
//   - View. The snapshot at one moment, with the state of each org's listing.
//
// A listing is authoritative about the org whose credentials made it, if it is
// complete and not filtered. The API does not say whose credentials were used: that
// is inferred from the connections. An org is observed if its own credentials are
// configured and the API has not rejected them. Of other orgs only the connections
// with observed orgs are listed.
//
// An [OrgInventory] is one org's part of the inventory: what its credentials list.
// Which orgs are observed, and whether the inventory is complete, is answered for all
// orgs together.
//
//	inventory.go   when orgs are listed, and views of the result
//	org.go         one org: its last listing, its last failure, its next attempt
//	merge.go       listings to one snapshot
//	snapshot.go    the merged connections and orgs
//	observed.go    whose credentials made a listing
//	changes.go     logs the differences between two snapshots
//
// The package imports neither Prometheus nor HTTP.
package inventory
