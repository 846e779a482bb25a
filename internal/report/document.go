package report

import (
	"cmp"
	"slices"
	"time"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
)

// Version of the documents that this package writes and reads.
const Version = 1

// Document is an inventory at one moment. Its fields are a contract: there may be
// more in a later version of the program, which earlier ones ignore.
type Document struct {
	Version int `json:"version"`
	// Time is when the document was made, in UTC and whole seconds.
	Time time.Time `json:"time"`
	// Complete is true where every configured org has a current, complete listing:
	// what is not in a document that is not complete may only be out of sight.
	Complete bool `json:"complete"`
	// Orgs in the order of their names.
	Orgs []Org `json:"orgs"`
	// Connections in the order of the source's name, the sink's, and the id.
	Connections []Connection `json:"connections"`
}

// Connection lets the users of the sink query the source's data.
type Connection struct {
	ID     string `json:"id"`
	Source Party  `json:"source"`
	Sink   Party  `json:"sink"`
	// Types of telemetry that are shared, sorted.
	Types []string `json:"types"`
	// CreatedAt is nil where it is not known.
	CreatedAt *time.Time `json:"created_at"`
	Creator   Creator    `json:"creator"`
	// Risks are names such as [CreatorDisabled].
	Risks []string `json:"risks"`
}

// Party is one end of a connection.
type Party struct {
	ID   string `json:"id"`   // empty where the API does not tell
	Name string `json:"name"` // the id where the name is not known
}

// Creator is the account that a connection is tied to. There is nothing personal
// about it here.
type Creator struct {
	ID       string          `json:"id"`       // empty where it is not known
	Kind     string          `json:"kind"`     // user, service_account or unknown
	Disabled datadog.Ternary `json:"disabled"` // null where it is not known
}

// Org is what is known about an org.
type Org struct {
	ID       string          `json:"id"`
	Name     string          `json:"name"`      // the id where the name is not known
	PublicID string          `json:"public_id"` // empty where it is not known
	Sharing  string          `json:"sharing"`   // such as all_private; empty where it is not known
	Disabled datadog.Ternary `json:"disabled"`  // null where it is not known
	// Observed is true where there are working credentials of the org, false where
	// it is only seen from the other end of connections, null where that is not known.
	Observed datadog.Ternary `json:"observed"`
}

// NewDocument makes the document of what is known now.
func NewDocument(view inventory.View, now time.Time) Document {
	d := Document{
		Version:     Version,
		Time:        now.UTC().Truncate(time.Second),
		Complete:    view.Complete,
		Orgs:        []Org{},
		Connections: []Connection{},
	}
	for _, o := range view.Snapshot.Orgs {
		d.Orgs = append(d.Orgs, newOrg(o))
	}
	slices.SortFunc(d.Orgs, func(a, b Org) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })

	risks := RisksOf(view.Snapshot)
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
		Source:  Party{ID: c.SourceID, Name: snapshot.OrgName(c.SourceID)},
		Sink:    Party{ID: c.SinkID, Name: snapshot.OrgName(c.SinkID)},
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
