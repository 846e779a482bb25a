package datadog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// jsonReader reads a JSON document as it comes in. What it is not asked for is
// skipped and never kept; a text that comes again and again, as ids and names of
// orgs do, is there once.
//
// Reading is strict or loose. Strict is a part without which the document tells
// nothing: it is of the kind that is wanted or null, which is as if it were not
// there. Loose is a part that may take any shape without harm.
type jsonReader struct {
	*jsontext.Decoder
	texts map[string]string
}

func newJSONReader(r io.Reader) *jsonReader {
	return &jsonReader{
		// What is wrong with names and letters alone is no reason to lose a listing.
		Decoder: jsontext.NewDecoder(r, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)),
		texts:   map[string]string{},
	}
}

// object reads an object. member is called for each of its names, and reads or
// skips what stands behind it.
func (r *jsonReader) object(member func(name string) error) error {
	return r.nested(jsontext.KindBeginObject, "an object", func() error {
		name, err := r.text()
		if err != nil {
			return err
		}
		return member(name)
	})
}

// array reads an array. element is called for each of its elements, and reads or
// skips it.
func (r *jsonReader) array(element func() error) error {
	return r.nested(jsontext.KindBeginArray, "an array", element)
}

func (r *jsonReader) nested(kind jsontext.Kind, wanted string, each func() error) error {
	switch r.PeekKind() {
	case kind:
	case jsontext.KindNull:
		return r.SkipValue()
	default:
		return r.mismatch(wanted)
	}
	if _, err := r.ReadToken(); err != nil {
		return err
	}
	for {
		switch r.PeekKind() {
		case jsontext.KindEndObject, jsontext.KindEndArray:
			_, err := r.ReadToken()
			return err
		}
		if err := each(); err != nil {
			return err
		}
	}
}

// text reads a text that may come again.
func (r *jsonReader) text() (string, error) {
	inner, err := r.letters()
	if known, ok := r.texts[string(inner)]; ok {
		return known, err
	}
	text := string(inner)
	r.texts[text] = text
	return text, err
}

// uniqueText reads a text that comes only once.
func (r *jsonReader) uniqueText() (string, error) {
	inner, err := r.letters()
	return string(inner), err
}

// letters reads a text, to be copied before anything else is read; one that is not
// valid UTF-8 is made so.
func (r *jsonReader) letters() ([]byte, error) {
	switch r.PeekKind() {
	case jsontext.KindString:
	case jsontext.KindNull:
		return nil, r.SkipValue()
	default:
		return nil, r.mismatch("a text")
	}
	value, err := r.ReadValue()
	if err != nil {
		return nil, err
	}
	inner := value[1 : len(value)-1]
	if bytes.IndexByte(inner, '\\') >= 0 || !utf8.Valid(inner) {
		inner, _ = jsontext.AppendUnquote(nil, value) // the error says that there is a U+FFFD now
	}
	return inner, nil
}

// looseObject reads an object, and skips anything else.
func (r *jsonReader) looseObject(member func(name string) error) error {
	if r.PeekKind() != jsontext.KindBeginObject {
		return r.SkipValue()
	}
	return r.object(member)
}

// looseArray reads an array, and skips anything else.
func (r *jsonReader) looseArray(element func() error) error {
	if r.PeekKind() != jsontext.KindBeginArray {
		return r.SkipValue()
	}
	return r.array(element)
}

// looseText reads a text, and skips anything else.
func (r *jsonReader) looseText() (string, error) {
	if r.PeekKind() != jsontext.KindString {
		return "", r.SkipValue()
	}
	return r.text()
}

// looseBool reads a truth, and skips anything else.
func (r *jsonReader) looseBool() (Ternary, error) {
	switch r.PeekKind() {
	case jsontext.KindTrue:
		return Yes, r.SkipValue()
	case jsontext.KindFalse:
		return No, r.SkipValue()
	}
	return Unknown, r.SkipValue()
}

// looseNumber reads a number as it is written, and skips anything else.
func (r *jsonReader) looseNumber() (string, error) {
	if r.PeekKind() != jsontext.KindNumber {
		return "", r.SkipValue()
	}
	value, err := r.ReadValue()
	return string(value), err
}

// end makes sure that nothing follows.
func (r *jsonReader) end() error {
	switch _, err := r.ReadToken(); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	}
	return errors.New("something follows its end")
}

// mismatch is the error for a strict part of another kind than wanted: the syntax
// error where there is one.
func (r *jsonReader) mismatch(wanted string) error {
	kind := r.PeekKind()
	if err := r.SkipValue(); err != nil {
		return err
	}
	return fmt.Errorf("%s at %q, where there should be %s", inWords(kind), shorten(string(r.StackPointer())), wanted)
}

func inWords(k jsontext.Kind) string {
	switch k {
	case jsontext.KindBeginObject:
		return "an object"
	case jsontext.KindBeginArray:
		return "an array"
	case jsontext.KindString:
		return "a text"
	case jsontext.KindNumber:
		return "a number"
	}
	return k.String()
}
