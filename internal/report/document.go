package report

import (
	"bytes"
	"cmp"
	"encoding/json"
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

// maxDocumentSize bounds what [Read] reads, in bytes. 100,000 connections take half of it.
const maxDocumentSize = 128 << 20

// Document is an inventory at one moment, or a part of it. Its JSON form is a contract:
// later versions of the program may add fields, which earlier ones ignore.
type Document struct {
	Version int `json:"version"`
	// Time is when the document was made, in UTC and whole seconds.
	Time time.Time `json:"time"`
	// Complete is true if the document has every connection that the configured
	// credentials can see: there are neither gaps nor a filter.
	Complete bool `json:"complete"`
	// Filter is what the connections were selected by, nil where all are there.
	Filter *Filter `json:"filter,omitempty"`
	// Gaps are the orgs of which not all connections are known.
	Gaps []Gap `json:"gaps"`
	// Listings are those that the connections are from, in the order of the
	// configuration.
	Listings []Listing `json:"listings"`
	// Orgs are sorted by name and id.
	Orgs []Org `json:"orgs"`
	// Connections are sorted by the source's name, the sink's name and the id.
	Connections []Connection `json:"connections"`
}

// Gap is an [inventory.Gap].
type Gap struct {
	Org    string              `json:"org"` // the configured name
	Reason inventory.GapReason `json:"reason"`
	// Error is what the last listing failed with, or what is odd about it, if anything.
	Error string `json:"error,omitempty"`
}

// Listing is whose connections were listed, and when.
type Listing struct {
	Org   string    `json:"org"`    // the configured name
	OrgID string    `json:"org_id"` // empty where it is not certain whose credentials were used
	Time  time.Time `json:"time"`   // when the listing began
}

// sees reports whether a complete listing of that org has the connection. Where the org
// is not certain, it may be any.
func (l Listing) sees(c *datadog.Connection) bool {
	return l.OrgID == "" || l.OrgID == c.SourceID || l.OrgID == c.SinkID
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
	// Unexpected are those of the types that no rule of the policy allows, nil where it
	// was not judged by one.
	Unexpected []string `json:"unexpected,omitzero"`
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
		Gaps:        []Gap{},
		Listings:    []Listing{},
		Orgs:        []Org{},
		Connections: []Connection{},
	}
	for _, g := range view.Gaps {
		gap := Gap{Org: g.Org, Reason: g.Reason}
		if g.Err != nil {
			gap.Error = g.Err.Error()
		}
		d.Gaps = append(d.Gaps, gap)
	}
	for _, o := range view.Orgs {
		if o.Listing != nil && !o.Stale {
			d.Listings = append(d.Listings, Listing{Org: o.Name, OrgID: o.OrgID, Time: o.Listing.Began.UTC()})
		}
	}
	for _, o := range view.Snapshot.Orgs {
		d.Orgs = append(d.Orgs, newOrg(o))
	}
	slices.SortFunc(d.Orgs, func(a, b Org) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })

	risks := Risks(view.Snapshot)
	for _, c := range view.Snapshot.Connections {
		d.Connections = append(d.Connections, newConnection(c, view.Snapshot, risks[c.ID]))
	}
	slices.SortFunc(d.Connections, compareConnections)
	return d
}

// Judged returns the document with what the judgement of its snapshot says about each
// connection; nil says nothing.
func (d Document) Judged(j *policy.Judgement) Document {
	if j == nil {
		return d
	}
	unexpected := map[string][]string{}
	for _, share := range j.Unexpected {
		for _, id := range share.Connections {
			unexpected[id] = append(unexpected[id], share.Type)
		}
	}
	d.Connections = slices.Clone(d.Connections)
	for n := range d.Connections {
		c := &d.Connections[n]
		c.Unexpected = append([]string{}, unexpected[c.ID]...)
	}
	return d
}

func compareConnections(a, b Connection) int {
	return cmp.Or(cmp.Compare(a.Source.Name, b.Source.Name), cmp.Compare(a.Sink.Name, b.Sink.Name), cmp.Compare(a.ID, b.ID))
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
		Creator: newCreator(c.Creator),
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

func newCreator(c datadog.Creator) Creator {
	return Creator{ID: c.ID, Kind: string(cmp.Or(c.Kind, datadog.CreatorUnknown)), Disabled: c.Disabled}
}

func newOrgRef(snapshot *inventory.Snapshot, id string) OrgRef {
	return OrgRef{ID: id, Name: snapshot.OrgName(id)}
}

// readHint ends the errors of [Read] about the content.
const readHint = "expected the output of list -o json: create the file again with it"

// Read returns a document that [WriteJSON] wrote, of at most 128 MiB. It ignores unknown
// fields, and rejects a document without one that every document has: [Compare] would
// report the missing part as added or removed.
func Read(r io.Reader) (Document, error) {
	content, err := io.ReadAll(io.LimitReader(r, maxDocumentSize+1))
	switch {
	case err != nil:
		return Document{}, err
	case len(content) > maxDocumentSize:
		return Document{}, fmt.Errorf("the document is larger than %d MiB; %s", maxDocumentSize>>20, readHint)
	case len(bytes.TrimSpace(content)) == 0:
		return Document{}, fmt.Errorf("empty input; %s", readHint)
	}
	var d Document
	if err := json.Unmarshal(content, &d); err != nil {
		return Document{}, fmt.Errorf("not a document of connections: %w; %s", err, readHint)
	}
	if err := d.validate(); err != nil {
		return Document{}, err
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
	case d.Gaps == nil:
		return fmt.Errorf("the document has no list of gaps; %s", readHint)
	case d.Filter != nil && d.Filter.Query != "":
		return fmt.Errorf("the document has only what the parameters %s select, which cannot be selected again; %s", d.Filter.Query, readHint)
	case d.Listings == nil, len(d.Listings)+len(d.Gaps) == 0:
		return fmt.Errorf("the document has no listings, which say whose connections it has; %s", readHint)
	case d.Complete != (len(d.Gaps) == 0 && d.Filter == nil):
		return fmt.Errorf("the document says complete: %v, which does not fit its gaps and its filter; %s", d.Complete, readHint)
	}
	return d.validateIDs()
}

func (d Document) validateIDs() error {
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
