package fake

import (
	"bytes"
	"encoding/json"
	"time"
)

// document is the body of a page. Its fields, and those of all its parts, are in the order of the live API's JSON.
type document struct {
	Data     []row      `json:"data"`
	Included []resource `json:"included,omitempty"` // absent when it is empty
	Meta     *meta      `json:"meta,omitempty"`
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

// resource is one element of "included": an org or a user, told apart by its type.
type resource struct {
	Type       string `json:"type"`
	ID         string `json:"id"`
	Attributes any    `json:"attributes"`
}

type orgAttributes struct {
	PublicID    string  `json:"public_id"`
	Name        string  `json:"name"`
	Description *string `json:"description"`
	Sharing     string  `json:"sharing"`
	URL         *string `json:"url"`
	Disabled    bool    `json:"disabled"`
	CreatedAt   string  `json:"created_at"`
	ModifiedAt  *string `json:"modified_at"`
}

type userAttributes struct {
	Name                string   `json:"name"`
	Handle              string   `json:"handle"`
	CreatedAt           string   `json:"created_at"`
	ModifiedAt          string   `json:"modified_at"`
	Email               string   `json:"email"`
	Icon                string   `json:"icon"`
	Title               *string  `json:"title"`
	Verified            bool     `json:"verified"`
	ServiceAccount      bool     `json:"service_account"`
	Disabled            bool     `json:"disabled"`
	AllowedLoginMethods []string `json:"allowed_login_methods"`
	Status              string   `json:"status"`
}

const (
	typeConnection  = "org_connection"
	typeOrgs        = "orgs"
	typeUsers       = "users"
	typeManagedOrgs = "managed_orgs"
)

// Quirks are oddities of a connection's JSON that a client must cope with. The zero value has none.
type Quirks struct {
	Names       Names  // of the orgs and the user in the relationships
	NullSource  bool   // source_org: {"data": null}
	NullSink    bool   // sink_org: {"data": null}
	NullCreator bool   // created_by: {"data": null}
	NoCreator   bool   // no created_by
	NoCreatedAt bool   // no created_at
	CreatedAt   string // sent in place of the time, e.g. "yesterday"
	NullTypes   bool   // connection_types: null
}

// Names is how the names in a connection's relationships are sent.
type Names int

// How names are sent.
const (
	RealNames  Names = iota // as they are
	NullNames               // as null
	NoNames                 // not at all: the field is missing
	EmptyNames              // as the empty string
)

// document returns a page of a listing.
func (s *Server) document(l listing) document {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := document{Data: []row{}, Meta: l.meta}
	for _, c := range l.page() {
		d.Data = append(d.Data, s.row(c))
	}
	if !s.opts.OmitIncluded {
		d.Included = s.included(d.Data)
	}
	return d
}

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
	c.Quirks.apply(&r)
	return r
}

func (q Quirks) apply(r *row) {
	rel := &r.Relationships
	if q.Names != RealNames {
		name := map[Names]any{NullNames: json.RawMessage("null"), NoNames: nil, EmptyNames: ""}[q.Names]
		rel.SourceOrg.Data.Name, rel.SinkOrg.Data.Name, rel.CreatedBy.Data.Name = name, name, name
	}
	if q.NullSource {
		rel.SourceOrg.Data = nil
	}
	if q.NullSink {
		rel.SinkOrg.Data = nil
	}
	if q.NullCreator {
		rel.CreatedBy.Data = nil
	}
	if q.NoCreator {
		rel.CreatedBy = nil
	}
	if q.CreatedAt != "" {
		r.Attributes.CreatedAt = q.CreatedAt
	}
	if q.NoCreatedAt {
		r.Attributes.CreatedAt = ""
	}
	if q.NullTypes {
		r.Attributes.ConnectionTypes = nil
	}
}

// included returns the orgs, and after them the users, that the rows refer to, each once.
func (s *Server) included(rows []row) []resource {
	var orgs, users []resource
	seen := map[reference]bool{}
	for _, row := range rows {
		rel := &row.Relationships
		for _, r := range []*relationship{&rel.SourceOrg, &rel.SinkOrg, rel.CreatedBy} {
			if r == nil || r.Data == nil {
				continue
			}
			key := reference{Type: r.Data.Type, ID: r.Data.ID}
			if seen[key] {
				continue
			}
			seen[key] = true
			if key.Type == typeOrgs {
				if o := s.orgs.get(key.ID); !o.NotIncluded {
					orgs = append(orgs, resource{typeOrgs, o.ID, o.attributes()})
				}
			} else if u := s.users.get(key.ID); !u.NotIncluded {
				users = append(users, u.resource())
			}
		}
	}
	return append(orgs, users...)
}

func (o *Org) attributes() orgAttributes {
	var modifiedAt *string
	if !o.ModifiedAt.IsZero() {
		modifiedAt = new(timestamp(o.ModifiedAt))
	}
	return orgAttributes{
		PublicID:   o.PublicID,
		Name:       o.Name,
		Sharing:    o.Sharing,
		Disabled:   o.Disabled,
		CreatedAt:  timestamp(o.CreatedAt),
		ModifiedAt: modifiedAt,
	}
}

func (u *User) resource() resource {
	status := "Active"
	if u.Disabled {
		status = "Disabled"
	}
	return resource{typeUsers, u.ID, userAttributes{
		Name:                u.Name,
		Handle:              u.Handle,
		CreatedAt:           timestamp(u.CreatedAt),
		ModifiedAt:          timestamp(u.ModifiedAt),
		Email:               u.Email,
		Icon:                "https://icons.example.com/" + u.ID,
		Verified:            true,
		ServiceAccount:      u.ServiceAccount,
		Disabled:            u.Disabled,
		AllowedLoginMethods: []string{},
		Status:              status,
	}}
}

// timestamp formats a time as the API does: in UTC, with microseconds and +00:00.
func timestamp(t time.Time) string {
	return t.UTC().Format("2006-01-02T15:04:05.000000-07:00")
}

// encode returns the document's JSON with the newline at its end that the API sends.
func encode(document any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(document); err != nil {
		panic("fake: a fault made a document that cannot be encoded: " + err.Error())
	}
	return b.Bytes()
}
