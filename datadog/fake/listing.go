package fake

// listing is what a request's org sees, and the part of it that the request gets.
type listing struct {
	rows          []*Connection // that match the filter
	total         int           // of rows before the filter
	offset, limit int
}

// list reads what a request asks for.
func (s *Server) list(r Request) listing {
	visible := s.visible(r.OrgID)
	l := listing{
		total:  len(visible),
		offset: r.Offset,
		limit:  min(r.Limit, s.opts.PageCap),
	}
	for _, c := range visible {
		if matches(r.Query, c) {
			l.rows = append(l.rows, c)
		}
	}
	return l
}

// page cuts out the rows of one page.
func (l listing) page() []*Connection {
	from := min(l.offset, len(l.rows))
	size := min(l.limit, len(l.rows)-from)
	return l.rows[from : from+size]
}
