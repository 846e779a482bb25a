package datadog

import (
	"encoding/json"
	"testing"
)

func TestTernary_JSON(t *testing.T) {
	type document struct {
		Always    Ternary `json:"always"`
		Sometimes Ternary `json:"sometimes,omitzero"`
	}
	for value, want := range map[Ternary]string{
		Unknown: `{"always":null}`,
		No:      `{"always":false,"sometimes":false}`,
		Yes:     `{"always":true,"sometimes":true}`,
	} {
		encoded, err := json.Marshal(document{value, value})
		if err != nil || string(encoded) != want {
			t.Errorf("%v is encoded as %s (%v), want %s", value, encoded, err, want)
		}
		decoded := document{Always: Yes} // to be overwritten by null
		if err := json.Unmarshal(encoded, &decoded); err != nil || decoded != (document{value, value}) {
			t.Errorf("%s is decoded as %v (%v)", encoded, decoded, err)
		}
	}
	for _, invalid := range []string{`0`, `"yes"`, `"true"`, `{}`, `[]`} {
		if err := json.Unmarshal([]byte(invalid), new(Ternary)); err == nil {
			t.Errorf("%s is no error", invalid)
		}
	}
}
