// Package storage keeps what an inventory remembers in a state directory.
//
// The directory has one file, state.db, a database of go.etcd.io/bbolt: each update is a
// transaction, so that the process may be killed at any moment, and writes only the pages
// that change. Its buckets, with values in JSON:
//
//	meta                     "version": of the layout; "memory": start, looks, totals
//	names                    names of orgs by id
//	connections              what is remembered of a connection by its id
//	listings/ORG             "listing": the last good one of the configured org
//	listings/ORG/connections ids of its connections, with empty values
//	listings/ORG/orgs        the orgs that it describes by id
//	changes                  changes by their number, eight bytes
//
// It has no secrets and no names of people: an inventory knows none.
//
// [Open] is for the one process that writes, [Read] for any other meanwhile. A file that
// is broken is set aside under another name. One of a later version is left alone.
//
//	storage.go   opens, writes and closes
//	load.go      the state that a file has
//	stored.go    the JSON of the values
//	pages.go     reads the file, whatever is in it
package storage
