package report

import (
	"cmp"
	"strconv"
	"strings"
	"unicode"
)

// harmless gives a text from outside as it can be shown: everything that is not
// visible stands there as an escape, so that a name can neither move the cursor,
// nor start a line of its own, nor turn the direction in which others are read. A
// backslash stays as it is: names that look like an escape deceive nobody.
func harmless(text string) string {
	var out strings.Builder
	for _, r := range text { // a byte that is no UTF-8 comes as U+FFFD, which is visible
		if unicode.IsGraphic(r) {
			out.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRuneToASCII(r)
		out.WriteString(quoted[1 : len(quoted)-1])
	}
	return out.String()
}

// label is what an org is called where it is shown.
func (p Party) label() string {
	return harmless(cmp.Or(strings.TrimSpace(p.Name), strings.TrimSpace(p.ID), "unknown"))
}

// enumerated gives texts as people write them.
func enumerated(texts []string) string { return strings.Join(texts, ", ") }
