package fake

import (
	"bytes"
	"encoding/json"
	"time"
)

// document is the body of an answer, field for field in the order in which the live API sends them.
type document struct {
	Data     any   `json:"data"`
	Included []any `json:"included,omitempty"` // absent where the list is empty
	Meta     *meta `json:"meta,omitempty"`

	total, filtered int // the true totals
}

type meta struct {
	Page totals `json:"page"`
}

type totals struct {
	TotalCount         any `json:"total_count"`
	TotalFilteredCount any `json:"total_filtered_count"`
}

type row struct {
	Type          string        `json:"type"`
	ID            string        `json:"id"`
	Attributes    attributes    `json:"attributes"`
	Relationships relationships `json:"relationships"`
}

type attributes struct {
	CreatedAt       string   `json:"created_at,omitempty"`
	ConnectionTypes []string `json:"connection_types"`
}

type relationships struct {
	SourceOrg relationship  `json:"source_org"`
	SinkOrg   relationship  `json:"sink_org"`
	CreatedBy *relationship `json:"created_by,omitempty"`
}

type relationship struct {
	Data *reference `json:"data"`
}

type reference struct {
	Type string `json:"type"`
	ID   string `json:"id"`
	Name any    `json:"name,omitzero"` // a string, null, or nil: absent
}

const (
	typeConnection = "org_connection"
	typeOrgs       = "orgs"
	typeUsers      = "users"
)

var null = json.RawMessage("null")

// document draws a page of a listing.
func (s *Server) document(l listing) document {
	rows := []row{}
	for _, c := range l.page() {
		rows = append(rows, s.row(c))
	}
	d := document{Data: rows, total: l.total, filtered: len(l.rows)}
	d.Meta = &meta{totals{TotalCount: d.total, TotalFilteredCount: d.filtered}}
	if !s.opts.OmitIncluded {
		d.Included = s.included(rows)
	}
	return d
}

// row draws a connection, quirks and all.
func (s *Server) row(c *Connection) row {
	source, sink, creator := s.orgs.get(c.SourceID), s.orgs.get(c.SinkID), s.users.get(c.CreatorID)
	r := row{
		Type:       typeConnection,
		ID:         c.ID,
		Attributes: attributes{CreatedAt: timestamp(c.CreatedAt), ConnectionTypes: c.Types},
		Relationships: relationships{
			SourceOrg: relationship{&reference{typeOrgs, source.ID, source.Name}},
			SinkOrg:   relationship{&reference{typeOrgs, sink.ID, sink.Name}},
			CreatedBy: &relationship{&reference{typeUsers, creator.ID, creator.Name}},
		},
	}
	c.Quirks.bend(&r)
	return r
}

// timestamp writes a time as the API does: microseconds and +00:00.
func timestamp(t time.Time) string {
	return t.UTC().Format("2006-01-02T15:04:05.000000-07:00")
}

// encode writes a document with the newline that the API ends it with.
func encode(d document) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(d); err != nil {
		panic("fake: a fault made a document that is no JSON: " + err.Error())
	}
	return b.Bytes()
}
