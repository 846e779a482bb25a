// Package config reads the configuration file: which orgs to list, and with what
// credentials.
//
// Nothing is guessed, and all mistakes are told at once: see package yamlcheck.
package config
