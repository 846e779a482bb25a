// Package report turns an inventory's snapshot into text for people and programs.
//
// A [Document] is made of what is known at one moment. It can be filtered, written
// in several formats, read again, and compared with a later one.
//
//	document.go    what a document holds: the contract with its readers
//	risks.go       what may end or widen a connection
//	filter.go      a part of a document
//	read.go        a document of before
//	compare.go     what differs between two documents
//	difference.go  the difference as text and as JSON
//	table.go       for people; age.go and columns.go are what it needs
//	json.go        for programs, and for a later comparison
//	csv.go         for spreadsheets
//	graph.go       for pictures: dot.go for Graphviz, mermaid.go for Mermaid
//	findings.go    what a policy and the risks give to see to, for people and for CI
//	harmless.go    names from outside, made fit to be shown
//
// JSON tells names as they are. All other formats show them: what is not visible in
// a name stands there as an escape such as \n or \u202e, and ids tell orgs apart.
package report
