package report

import (
	"unicode"

	"golang.org/x/text/width"
)

// columns is how many columns of a terminal a harmless text takes: two for
// characters of East Asia and most emoji, as Unicode's EastAsianWidth.txt has it.
func columns(text string) (count int) {
	for _, r := range text {
		if unicode.In(r, unicode.Mn, unicode.Me) {
			continue // they stand on the character before
		}
		switch width.LookupRune(r).Kind() {
		case width.EastAsianWide, width.EastAsianFullwidth:
			count += 2
		default:
			count++
		}
	}
	return count
}
