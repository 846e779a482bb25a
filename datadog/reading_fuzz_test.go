package datadog

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
)

// oddServer lists the same rows for ever, and answers as script says: each
// request takes the next of its bytes as an instruction.
type oddServer struct {
	rows   int
	limit  int
	script []byte
	asked  int

	honest bool // every total that was told was true
	whole  bool // every page was the right one
}

func (s *oddServer) fetch(_ context.Context, offset int) (*page, error) {
	instruction := byte(0)
	if s.asked < len(s.script) {
		instruction = s.script[s.asked]
	}
	s.asked++
	from, size := min(offset, s.rows), s.limit
	p := &page{creators: map[string]Creator{}, total: s.rows}
	switch instruction % 8 {
	case 1: // the page is capped
		size = 1 + int(instruction)/8%s.limit
	case 2: // the page is the first one
		from = 0
		s.whole = s.whole && offset == 0
	case 3: // the page is empty
		from = s.rows
		s.whole = s.whole && offset >= s.rows
	case 4: // the total is unknown
		p.total = unknownTotal
	case 5: // the total is some other
		p.total = int(instruction) / 8
		s.honest = s.honest && p.total == s.rows
	case 6:
		return nil, &Error{Reason: ServerError}
	}
	for n := from; n < min(from+size, s.rows); n++ {
		p.connections = append(p.connections, Connection{ID: fmt.Sprint(n)})
	}
	return p, nil
}

// FuzzReading: whatever a server does, reading ends, shows nothing that is not
// there and nothing twice. What is called complete is all there is unless a total
// lied, and an honest server that gives whole pages, however short, is always
// read to the end.
func FuzzReading(f *testing.F) {
	f.Add(uint8(25), uint8(10), []byte{})
	f.Add(uint8(20), uint8(10), []byte{0, 2, 0, 3, 1})
	f.Add(uint8(30), uint8(10), []byte{1, 9, 17, 25})
	f.Add(uint8(30), uint8(10), []byte{5, 13, 85, 4, 4})
	f.Fuzz(func(t *testing.T, rows, limit uint8, script []byte) {
		if limit == 0 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			server := &oddServer{rows: int(rows), limit: int(limit), script: script, honest: true, whole: true}
			fetches := make(chan struct{}, 1) // one at a time: the script is a sequence
			get := func(ctx context.Context, offset int) (*page, error) {
				fetches <- struct{}{}
				defer func() { <-fetches }()
				return server.fetch(ctx, offset)
			}
			client := &Client{pageSize: int(limit), api: Site{domain: DefaultSite}.APIURL()}
			listing, err := client.believable(t.Context(), get)
			if bound := 3 * (int(rows) + 2*pagesAtOnce + 2); server.asked > bound {
				t.Errorf("%d requests for %d rows", server.asked, rows)
			}
			if err != nil {
				var failure *Error
				if !errors.As(err, &failure) {
					t.Errorf("%v is no Error", err)
				}
				return
			}
			seen := map[string]bool{}
			for _, c := range listing.Connections {
				var n int
				if _, err := fmt.Sscan(c.ID, &n); err != nil || n >= int(rows) || seen[c.ID] {
					t.Errorf("row %q is not there, or twice", c.ID)
				}
				seen[c.ID] = true
			}
			if all := len(seen) == int(rows); server.honest && !all && (listing.Complete || server.whole) {
				t.Errorf("%d of %d rows, complete %v", len(seen), rows, listing.Complete)
			}
		})
	})
}
