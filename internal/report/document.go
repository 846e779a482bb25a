package report

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/policy"
)

// documentVersion is the version of the documents that this package writes and reads.
const documentVersion = 1

// Document is an inventory at one moment. Its JSON form is a contract: later
// versions of the program may add fields, which earlier ones ignore.
type Document struct {
	Version int `json:"version"`
	// Time is when the document was made, in UTC and whole seconds.
	Time time.Time `json:"time"`
	// Complete is true if every configured org has a current, complete listing.
	// An incomplete document may lack connections that exist.
	Complete bool `json:"complete"`
	// Orgs are sorted by name and id.
	Orgs []Org `json:"orgs"`
	// Connections are sorted by the source's name, the sink's name and the id.
	Connections []Connection `json:"connections"`
}

// Connection lets the users of the sink query the source's data.
type Connection struct {
	ID     string `json:"id"`
	Source OrgRef `json:"source"`
	Sink   OrgRef `json:"sink"`
	// Types are the connection types, sorted.
	Types []string `json:"types"`
	// CreatedAt is nil if unknown.
	CreatedAt *time.Time `json:"created_at"`
	Creator   Creator    `json:"creator"`
	// Risks are names such as [RiskCreatorDisabled].
	Risks []string `json:"risks"`
}

// OrgRef names an org at one end of a connection.
type OrgRef struct {
	ID   string `json:"id"`   // empty if the API does not return it
	Name string `json:"name"` // the id if the name is unknown
}

// Creator is the account that created a connection. Datadog deletes the connection
// with the account. No personal data is kept.
type Creator struct {
	ID       string          `json:"id"`       // empty if unknown
	Kind     string          `json:"kind"`     // user, service_account or unknown
	Disabled datadog.Ternary `json:"disabled"` // null if unknown
}

// Org is an org of the account, or one that a connection names.
type Org struct {
	ID       string          `json:"id"`
	Name     string          `json:"name"`      // the id if the name is unknown
	PublicID string          `json:"public_id"` // empty if unknown
	Sharing  string          `json:"sharing"`   // such as all_private; empty if unknown
	Disabled datadog.Ternary `json:"disabled"`  // null if unknown
	// Observed is true if the org is listed with working credentials, false if it is
	// only seen from the other end of connections, null if unknown.
	Observed datadog.Ternary `json:"observed"`
}

// NewDocument returns the document of a view.
func NewDocument(view inventory.View, now time.Time) Document {
	d := Document{
		Version:     documentVersion,
		Time:        now.UTC().Truncate(time.Second),
		Complete:    view.Complete(),
		Orgs:        []Org{},
		Connections: []Connection{},
	}
	for _, o := range view.Snapshot.Orgs {
		d.Orgs = append(d.Orgs, newOrg(o))
	}
	slices.SortFunc(d.Orgs, func(a, b Org) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })

	risks := Risks(view.Snapshot)
	for _, c := range view.Snapshot.Connections {
		d.Connections = append(d.Connections, newConnection(c, view.Snapshot, risks[c.ID]))
	}
	slices.SortFunc(d.Connections, func(a, b Connection) int {
		return cmp.Or(cmp.Compare(a.Source.Name, b.Source.Name), cmp.Compare(a.Sink.Name, b.Sink.Name), cmp.Compare(a.ID, b.ID))
	})
	return d
}

func newOrg(o inventory.OrgInfo) Org {
	return Org{
		ID:       o.ID,
		Name:     cmp.Or(o.Name, o.ID),
		PublicID: o.PublicID,
		Sharing:  o.Sharing,
		Disabled: o.Disabled,
		Observed: o.Observed,
	}
}

func newConnection(c datadog.Connection, snapshot *inventory.Snapshot, risks []Risk) Connection {
	made := Connection{
		ID:      c.ID,
		Source:  newOrgRef(snapshot, c.SourceID),
		Sink:    newOrgRef(snapshot, c.SinkID),
		Types:   append([]string{}, c.Types...),
		Creator: Creator{ID: c.Creator.ID, Kind: string(cmp.Or(c.Creator.Kind, datadog.CreatorUnknown)), Disabled: c.Creator.Disabled},
		Risks:   []string{},
	}
	if !c.CreatedAt.IsZero() {
		created := c.CreatedAt.UTC()
		made.CreatedAt = &created
	}
	for _, risk := range risks {
		made.Risks = append(made.Risks, risk.Name)
	}
	return made
}

func newOrgRef(snapshot *inventory.Snapshot, id string) OrgRef {
	return OrgRef{ID: id, Name: snapshot.OrgName(id)}
}

// readHint ends every error of [Read].
const readHint = "expected the output of list -o json: create the file again with it"

// Read returns a document that [WriteJSON] wrote. It ignores unknown fields, and
// rejects a document without one that every document has: [Compare] would report
// the missing part as added or removed.
func Read(r io.Reader) (Document, error) {
	var d Document
	decoder := json.NewDecoder(r)
	switch err := decoder.Decode(&d); {
	case errors.Is(err, io.EOF):
		return Document{}, fmt.Errorf("empty input; %s", readHint)
	case err != nil:
		return Document{}, fmt.Errorf("not a document of connections: %w; %s", err, readHint)
	}
	if err := d.validate(); err != nil {
		return Document{}, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Document{}, fmt.Errorf("unexpected data after the document; %s", readHint)
	}
	return d, nil
}

func (d Document) validate() error {
	switch {
	case d.Version > documentVersion:
		return fmt.Errorf("the document has version %d, this program reads version %d: read it with the program that wrote it, or a newer one", d.Version, documentVersion)
	case d.Version != documentVersion:
		return fmt.Errorf(`not a document of connections: no "version": %d; %s`, documentVersion, readHint)
	case d.Time.IsZero():
		return fmt.Errorf("the document has no time; %s", readHint)
	case d.Orgs == nil:
		return fmt.Errorf("the document has no list of orgs; %s", readHint)
	case d.Connections == nil:
		return fmt.Errorf("the document has no list of connections; %s", readHint)
	}
	seen := map[string]bool{}
	for _, c := range d.Connections {
		switch {
		case c.ID == "":
			return fmt.Errorf("the document has a connection without an id; %s", readHint)
		case seen[c.ID]:
			return fmt.Errorf("the document has two connections with the id %q; %s", c.ID, readHint)
		}
		seen[c.ID] = true
	}
	return nil
}

// Filter selects connections. The zero value selects all.
type Filter struct {
	source, sink []policy.Pattern
	types        []string
}

// NewFilter returns a filter for the connections whose source, sink and types each
// match at least one element of the list; an empty list matches everything. Orgs are
// given by UUID, by name, or by a glob over names. The error names an invalid glob.
func NewFilter(source, sink, types []string) (Filter, error) {
	f := Filter{types: types}
	var err error
	if f.source, err = patterns("source", source); err != nil {
		return Filter{}, err
	}
	if f.sink, err = patterns("sink", sink); err != nil {
		return Filter{}, err
	}
	return f, nil
}

func patterns(end string, texts []string) ([]policy.Pattern, error) {
	var made []policy.Pattern
	for _, text := range texts {
		p, err := policy.NewPattern(text)
		if err != nil {
			return nil, fmt.Errorf("the %s %q is not a valid glob (%w): close its brackets, or escape special characters with \\", end, text, err)
		}
		made = append(made, p)
	}
	return made, nil
}

// Filter returns the document with only the connections that f selects, each with
// all its types, and the orgs that they name.
func (d Document) Filter(f Filter) Document {
	if len(f.source)+len(f.sink)+len(f.types) == 0 {
		return d
	}
	all := d
	d.Connections, d.Orgs = []Connection{}, []Org{}
	named := map[string]bool{}
	for _, c := range all.Connections {
		if f.matches(c) {
			d.Connections = append(d.Connections, c)
			named[c.Source.ID], named[c.Sink.ID] = true, true
		}
	}
	for _, o := range all.Orgs {
		if named[o.ID] {
			d.Orgs = append(d.Orgs, o)
		}
	}
	return d
}

func (f Filter) matches(c Connection) bool {
	return matchesOrg(f.source, c.Source) && matchesOrg(f.sink, c.Sink) &&
		(len(f.types) == 0 || slices.ContainsFunc(c.Types, func(t string) bool { return slices.Contains(f.types, t) }))
}

func matchesOrg(patterns []policy.Pattern, org OrgRef) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p policy.Pattern) bool { return p.Matches(policy.Org(org)) })
}
