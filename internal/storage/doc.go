// Package storage keeps what an inventory remembers in a state directory.
//
// The directory has a file, state, to which each update is appended as a record, and a
// file that is locked by the process that writes, lock. When the records take much more
// than the state that they add up to, they are replaced by that. A record is the length
// and the CRC-32C of what follows, the update as JSON, compressed with gzip.
//
// A process may be killed at any moment: what it has not finished writing is the end of
// the file, and is ignored. A file that is broken elsewhere is set aside under another name,
// and what is before the broken record goes on being used. One of a later version is left
// alone.
//
// An embedded database such as bbolt was tried. It maps its file, and a broken one ends the
// process by a signal, or by an endless recursion; and it cannot be read while another
// process writes to it, as the history of a running exporter is. An update is small, and
// all of the state is read at the start, so that a file of records does all that is needed.
//
// It has no secrets and no names of people: an inventory knows none.
//
//	storage.go   opens, writes and closes
//	records.go   the file
//	stored.go    the JSON of an update, and the state that updates add up to
package storage
