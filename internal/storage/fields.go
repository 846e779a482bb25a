package storage

import (
	"encoding/hex"
	"fmt"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"datadog_org_connections_exporter/datadog"
)

// fields is a message of Protocol Buffers that is written, or of which one field is
// read. One function states the fields of a type for both: it calls a method for each
// field, with its number and where it is. Empty fields are not written, and those of
// other numbers are not read.
type fields struct {
	out []byte // written so far

	reading bool
	number  protowire.Number // of the field that is read
	varint  uint64           // its value, or
	bytes   []byte
	shared  *sharedStrings
	err     error
}

// encode returns the message of a type's fields.
func encode(of func(*fields)) []byte {
	f := fields{}
	of(&f)
	return f.out
}

// decode sets a type's fields from a message. Strings that are in others too are shared
// with them.
func decode(message []byte, shared *sharedStrings, of func(*fields)) error {
	f := fields{reading: true, shared: shared}
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		f.number, f.varint, f.bytes = number, 0, nil
		switch kind {
		case protowire.VarintType:
			f.varint, n = protowire.ConsumeVarint(message)
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(message)
		default:
			n = protowire.ConsumeFieldValue(number, kind, message)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		if of(&f); f.err != nil {
			return fmt.Errorf("field %d: %w", number, f.err)
		}
	}
	return nil
}

// reads reports whether the field of that number is read.
func (f *fields) reads(number protowire.Number) bool { return f.reading && f.number == number }

func (f *fields) writeBytes(number protowire.Number, value string) {
	f.out = protowire.AppendTag(f.out, number, protowire.BytesType)
	f.out = protowire.AppendString(f.out, value)
}

func (f *fields) uint(number protowire.Number, value *uint64) {
	switch {
	case f.reads(number):
		*value = f.varint
	case !f.reading && *value != 0:
		f.out = protowire.AppendTag(f.out, number, protowire.VarintType)
		f.out = protowire.AppendVarint(f.out, *value)
	}
}

func (f *fields) int(number protowire.Number, value *int64) {
	zigzag := protowire.EncodeZigZag(*value)
	f.uint(number, &zigzag)
	*value = protowire.DecodeZigZag(zigzag)
}

func (f *fields) bool(number protowire.Number, value *bool) {
	n := protowire.EncodeBool(*value)
	f.uint(number, &n)
	*value = protowire.DecodeBool(n)
}

// ternary writes 1 for No, 2 for Yes.
func (f *fields) ternary(number protowire.Number, value *datadog.Ternary) {
	meanings := [...]datadog.Ternary{1: datadog.No, 2: datadog.Yes}
	var n uint64
	for i, meaning := range meanings {
		if meaning == *value {
			n = uint64(i) //nolint:gosec // an index
		}
	}
	f.uint(number, &n)
	*value = datadog.Unknown
	if n < uint64(len(meanings)) {
		*value = meanings[n]
	}
}

func (f *fields) string(number protowire.Number, value *string) {
	switch {
	case f.reads(number):
		*value = f.shared.text(f.bytes)
	case !f.reading && *value != "":
		f.writeBytes(number, *value)
	}
}

func (f *fields) strings(number protowire.Number, values *[]string) {
	if f.reads(number) {
		*values = append(*values, f.shared.text(f.bytes))
	}
	for _, value := range *values {
		if !f.reading {
			f.writeBytes(number, value)
		}
	}
}

// id is a string that is mostly a UUID.
func (f *fields) id(number protowire.Number, value *string) {
	switch {
	case f.reads(number):
		*value = f.shared.id(f.bytes)
	case !f.reading && *value != "":
		f.writeBytes(number, pack(*value))
	}
}

// time writes seconds since 1970, and nanoseconds.
func (f *fields) time(number protowire.Number, value *time.Time) {
	switch {
	case f.reads(number):
		seconds, n := protowire.ConsumeVarint(f.bytes)
		nanoseconds, m := protowire.ConsumeVarint(f.bytes[max(n, 0):])
		f.err = protowire.ParseError(min(n, m, 0))
		*value = time.Unix(protowire.DecodeZigZag(seconds), int64(nanoseconds)).UTC() //nolint:gosec // of a time
	case !f.reading && !value.IsZero():
		b := protowire.AppendVarint(nil, protowire.EncodeZigZag(value.Unix()))
		f.writeBytes(number, string(protowire.AppendVarint(b, uint64(value.Nanosecond())))) //nolint:gosec // not negative
	}
}

// message is a message in another. It is written even if it is empty.
func (f *fields) message(number protowire.Number, of func(*fields)) {
	switch {
	case f.reads(number):
		f.err = decode(f.bytes, f.shared, of)
	case !f.reading:
		f.writeBytes(number, string(encode(of)))
	}
}

// sharedStrings shares the memory of equal strings.
type sharedStrings struct {
	texts map[string]string
	ids   map[string]string // by their packed form
}

func newSharedStrings(size int) *sharedStrings {
	return &sharedStrings{texts: map[string]string{}, ids: make(map[string]string, size)}
}

func (s *sharedStrings) text(b []byte) string {
	if shared, ok := s.texts[string(b)]; ok {
		return shared
	}
	text := string(b)
	s.texts[text] = text
	return text
}

func (s *sharedStrings) id(packed []byte) string {
	if shared, ok := s.ids[string(packed)]; ok {
		return shared
	}
	id := unpack(packed)
	s.ids[string(packed)] = id
	return id
}

// The first byte of packed ids. No other id begins with one of them.
const (
	packedUUID = '\x00' // followed by its 16 bytes
	packedText = '\x01' // followed by the id, which has such a byte itself
)

// pack returns a short form of an id: of the usual UUIDs less than half.
func pack(id string) string {
	if len(id) == 36 {
		var packed [17]byte
		if _, err := hex.Decode(packed[1:], []byte(id[:8]+id[9:13]+id[14:18]+id[19:23]+id[24:])); err == nil && unpack(packed[:]) == id {
			return string(packed[:])
		}
	}
	if id != "" && id[0] <= packedText {
		return string(packedText) + id
	}
	return id
}

func unpack(packed []byte) string {
	switch {
	case len(packed) == 17 && packed[0] == packedUUID:
		b := hex.AppendEncode(make([]byte, 0, 36), packed[1:])
		return string(b[:8]) + "-" + string(b[8:12]) + "-" + string(b[12:16]) + "-" + string(b[16:20]) + "-" + string(b[20:])
	case len(packed) > 0 && packed[0] == packedText:
		return string(packed[1:])
	}
	return string(packed)
}
