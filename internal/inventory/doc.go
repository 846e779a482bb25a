// Package inventory lists the org connections of all configured orgs, merges them into
// one snapshot, and remembers what changes.
//
// The way of the data:
//
//   - Listing. Refresh lists each org with its own credentials, unless its last
//     attempt is younger than the TTL. Concurrent refreshes share one listing. When
//     a listing fails, the last good one is kept until it is stale: older than
//     MaxStale.
//   - Merge. A connection has two ends, so that two orgs may list it. A listing is made
//     over an interval of time, and what it has was there at some moment of that. Of two
//     listings the later one is believed; of two that overlap, the first in the order of
//     the configuration. A connection is disproved by a complete, unfiltered listing of
//     one of its ends that began after the listing that has it ended.
//   - Snapshot. The result has each connection and each org once. It is immutable,
//     and replaced only when the content differs: what was made from a snapshot is
//     valid as long as the pointer is the same.
//   - View. The snapshot at one moment, with the state of each org's listing, and the
//     gaps: why not all may be known.
//   - History. What was ever seen is compared with each new listing. A change is what
//     happened to a connection, as far as the listings prove it: what is out of sight is
//     not removed, and what comes into sight is not added.
//
// Whose credentials made a listing decides what it can disprove. A discovery with the same
// credentials tells it, or the configuration states it; a listing does not, so that
// otherwise it is inferred from the connections where they leave no doubt. An org is
// observed if its own credentials are configured and the API has not rejected them. Of
// other orgs only the connections with observed orgs are listed.
//
// An [OrgInventory] is one org's part of the inventory: what its credentials list.
// Which orgs are observed, and whether the inventory is complete, is answered for all
// orgs together.
//
//	inventory.go   when orgs are listed, and views of the result
//	org.go         one org: its last listing, its last failure, its next attempt
//	gap.go         whether all is known, and if not, why
//	discovery.go   the account's own list of orgs
//	identity.go    whose credentials made a listing
//	merge.go       listings to one snapshot
//	sighting.go    which listing is believed
//	snapshot.go    the merged connections and orgs
//	change.go      what happened to a connection
//	history.go     what changes from listing to listing
//	state.go       what is remembered over restarts
//
// The package imports neither Prometheus nor HTTP.
package inventory
