package report

import (
	"fmt"
	"io"
	"strings"
	"unicode"
)

// nodes returns the orgs of the document, and then those that only its connections
// name, each id once.
func (d Document) nodes() []OrgRef {
	var nodes []OrgRef
	seen := map[string]bool{}
	add := func(o OrgRef) {
		if !seen[o.ID] {
			seen[o.ID] = true
			nodes = append(nodes, o)
		}
	}
	for _, o := range d.Orgs {
		add(OrgRef{ID: o.ID, Name: o.Name})
	}
	for _, c := range d.Connections {
		add(c.Source)
		add(c.Sink)
	}
	return nodes
}

// WriteDOT writes a directed graph for Graphviz.
func WriteDOT(w io.Writer, d Document) error {
	var out strings.Builder
	out.WriteString("digraph connections {\n  rankdir=LR;\n  node [shape=box];\n")
	for _, node := range d.nodes() {
		fmt.Fprintf(&out, "  %s [label=%s];\n", dotQuote(node.ID), dotLabel(node.Label()))
	}
	for _, c := range d.Connections {
		fmt.Fprintf(&out, "  %s -> %s [label=%s];\n", dotQuote(c.Source.ID), dotQuote(c.Sink.ID), dotLabel(joined(c.Types)))
	}
	out.WriteString("}\n")
	_, err := io.WriteString(w, out.String())
	return err
}

var dotEscaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func dotQuote(text string) string { return `"` + dotEscaper.Replace(Escape(text)) + `"` }

// dotLabel quotes a label, in which Graphviz decodes HTML entities.
func dotLabel(text string) string { return dotQuote(strings.ReplaceAll(text, "&", "&amp;")) }

// WriteMermaid writes a flowchart for Mermaid. Its nodes are n1, n2 and so on: an
// org's id may be a keyword of Mermaid.
func WriteMermaid(w io.Writer, d Document) error {
	var out strings.Builder
	out.WriteString("flowchart LR\n")
	names := map[string]string{}
	for n, node := range d.nodes() {
		names[node.ID] = fmt.Sprintf("n%d", n+1)
		fmt.Fprintf(&out, "  %s[%s]\n", names[node.ID], mermaidQuote(node.Label()))
	}
	for _, c := range d.Connections {
		edge := "-->"
		if types := joined(c.Types); types != "" { // Mermaid rejects an empty label
			edge += "|" + mermaidQuote(types) + "|"
		}
		fmt.Fprintf(&out, "  %s %s %s\n", names[c.Source.ID], edge, names[c.Sink.ID])
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// mermaidQuote quotes a text. ASCII characters that Mermaid, HTML or Markdown may
// interpret become entity codes such as #35;.
func mermaidQuote(text string) string {
	var out strings.Builder
	for _, r := range Escape(text) {
		if r > unicode.MaxASCII || unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(" ,-_/", r) {
			out.WriteRune(r)
		} else {
			fmt.Fprintf(&out, "#%d;", r)
		}
	}
	return `"` + out.String() + `"`
}
