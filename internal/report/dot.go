package report

import (
	"fmt"
	"io"
	"strings"
)

// Dot writes a directed graph for Graphviz: a line for each org and each
// connection, four more around them.
func Dot(w io.Writer, d Document) error {
	var out strings.Builder
	out.WriteString("digraph connections {\n  rankdir=LR;\n  node [shape=box];\n")
	for _, node := range d.nodes() {
		fmt.Fprintf(&out, "  %s [label=%s];\n", dotQuoted(node.ID), dotLabel(node.label()))
	}
	for _, c := range d.Connections {
		fmt.Fprintf(&out, "  %s -> %s [label=%s];\n", dotQuoted(c.Source.ID), dotQuoted(c.Sink.ID), dotLabel(enumerated(c.Types)))
	}
	out.WriteString("}\n")
	_, err := io.WriteString(w, out.String())
	return err
}

// dotQuotes takes quotes and backslashes their meaning in a quoted string.
var dotQuotes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func dotQuoted(text string) string { return `"` + dotQuotes.Replace(harmless(text)) + `"` }

// dotLabel quotes what is drawn, where Graphviz reads HTML's entities as well.
func dotLabel(text string) string { return dotQuoted(strings.ReplaceAll(text, "&", "&amp;")) }
