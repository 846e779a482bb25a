package datadog

import "time"

// Listing is one complete read of one org's connections. It is not changed
// after it was made.
type Listing struct {
	// Connections in the order of their ids, each once.
	Connections []Connection
	// Orgs that the connections name or the API described, in the order of their ids.
	Orgs []Org

	// Complete is false where the API's total says otherwise (or says nothing),
	// and the listing is believed because two reads of all pages agreed.
	Complete bool
	// Filtered is true where only connections from one org, or to one, were asked
	// for: others may be there that are not in the listing.
	Filtered bool
	// Warnings are for the log: what was odd about the answers though a listing
	// could be made of them. They hold no personal data.
	Warnings []string

	// Began is when the first request was sent: the listing knows nothing newer.
	Began time.Time
	// Duration from the first request to the last answer, pauses included.
	Duration time.Duration
	// Pages that the believed read took.
	Pages int
	// NotBefore is when the next request may be sent, where the API said that
	// the rate limit is used up; zero where it did not.
	NotBefore time.Time
}

// Connection lets the users of the sink org query the source org's data.
type Connection struct {
	ID       string
	SourceID string // empty where the API does not tell
	SinkID   string // empty where the API does not tell
	// Types of telemetry that are shared, sorted, each once. Known are logs,
	// metrics and audit; others are passed on as they come.
	Types []string
	// CreatedAt is zero where the API gives no readable date.
	CreatedAt time.Time
	Creator   Creator
}

// Creator is the account that a connection is tied to: Datadog deletes the
// connection when the account is deactivated. It has no name here on purpose.
type Creator struct {
	ID       string // empty where the API does not tell
	Kind     CreatorKind
	Disabled Ternary
}

// CreatorKind tells people from service accounts.
type CreatorKind string

// The kinds of creators.
const (
	CreatorUnknown        CreatorKind = "unknown"
	CreatorUser           CreatorKind = "user"
	CreatorServiceAccount CreatorKind = "service_account"
)

// Org is what the listing tells about an org. Everything but the id may be
// empty or unknown.
type Org struct {
	ID       string
	Name     string
	PublicID string
	Sharing  string // such as all_private
	Disabled Ternary
}
