package datadog

import (
	"cmp"
	"strings"
	"time"
)

// Listing is one complete read of one org's connections. It is immutable.
type Listing struct {
	// Connections in the order of their ids, without duplicates.
	Connections []Connection
	// Orgs of the connections and those that the API described besides, in the order
	// of their ids.
	Orgs []Org

	// Complete reports whether the number of connections is the API's total. If not,
	// or if the API returned no total, two reads of all pages were equal.
	Complete bool
	// Filter is what the listing was restricted to. With one, the org may have other
	// connections.
	Filter Filter
	// Credentials is a fingerprint of the API key or the access token that was sent:
	// equal for equal ones, also after a restart, and no secret. The application key,
	// which belongs to the same org, does not count.
	Credentials string
	// Warnings are about odd responses and unusable key files, for the log. They
	// contain no personal data.
	Warnings []string

	// Began is when the first request was sent: later changes are not in the listing.
	Began time.Time
	// Duration from Began to the end of the last response, with all pauses.
	Duration time.Duration
	// Pages is the number of pages of the last read.
	Pages int
	// NotBefore is the earliest time of the next request if the rate limit is used
	// up, else zero.
	NotBefore time.Time
}

// Filtered reports whether the listing was restricted to a source or a sink.
func (l *Listing) Filtered() bool { return l.Filter != Filter{} }

// Filter restricts a listing to connections with this source and this sink. The zero
// value does not.
type Filter struct{ SourceOrgID, SinkOrgID string }

// Matches reports whether a listing with the filter has the connection.
func (f Filter) Matches(c *Connection) bool {
	return (f.SourceOrgID == "" || strings.EqualFold(f.SourceOrgID, c.SourceID)) &&
		(f.SinkOrgID == "" || strings.EqualFold(f.SinkOrgID, c.SinkID))
}

// Connection lets the users of the sink org query the source org's data.
type Connection struct {
	ID       string
	SourceID string // empty if unknown
	SinkID   string // empty if unknown
	// Types of telemetry that are shared, sorted, without duplicates. The API
	// reference has logs, metrics and audit; there may be others.
	Types     []string
	CreatedAt time.Time // zero if unknown
	Creator   Creator
}

// Creator is the account that created a connection. Datadog deletes the connection
// when the account is disabled. Its name is personal data, and not decoded.
type Creator struct {
	ID       string // empty if unknown
	Kind     CreatorKind
	Disabled Ternary
}

// updated returns c with the fields of newer that are not empty or unknown.
func (c Creator) updated(newer Creator) Creator {
	return Creator{
		ID:       cmp.Or(newer.ID, c.ID), // one string for all connections of the user
		Kind:     cmp.Or(newer.Kind, c.Kind),
		Disabled: cmp.Or(newer.Disabled, c.Disabled),
	}
}

// CreatorKind is the kind of an account: a person's or a service account.
type CreatorKind string

// The kinds of creators.
const (
	CreatorUnknown        CreatorKind = "unknown"
	CreatorUser           CreatorKind = "user"
	CreatorServiceAccount CreatorKind = "service_account"
)

// Org describes an org. All fields but the id may be empty or unknown.
type Org struct {
	ID       string
	Name     string
	PublicID string
	Sharing  string // such as all_private
	Disabled Ternary
}

// Updated returns o with the fields of newer that are not empty or unknown.
func (o Org) Updated(newer Org) Org {
	return Org{
		ID:       cmp.Or(o.ID, newer.ID),
		Name:     cmp.Or(newer.Name, o.Name),
		PublicID: cmp.Or(newer.PublicID, o.PublicID),
		Sharing:  cmp.Or(newer.Sharing, o.Sharing),
		Disabled: cmp.Or(newer.Disabled, o.Disabled),
	}
}
