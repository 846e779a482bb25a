package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
)

// JSON writes the document as [Read] reads it.
func JSON(w io.Writer, d Document) error { return writeJSON(w, d) }

func writeJSON(w io.Writer, value any) error {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false) // names stay readable; no page takes this in as it is
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return err
	}
	_, err := io.WriteString(w, visible(out.String()))
	return err
}

// visible escapes in JSON what is not to be seen and the encoder leaves as it is,
// such as U+009B, at which some terminals begin a command. It means the same to
// who reads it: all this can stand in strings only, where it may be escaped.
func visible(encoded string) string {
	var out strings.Builder
	for _, r := range encoded {
		high, low := utf16.EncodeRune(r)
		switch {
		case unicode.IsGraphic(r) || r == '\n':
			out.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String()
}
