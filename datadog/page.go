package datadog

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
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

// The JSON of a page, as the API reference and recorded answers have it. Parts
// that may take any shape without harm are lenient; the rest must fit, or the
// answer is no listing.
type (
	pageJSON struct {
		Data     *[]connectionJSON                `json:"data"`
		Included lenient[[]lenient[resourceJSON]] `json:"included"`
		Meta     lenient[metaJSON]                `json:"meta"`
	}
	connectionJSON struct {
		Type       string `json:"type"`
		ID         string `json:"id"`
		Attributes struct {
			CreatedAt lenient[time.Time] `json:"created_at"`
			Types     []string           `json:"connection_types"`
		} `json:"attributes"`
		Relationships struct {
			SourceOrg relationshipJSON `json:"source_org"`
			SinkOrg   relationshipJSON `json:"sink_org"`
			CreatedBy relationshipJSON `json:"created_by"`
		} `json:"relationships"`
	}
	relationshipJSON struct {
		Data struct {
			ID   string          `json:"id"`
			Name lenient[string] `json:"name"`
		} `json:"data"`
	}
	resourceJSON struct {
		Type       string `json:"type"`
		ID         string `json:"id"`
		Attributes struct {
			Name           lenient[string] `json:"name"`
			PublicID       lenient[string] `json:"public_id"`
			Sharing        lenient[string] `json:"sharing"`
			Disabled       lenient[*bool]  `json:"disabled"`
			ServiceAccount lenient[*bool]  `json:"service_account"`
		} `json:"attributes"`
	}
	metaJSON struct {
		Page struct {
			TotalCount         lenient[*int] `json:"total_count"`
			TotalFilteredCount lenient[*int] `json:"total_filtered_count"`
		} `json:"page"`
	}
)

// lenient decodes to the zero value what does not fit its type.
type lenient[T any] struct{ value T }

func (l *lenient[T]) UnmarshalJSON(data []byte) error {
	var value T
	if json.Unmarshal(data, &value) == nil {
		l.value = value
	}
	return nil
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
		p.addOrg(Org{ID: c.Relationships.SourceOrg.Data.ID, Name: c.Relationships.SourceOrg.Data.Name.value})
		p.addOrg(Org{ID: c.Relationships.SinkOrg.Data.ID, Name: c.Relationships.SinkOrg.Data.Name.value})
	}
	for _, included := range raw.Included.value {
		p.addIncluded(included.value)
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
		CreatedAt: c.Attributes.CreatedAt.value.UTC(),
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
		p.addOrg(Org{ID: r.ID, Name: a.Name.value, PublicID: a.PublicID.value, Sharing: a.Sharing.value, Disabled: ternary(a.Disabled.value)})
	case r.Type == "users" && r.ID != "":
		kind := CreatorUnknown
		switch ternary(a.ServiceAccount.value) {
		case Yes:
			kind = CreatorServiceAccount
		case No:
			kind = CreatorUser
		}
		p.users[r.ID] = user{kind: kind, disabled: ternary(a.Disabled.value)}
	}
}

// total is what the API says of the rows that match the filter.
func (m metaJSON) total(filtered bool) int {
	total := m.Page.TotalFilteredCount.value
	if total == nil && !filtered {
		total = m.Page.TotalCount.value
	}
	if total == nil || *total < 0 {
		return unknownTotal
	}
	return *total
}
