package datadog

import "fmt"

// Ternary is a boolean that may be unknown. In JSON it is true, false or null;
// the option omitzero leaves out what is unknown.
type Ternary int8

// The values of a [Ternary]. The zero value is Unknown.
const (
	Unknown Ternary = iota
	No
	Yes
)

// IsKnown reports whether t is Yes or No.
func (t Ternary) IsKnown() bool { return t != Unknown }

// MarshalJSON implements [encoding/json.Marshaler].
func (t Ternary) MarshalJSON() ([]byte, error) {
	switch t {
	case Yes:
		return []byte("true"), nil
	case No:
		return []byte("false"), nil
	}
	return []byte("null"), nil
}

// UnmarshalJSON implements [encoding/json.Unmarshaler]. It returns an error for
// anything but true, false and null.
func (t *Ternary) UnmarshalJSON(data []byte) error {
	switch string(data) {
	case "true":
		*t = Yes
	case "false":
		*t = No
	case "null":
		*t = Unknown
	default:
		return fmt.Errorf("%.20s is not true, false or null", data)
	}
	return nil
}
