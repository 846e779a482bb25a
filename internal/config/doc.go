// Package config reads the configuration file: which orgs to list, and with which
// credentials. Decoding is strict and reports every error at once, as in package
// yamlcheck.
package config
