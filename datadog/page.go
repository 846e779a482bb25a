package datadog

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// page is one decoded page of a listing.
type page struct {
	connections []Connection // in the order of the response
	orgs        []Org        // partial descriptions, of which a later one overrides an earlier one
	creators    []Creator    // as orgs; the kind is empty if unknown
	total       int          // number of connections according to the API, or unknownTotal
}

const unknownTotal = -1

// maxElements bounds the lists of a response. The shortest elements take a hundred times
// their length in memory; of real ones, maxBody has fewer.
const maxElements = 100_000

var errTooManyElements = fmt.Errorf("a list of more than %d elements", maxElements)

// pageJSON is the response, as in the API reference and in recorded responses. Its
// rows must have this shape; what is lenient may have any. Names of people, their
// handles and addresses are not decoded.
type pageJSON struct {
	Data     list[rowJSON]                        `json:"data"`
	Included lenient[list[lenient[includedJSON]]] `json:"included"` // not in the API reference
	Meta     lenient[struct {
		Page lenient[struct {
			// Any JSON: see count.
			Total    jsontext.Value `json:"total_count"`
			Filtered jsontext.Value `json:"total_filtered_count"`
		}] `json:"page"`
	}] `json:"meta"`
}

type rowJSON struct {
	Type       string `json:"type"`
	ID         string `json:"id"`
	Attributes struct {
		CreatedAt lenient[string] `json:"created_at"`
		Types     list[string]    `json:"connection_types"`
	} `json:"attributes"`
	Relationships struct {
		Source  relationshipJSON `json:"source_org"`
		Sink    relationshipJSON `json:"sink_org"`
		Creator relationshipJSON `json:"created_by"`
	} `json:"relationships"`
}

type relationshipJSON struct {
	Data referenceJSON `json:"data"`
}

type referenceJSON struct {
	ID   string          `json:"id"`
	Name lenient[string] `json:"name"`
}

// includedJSON is an org or a user.
type includedJSON struct {
	Type       lenient[string] `json:"type"`
	ID         lenient[string] `json:"id"`
	Attributes lenient[struct {
		Name           lenient[string]  `json:"name"`
		PublicID       lenient[string]  `json:"public_id"`
		Sharing        lenient[string]  `json:"sharing"`
		Disabled       lenient[Ternary] `json:"disabled"`
		ServiceAccount lenient[Ternary] `json:"service_account"`
	}] `json:"attributes"`
}

// lenient decodes a T. JSON of another kind is skipped, and leaves the zero value.
type lenient[T any] struct{ value T }

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (l *lenient[T]) UnmarshalJSONFrom(decoder *jsontext.Decoder) error {
	*l = lenient[T]{}
	var ok bool
	kind := decoder.PeekKind()
	switch reflect.TypeFor[T]().Kind() {
	case reflect.String:
		ok = kind == jsontext.KindString
	case reflect.Int8: // Ternary
		ok = kind == jsontext.KindTrue || kind == jsontext.KindFalse
	case reflect.Slice:
		ok = kind == jsontext.KindBeginArray
	case reflect.Struct:
		ok = kind == jsontext.KindBeginObject
	}
	if !ok {
		return decoder.SkipValue()
	}
	return json.UnmarshalDecode(decoder, &l.value)
}

// list decodes an array of at most maxElements.
type list[T any] []T

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (l *list[T]) UnmarshalJSONFrom(decoder *jsontext.Decoder) error {
	if decoder.PeekKind() != jsontext.KindBeginArray {
		return json.UnmarshalDecode(decoder, (*[]T)(l)) // null, or an error
	}
	if _, err := decoder.ReadToken(); err != nil {
		return err
	}
	*l = list[T]{}
	for decoder.PeekKind() != jsontext.KindEndArray {
		if len(*l) == maxElements {
			return errTooManyElements
		}
		var zero T
		*l = append(*l, zero)
		if err := json.UnmarshalDecode(decoder, &(*l)[len(*l)-1]); err != nil {
			return err
		}
	}
	_, err := decoder.ReadToken()
	return err
}

// decodePage decodes a response. filtered says whether the request had a filter: then
// the API's unfiltered total is of no use. Errors are those of decodeJSON.
func decodePage(body io.Reader, filtered bool) (*page, error) {
	var decoded pageJSON
	if err := decodeJSON(body, &decoded); err != nil {
		return nil, err
	}
	return newPage(&decoded, filtered)
}

// decodeJSON decodes a response. Errors repeat text of the response in full, to be
// redacted before it is shortened.
func decodeJSON(body io.Reader, to any) error {
	// Duplicate names and invalid UTF-8 are no reason to lose a listing.
	err := json.UnmarshalRead(body, to, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	var mismatch *json.SemanticError    // its own text differs from process to process
	var syntax *jsontext.SyntacticError // its own text has the pointer shortened
	switch {
	case errors.Is(err, errTooManyElements):
		return errTooManyElements
	case errors.As(err, &mismatch):
		return fmt.Errorf("unexpected %v at %q", mismatch.JSONKind, mismatch.JSONPointer)
	case errors.As(err, &syntax):
		return fmt.Errorf("%w at %q", syntax.Err, syntax.JSONPointer)
	}
	return err
}

func newPage(decoded *pageJSON, filtered bool) (*page, error) {
	if decoded.Data == nil {
		return nil, errors.New("no data")
	}
	p := &page{connections: make([]Connection, 0, len(decoded.Data))}
	for n := range decoded.Data {
		row := &decoded.Data[n]
		switch {
		case row.Type != "" && row.Type != "org_connection":
			return nil, fmt.Errorf("data[%d] has the type %q", n, row.Type)
		case row.ID == "": // JSON:API identifies a resource by its id
			return nil, fmt.Errorf("data[%d] has no id", n)
		}
		source, sink := row.Relationships.Source.Data.org(), row.Relationships.Sink.Data.org()
		p.addOrg(source)
		p.addOrg(sink)
		p.connections = append(p.connections, Connection{
			ID:        row.ID,
			SourceID:  source.ID,
			SinkID:    sink.ID,
			Types:     connectionTypes(row.Attributes.Types),
			CreatedAt: parseTime(row.Attributes.CreatedAt.value),
			Creator:   Creator{ID: row.Relationships.Creator.Data.ID, Kind: CreatorUnknown},
		})
	}
	for _, included := range decoded.Included.value {
		p.addOrg(included.value.org())
		id, attributes := included.value.ID.value, &included.value.Attributes.value
		if included.value.Type.value == "users" && id != "" {
			p.creators = append(p.creators, Creator{ID: id, Kind: creatorKind(attributes.ServiceAccount.value), Disabled: attributes.Disabled.value})
		}
	}
	total := &decoded.Meta.value.Page.value
	p.total = count(total.Filtered)
	if p.total == unknownTotal && !filtered {
		p.total = count(total.Total)
	}
	return p, nil
}

func (p *page) addOrg(o Org) {
	if o.ID != "" {
		p.orgs = append(p.orgs, o)
	}
}

// org returns the org that is described, without an id if it is something else.
func (i *includedJSON) org() Org {
	if i.Type.value != "orgs" {
		return Org{}
	}
	attributes := &i.Attributes.value
	return Org{
		ID:       i.ID.value,
		Name:     attributes.Name.value,
		PublicID: attributes.PublicID.value,
		Sharing:  attributes.Sharing.value,
		Disabled: attributes.Disabled.value,
	}
}

func (r *referenceJSON) org() Org { return Org{ID: r.ID, Name: r.Name.value} }

// connectionTypes returns the types sorted, without duplicates and empty ones.
func connectionTypes(types []string) []string {
	slices.Sort(types)
	return slices.DeleteFunc(slices.Compact(types), func(t string) bool { return t == "" })
}

// parseTime parses RFC 3339. It returns the zero time for anything else.
func parseTime(text string) time.Time {
	t, _ := time.Parse(time.RFC3339, text)
	return t.UTC()
}

// creatorKind returns the kind of a user, empty if unknown.
func creatorKind(serviceAccount Ternary) CreatorKind {
	switch serviceAccount {
	case Yes:
		return CreatorServiceAccount
	case No:
		return CreatorUser
	}
	return ""
}

// count returns a JSON number that is a whole number from 0 up, else unknownTotal.
func count(number jsontext.Value) int {
	n, err := strconv.Atoi(string(number))
	if err != nil || n < 0 {
		return unknownTotal
	}
	return n
}
