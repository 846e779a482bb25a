package inventory

import (
	"errors"
	"fmt"
)

// GapReason is why the connections of an org are not known, or not all of them.
type GapReason string

// The reasons, the worst first. Of an org that has several, the first one counts.
const (
	// NotListed: no listing succeeded yet.
	NotListed GapReason = "not_listed"
	// Rejected: the API rejects the credentials. The last good listing is shown.
	Rejected GapReason = "rejected"
	// Stale: the last good listing is too old to be shown.
	Stale GapReason = "stale"
	// Incomplete: the API's total does not match the listing.
	Incomplete GapReason = "incomplete"
	// Filtered: the listing is restricted to a source or a sink.
	Filtered GapReason = "filtered"
)

// Gap is an org whose connections are not known, or not all of them. It is an error.
type Gap struct {
	Org    string
	Reason GapReason
	// Err is what the last listing failed with, or what is odd about it, if anything.
	Err error
}

// Error implements error.
func (g Gap) Error() string {
	var text string
	switch g.Reason {
	case NotListed:
		text = "org %s could not be listed"
	case Rejected:
		text = "the API rejects the credentials of org %s"
	case Stale:
		text = "the last good listing of org %s is too old"
	case Incomplete:
		text = "the listing of org %s may not be complete"
	case Filtered:
		text = "the listing of org %s is filtered, so that it has other connections too"
	}
	text = fmt.Sprintf(text, g.Org)
	if g.Err != nil {
		text += ": " + g.Err.Error()
	}
	return text
}

// Unwrap returns Err.
func (g Gap) Unwrap() error { return g.Err }

// Complete reports whether the snapshot has everything that the configured credentials
// can see. Otherwise a connection that is not in the snapshot may exist all the same.
func (v View) Complete() bool { return len(v.Gaps) == 0 }

// Incomplete returns all gaps as one error, nil where there is none.
func (v View) Incomplete() error {
	var errs []error
	for _, g := range v.Gaps {
		errs = append(errs, g)
	}
	return errors.Join(errs...)
}
