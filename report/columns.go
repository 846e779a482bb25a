package report

import "unicode"

// wide are the characters that a terminal shows in two columns: those of East Asia
// and most emoji. Nothing in the standard library tells. The ranges are the large
// ones of Unicode's EastAsianWidth.txt; terminals do not agree about the rest.
var wide = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x1100, Hi: 0x115f, Stride: 1}, // Hangul, beginnings of syllables
		{Lo: 0x2e80, Hi: 0x303e, Stride: 1}, // radicals, CJK punctuation
		{Lo: 0x3041, Hi: 0xa4cf, Stride: 1}, // kana, CJK, Yi
		{Lo: 0xa960, Hi: 0xa97f, Stride: 1}, // Hangul, older ones
		{Lo: 0xac00, Hi: 0xd7a3, Stride: 1}, // Hangul syllables
		{Lo: 0xf900, Hi: 0xfaff, Stride: 1}, // CJK, compatibility
		{Lo: 0xfe30, Hi: 0xfe6f, Stride: 1}, // CJK, vertical and small forms
		{Lo: 0xff01, Hi: 0xff60, Stride: 1}, // full-width forms
		{Lo: 0xffe0, Hi: 0xffe6, Stride: 1}, // full-width signs
	},
	R32: []unicode.Range32{
		{Lo: 0x17000, Hi: 0x18cff, Stride: 1}, // Tangut, Khitan
		{Lo: 0x1b000, Hi: 0x1b2ff, Stride: 1}, // kana, older ones
		{Lo: 0x1f300, Hi: 0x1f64f, Stride: 1}, // emoji
		{Lo: 0x1f680, Hi: 0x1f6ff, Stride: 1}, // emoji, traffic
		{Lo: 0x1f900, Hi: 0x1f9ff, Stride: 1}, // emoji, later ones
		{Lo: 0x1fa70, Hi: 0x1faff, Stride: 1}, // emoji, latest ones
		{Lo: 0x20000, Hi: 0x3fffd, Stride: 1}, // CJK, rare ones
	},
}

// columns is how many columns of a terminal a harmless text takes.
func columns(text string) (count int) {
	for _, r := range text {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me): // they stand on the character before
		case unicode.Is(wide, r):
			count += 2
		default:
			count++
		}
	}
	return count
}
