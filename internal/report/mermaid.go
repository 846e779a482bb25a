package report

import (
	"fmt"
	"io"
	"strings"
	"unicode"
)

// Mermaid writes a flowchart for Mermaid: a line for each org and each connection,
// one more above them. Orgs go by n1, n2 and so on, because ids of other kinds may
// be words of the language.
func Mermaid(w io.Writer, d Document) error {
	var out strings.Builder
	out.WriteString("flowchart LR\n")
	names := map[string]string{}
	for n, node := range d.nodes() {
		names[node.ID] = fmt.Sprintf("n%d", n+1)
		fmt.Fprintf(&out, "  %s[%s]\n", names[node.ID], mermaidLabel(node.label()))
	}
	for _, c := range d.Connections {
		arrow := "-->"
		if types := enumerated(c.Types); types != "" { // a label must not be empty
			arrow += "|" + mermaidLabel(types) + "|"
		}
		fmt.Fprintf(&out, "  %s %s %s\n", names[c.Source.ID], arrow, names[c.Sink.ID])
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// mermaidLabel quotes a text. Of ASCII only what surely means nothing to Mermaid,
// HTML or Markdown stays; the rest is given by its number.
func mermaidLabel(text string) string {
	var out strings.Builder
	for _, r := range harmless(text) {
		if r > unicode.MaxASCII || unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(" ,-_/", r) {
			out.WriteRune(r)
		} else {
			fmt.Fprintf(&out, "#%d;", r)
		}
	}
	return `"` + out.String() + `"`
}
