// Package exposition answers scrapes.
//
//	exposition.go   the handler: joins what is cached with what is gathered
//	rendering.go    encodes and compresses what is cached
//	message.go      what encoders take
//	answer.go       puts an answer together
package exposition
