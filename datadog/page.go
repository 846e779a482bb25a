package datadog

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// page is what one answer tells.
type page struct {
	connections []Connection // as they came: unsorted, perhaps twice
	orgs        []Org        // parts of what is known about orgs, the more trusted last
	users       map[string]user
	total       int // how many connections the API says there are, unknownTotal where it does not
}

// user is what the undocumented part of an answer tells about a creator. What
// is personal in there (name, handle, e-mail address, icon) is not kept.
type user struct {
	kind     CreatorKind
	disabled Ternary
}

const unknownTotal = -1

// decodePage reads a page. filtered says whether the request held a filter: the
// unfiltered total tells nothing then.
//
// The shape is that of the API reference and of recorded answers. The rows must
// have it, or the answer is no listing; what is told beside them need not.
func decodePage(body io.Reader, filtered bool) (*page, error) {
	in := pageReader{newJSONReader(body)}
	p, err := in.page(filtered)
	if err != nil {
		return nil, fmt.Errorf("the answer is no listing of org connections: %w", err)
	}
	return p, nil
}

// pageReader reads the parts of a page, from the outside in.
type pageReader struct{ *jsonReader }

func (r pageReader) page(filtered bool) (*page, error) {
	p := &page{users: map[string]user{}}
	var totals totals
	err := r.object(func(name string) error {
		switch name {
		case "data":
			return r.rows(p)
		case "included":
			return r.looseArray(func() error { return r.included(p) })
		case "meta":
			return r.meta(&totals)
		}
		return r.SkipValue()
	})
	if err != nil {
		return nil, err
	}
	if p.connections == nil {
		return nil, errors.New("it has no data")
	}
	p.total = totals.matching(filtered)
	return p, r.end()
}

func (r pageReader) rows(p *page) error {
	if r.PeekKind() == jsontext.KindBeginArray {
		p.connections = []Connection{}
	}
	return r.array(func() error {
		c, err := r.row(p)
		if err != nil {
			return fmt.Errorf("its row %d is no org connection: %w", len(p.connections), err)
		}
		p.connections = append(p.connections, c)
		return nil
	})
}

// row reads a connection. One that cannot be identified is refused: rows are told
// apart by their ids
// (https://jsonapi.org/format/#document-resource-object-identification).
func (r pageReader) row(p *page) (Connection, error) {
	c := Connection{Creator: Creator{Kind: CreatorUnknown}}
	var kind string
	err := r.object(func(name string) (err error) {
		switch name {
		case "type":
			kind, err = r.text()
		case "id":
			c.ID, err = r.uniqueText()
		case "attributes":
			err = r.attributes(&c)
		case "relationships":
			err = r.relationships(&c, p)
		default:
			err = r.SkipValue()
		}
		return err
	})
	switch {
	case err != nil:
		return c, err
	case kind != "" && kind != "org_connection":
		return c, fmt.Errorf("its type is %q", shorten(kind))
	case c.ID == "":
		return c, errors.New("it has no id")
	}
	return c, nil
}

func (r pageReader) attributes(c *Connection) error {
	return r.object(func(name string) (err error) {
		switch name {
		case "created_at":
			c.CreatedAt, err = r.looseTime()
		case "connection_types":
			c.Types, err = r.types()
		default:
			err = r.SkipValue()
		}
		return err
	})
}

// types are sorted, each once.
func (r pageReader) types() ([]string, error) {
	var types []string
	err := r.array(func() error {
		t, err := r.text()
		if t != "" {
			types = append(types, t)
		}
		return err
	})
	slices.Sort(types)
	return slices.Compact(types), err
}

// looseTime reads a time as RFC 3339 has it; zero is anything else.
func (r pageReader) looseTime() (time.Time, error) {
	text, err := r.looseText()
	if at, wrong := time.Parse(time.RFC3339, text); wrong == nil {
		return at.UTC(), err
	}
	return time.Time{}, err
}

func (r pageReader) relationships(c *Connection, p *page) error {
	return r.object(func(name string) error {
		var err error
		var end Org
		switch name {
		case "source_org":
			end, err = r.relationship()
			c.SourceID = end.ID
		case "sink_org":
			end, err = r.relationship()
			c.SinkID = end.ID
		case "created_by":
			var creator Org // no name of a person is kept
			creator, err = r.relationship()
			c.Creator.ID = creator.ID
		default:
			return r.SkipValue()
		}
		p.addOrg(end)
		return err
	})
}

// relationship reads who stands at the other end of one.
func (r pageReader) relationship() (Org, error) {
	var other Org
	err := r.object(func(name string) error {
		if name != "data" {
			return r.SkipValue()
		}
		return r.object(func(name string) (err error) {
			switch name {
			case "id":
				other.ID, err = r.text()
			case "name":
				other.Name, err = r.looseText()
			default:
				err = r.SkipValue()
			}
			return err
		})
	})
	return other, err
}

// included reads what the undocumented part tells of an org or a user.
func (r pageReader) included(p *page) error {
	var kind string
	var org Org
	var serviceAccount Ternary
	err := r.looseObject(func(name string) (err error) {
		switch name {
		case "type":
			kind, err = r.looseText()
		case "id":
			org.ID, err = r.looseText()
		case "attributes":
			err = r.includedAttributes(&org, &serviceAccount)
		default:
			err = r.SkipValue()
		}
		return err
	})
	switch kind {
	case "orgs":
		p.addOrg(org)
	case "users":
		p.addUser(org.ID, user{kind: kindOf(serviceAccount), disabled: org.Disabled})
	}
	return err
}

// includedAttributes reads those of an org and of a user: which of the two it is
// may stand behind them.
func (r pageReader) includedAttributes(org *Org, serviceAccount *Ternary) error {
	return r.looseObject(func(name string) (err error) {
		switch name {
		case "name":
			org.Name, err = r.looseText()
		case "public_id":
			org.PublicID, err = r.looseText()
		case "sharing":
			org.Sharing, err = r.looseText()
		case "disabled":
			org.Disabled, err = r.looseBool()
		case "service_account":
			*serviceAccount, err = r.looseBool()
		default:
			err = r.SkipValue()
		}
		return err
	})
}

func kindOf(serviceAccount Ternary) CreatorKind {
	switch serviceAccount {
	case Yes:
		return CreatorServiceAccount
	case No:
		return CreatorUser
	}
	return CreatorUnknown
}

func (p *page) addOrg(o Org) {
	if o.ID != "" {
		p.orgs = append(p.orgs, o)
	}
}

func (p *page) addUser(id string, u user) {
	if id != "" {
		p.users[id] = u
	}
}

// totals are as they were told: whole numbers, or nothing that is of use.
type totals struct{ all, filtered string }

func (r pageReader) meta(t *totals) error {
	return r.looseObject(func(name string) error {
		if name != "page" {
			return r.SkipValue()
		}
		return r.looseObject(func(name string) (err error) {
			switch name {
			case "total_count":
				t.all, err = r.looseNumber()
			case "total_filtered_count":
				t.filtered, err = r.looseNumber()
			default:
				err = r.SkipValue()
			}
			return err
		})
	})
}

// matching is what the API says of the rows that match the filter.
func (t totals) matching(filtered bool) int {
	if n, err := strconv.Atoi(t.filtered); err == nil && n >= 0 {
		return n
	}
	if n, err := strconv.Atoi(t.all); err == nil && n >= 0 && !filtered {
		return n
	}
	return unknownTotal
}
