package datadog

import (
	"context"
	"errors"
	"strconv"
	"testing"
)

func TestAServerWithoutEndIsGivenUp(t *testing.T) {
	const size = 100_000
	endless := func(_ context.Context, offset int) (*page, error) {
		p := &page{connections: make([]Connection, size), total: unknownTotal}
		for n := range p.connections {
			p.connections[n].ID = strconv.Itoa(offset + n)
		}
		return p, nil
	}
	if _, err := readAll(t.Context(), endless, size); !errors.Is(err, Incomplete) {
		t.Errorf("the error is %v", err)
	}
}
