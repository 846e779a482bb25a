// Package report writes the inventory as text, for people and for programs.
//
// A [Document] holds the connections and orgs of one [inventory.View], and says what it
// lacks. It can be filtered, written in several formats, read back, and compared with a
// later one.
// A [Finding] is something to look at: a violation of the policy, or a risk.
//
//	document.go  Document: made from a view, read from JSON
//	filter.go    Filter: a part of a document
//	table.go     the table for terminals
//	formats.go   JSON and CSV; escaping of names
//	graph.go     Graphviz (DOT) and Mermaid
//	compare.go   Difference: what changed between two documents, as text and JSON
//	history.go   History: what changed since the memory began, as table, JSON and CSV
//	risks.go     Risk: what may end a connection, or widen who sees its data
//	findings.go  Finding: violations and risks as text, JSON, GitHub annotations, SARIF
//
// Names and connection types come from Datadog and may hold anything. JSON keeps
// their exact value. All other formats show a character that is not visible as an
// escape, such as \n or \u202e; orgs are told apart by their ids.
package report
