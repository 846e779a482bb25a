// Package config reads the configuration file: which orgs to list, and with what
// credentials.
//
//	config.go   what a configuration holds, and what makes one valid
//	reader.go   YAML, strictly: every mistake is told, with its line
//
// Nothing is guessed. A key that is not known, a name that stands twice, a file
// that cannot be read: all are errors, and all of them are told at once, so that
// one round of corrections is enough. What the file holds is not repeated in
// errors beyond names: people paste keys in the wrong place.
package config
