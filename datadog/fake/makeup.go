package fake

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"
)

// makeUp invents what a test leaves open: the same seed and calls give the same values.
type makeUp struct {
	random *rand.Rand
	count  int // of times given, which grow with it
}

func (m *makeUp) org(o *Org) {
	fill(&o.ID, m.uuid)
	fill(&o.Name, func() string { return "Acme " + m.letters(6) })
	fill(&o.PublicID, func() string { return m.letters(16) })
	fill(&o.Sharing, func() string { return "all_private" })
	fill(&o.CreatedAt, m.time)
}

func (m *makeUp) user(u *User) {
	fill(&u.ID, m.uuid)
	fill(&u.Name, func() string { return "user-" + m.letters(6) })
	fill(&u.Email, func() string { return m.letters(8) + "@example.com" })
	fill(&u.Handle, func() string { return u.Email })
	fill(&u.CreatedAt, m.time)
	fill(&u.ModifiedAt, func() time.Time { return u.CreatedAt })
}

func (m *makeUp) connection(c *Connection) {
	fill(&c.ID, m.uuid)
	fill(&c.CreatedAt, m.time)
	if c.Types == nil {
		c.Types = []string{"logs"}
	}
}

// fill sets a field that was left empty.
func fill[T comparable](field *T, value func() T) {
	var empty T
	if *field == empty {
		*field = value()
	}
}

// uuid is shaped like a random (version 4) UUID.
func (m *makeUp) uuid() string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], m.random.Uint64())
	binary.BigEndian.PutUint64(b[8:], m.random.Uint64())
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func (m *makeUp) letters(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'a' + byte(m.random.IntN(26))
	}
	return string(b)
}

// time gives a later time with each call, a minute or less apart, from 2024 on.
func (m *makeUp) time() time.Time {
	m.count++
	minutes := time.Date(2024, 1, 1, 0, m.count, 0, 0, time.UTC)
	return minutes.Add(time.Duration(m.random.IntN(60_000_000)) * time.Microsecond)
}
