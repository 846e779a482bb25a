package datadog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// page is what one answer tells.
type page struct {
	connections []Connection // as they came: unsorted, perhaps twice
	orgs        []Org        // parts of what is known about orgs, the more trusted last
	users       map[string]user
	total       int // how many connections the API says there are, unknownTotal where it does not
}

// user is what the undocumented part of an answer tells about a creator. What
// is personal in there (name, handle, e-mail address, icon) is not even decoded.
type user struct {
	kind     CreatorKind
	disabled Ternary
}

const unknownTotal = -1

// The JSON of a page, as the API reference and recorded answers have it. What may
// take any shape without harm is loose; the rest must fit, or the answer is no
// listing.
type (
	pageJSON struct {
		Data     *[]connectionJSON     `json:"data"`
		Included loose[[]resourceJSON] `json:"included"`
		Meta     loose[metaJSON]       `json:"meta"`
	}
	connectionJSON struct {
		Type       string `json:"type"`
		ID         string `json:"id"`
		Attributes struct {
			CreatedAt looseTime `json:"created_at"`
			Types     []string  `json:"connection_types"`
		} `json:"attributes"`
		Relationships struct {
			SourceOrg relationshipJSON `json:"source_org"`
			SinkOrg   relationshipJSON `json:"sink_org"`
			CreatedBy relationshipJSON `json:"created_by"`
		} `json:"relationships"`
	}
	relationshipJSON struct {
		Data struct {
			ID   string    `json:"id"`
			Name looseText `json:"name"`
		} `json:"data"`
	}
	resourceJSON struct {
		Type       string `json:"type"`
		ID         string `json:"id"`
		Attributes struct {
			Name           string    `json:"name"`
			PublicID       string    `json:"public_id"`
			Sharing        string    `json:"sharing"`
			Disabled       looseBool `json:"disabled"`
			ServiceAccount looseBool `json:"service_account"`
		} `json:"attributes"`
	}
	metaJSON struct {
		Page struct {
			TotalCount         looseCount `json:"total_count"`
			TotalFilteredCount looseCount `json:"total_filtered_count"`
		} `json:"page"`
	}
)

// loose decodes what fits, at any depth, and leaves the rest at its zero value: so
// encoding/json does, beside the error that is ignored here.
type loose[T any] struct{ value T }

func (l *loose[T]) UnmarshalJSON(data []byte) error {
	_ = json.Unmarshal(data, &l.value)
	return nil
}

// looseText is empty where there is something else than a text.
type looseText string

func (t *looseText) UnmarshalJSON(data []byte) error {
	if inner, plain := plainText(data); plain {
		*t = looseText(inner)
		return nil
	}
	var text string
	if json.Unmarshal(data, &text) == nil {
		*t = looseText(text)
	}
	return nil
}

// looseTime is zero where there is something else than a time as RFC 3339 has it.
type looseTime struct{ time.Time }

func (t *looseTime) UnmarshalJSON(data []byte) error {
	if inner, plain := plainText(data); plain {
		if at, err := time.Parse(time.RFC3339, string(inner)); err == nil {
			t.Time = at
		}
	}
	return nil
}

// looseBool is unknown where there is something else than a truth.
type looseBool Ternary

func (b *looseBool) UnmarshalJSON(data []byte) error {
	switch string(data) {
	case "true":
		*b = looseBool(Yes)
	case "false":
		*b = looseBool(No)
	}
	return nil
}

// looseCount is not given where there is something else than a whole number, or one
// below zero.
type looseCount struct {
	count int
	given bool
}

func (c *looseCount) UnmarshalJSON(data []byte) error {
	if n, err := strconv.Atoi(string(data)); err == nil && n >= 0 {
		c.count, c.given = n, true
	}
	return nil
}

// plainText gives what is between the quotes of a JSON string in which nothing is
// escaped, as are nearly all.
func plainText(data []byte) (inner []byte, plain bool) {
	if len(data) < 2 || data[0] != '"' {
		return nil, false
	}
	inner = data[1 : len(data)-1]
	return inner, !bytes.ContainsRune(inner, '\\') && utf8.Valid(inner)
}

// decodePage reads a page. filtered says whether the request held a filter: the
// unfiltered total tells nothing then.
func decodePage(body []byte, filtered bool) (*page, error) {
	var raw pageJSON
	if err := json.Unmarshal(body, &raw); err != nil {
		return nil, fmt.Errorf("the answer is no listing of org connections: %w", err)
	}
	if raw.Data == nil {
		return nil, errors.New("the answer is no listing of org connections: it has no data")
	}
	p := &page{
		connections: make([]Connection, len(*raw.Data)),
		users:       map[string]user{},
		total:       raw.Meta.value.total(filtered),
	}
	for i, c := range *raw.Data {
		if err := c.check(); err != nil {
			return nil, fmt.Errorf("row %d of the answer is no org connection: %w", i, err)
		}
		p.connections[i] = c.connection()
		p.addOrg(Org{ID: c.Relationships.SourceOrg.Data.ID, Name: string(c.Relationships.SourceOrg.Data.Name)})
		p.addOrg(Org{ID: c.Relationships.SinkOrg.Data.ID, Name: string(c.Relationships.SinkOrg.Data.Name)})
	}
	for _, included := range raw.Included.value {
		p.addIncluded(included)
	}
	return p, nil
}

// check refuses what cannot be identified: rows are told apart by their ids
// (https://jsonapi.org/format/#document-resource-object-identification).
func (c *connectionJSON) check() error {
	switch {
	case c.Type != "" && c.Type != "org_connection":
		return fmt.Errorf("its type is %q", shorten(c.Type))
	case c.ID == "":
		return errors.New("it has no id")
	}
	return nil
}

func (c *connectionJSON) connection() Connection {
	types := slices.DeleteFunc(c.Attributes.Types, func(t string) bool { return t == "" })
	slices.Sort(types)
	return Connection{
		ID:        c.ID,
		SourceID:  c.Relationships.SourceOrg.Data.ID,
		SinkID:    c.Relationships.SinkOrg.Data.ID,
		Types:     slices.Compact(types),
		CreatedAt: c.Attributes.CreatedAt.UTC(),
		Creator:   Creator{ID: c.Relationships.CreatedBy.Data.ID, Kind: CreatorUnknown},
	}
}

func (p *page) addOrg(o Org) {
	if o.ID != "" {
		p.orgs = append(p.orgs, o)
	}
}

func (p *page) addIncluded(r resourceJSON) {
	a := r.Attributes
	switch {
	case r.Type == "orgs":
		p.addOrg(Org{ID: r.ID, Name: a.Name, PublicID: a.PublicID, Sharing: a.Sharing, Disabled: Ternary(a.Disabled)})
	case r.Type == "users" && r.ID != "":
		kind := CreatorUnknown
		switch Ternary(a.ServiceAccount) {
		case Yes:
			kind = CreatorServiceAccount
		case No:
			kind = CreatorUser
		}
		p.users[r.ID] = user{kind: kind, disabled: Ternary(a.Disabled)}
	}
}

// total is what the API says of the rows that match the filter.
func (m metaJSON) total(filtered bool) int {
	switch {
	case m.Page.TotalFilteredCount.given:
		return m.Page.TotalFilteredCount.count
	case m.Page.TotalCount.given && !filtered:
		return m.Page.TotalCount.count
	}
	return unknownTotal
}
