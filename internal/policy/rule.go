package policy

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Rule allows connections, and may require them.
type Rule struct {
	// Name is unique, and the rule label of metrics.
	Name string
	// Source and Sink match the orgs that the rule is about, at least one each.
	Source, Sink []Pattern
	// Types that are allowed, sorted. None: all, including those of the future.
	Types []string
	// Owner and Ticket are for people, and are never a label.
	Owner, Ticket string
	// Expires is when the rule ceases to allow and to require. Zero: never.
	Expires time.Time
	// Required reports what the rule allows as missing if it is not there. Types
	// are not empty then.
	Required bool
	// Line of the file where the rule begins.
	Line int
}

// Expired reports whether the rule has expired.
func (r Rule) Expired(now time.Time) bool { return !r.Expires.IsZero() && !now.Before(r.Expires) }

func (r Rule) allowsType(kind string) bool {
	return len(r.Types) == 0 || slices.Contains(r.Types, kind)
}

// Org is a source or a sink.
type Org struct{ ID, Name string }

// Pattern matches orgs by UUID, by name, or by a glob over names.
type Pattern struct {
	text string
	kind patternKind
	glob string // what path.Match is given
}

type patternKind int

const (
	byID patternKind = iota
	byName
	byGlob
)

var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)

// NewPattern parses a pattern. In a glob, * matches any characters, ? one character
// and […] one of a set; \ escapes them. The error is that of [path.Match].
func NewPattern(text string) (Pattern, error) {
	switch {
	case uuid.MatchString(text):
		return Pattern{text: strings.ToLower(text), kind: byID}, nil
	case strings.ContainsAny(text, `*?[\`):
		glob := withoutSlashes(text)
		_, err := path.Match(glob, "")
		return Pattern{text: text, kind: byGlob, glob: glob}, err
	}
	return Pattern{text: text, kind: byName}, nil
}

// String returns the pattern as it was written, UUIDs in lower case.
func (p Pattern) String() string { return p.text }

// MarshalText returns the pattern as [Pattern.String] does.
func (p Pattern) MarshalText() ([]byte, error) { return []byte(p.text), nil }

// UnmarshalText parses the pattern as [NewPattern] does.
func (p *Pattern) UnmarshalText(text []byte) error {
	parsed, err := NewPattern(string(text))
	if err != nil {
		return fmt.Errorf("%q is not a valid glob: %w", text, err)
	}
	*p = parsed
	return nil
}

// Exact reports whether the pattern is a UUID, which never matches another org.
func (p Pattern) Exact() bool { return p.kind == byID }

// Glob reports whether the pattern may match many orgs.
func (p Pattern) Glob() bool { return p.kind == byGlob }

// Matches reports whether the pattern matches the org.
func (p Pattern) Matches(org Org) bool {
	switch p.kind {
	case byID:
		return strings.EqualFold(p.text, org.ID)
	case byName:
		return p.text == org.Name
	}
	matched, err := path.Match(p.glob, withoutSlashes(org.Name))
	return err == nil && matched
}

// withoutSlashes replaces slashes, which * does not match in [path.Match].
func withoutSlashes(text string) string { return strings.ReplaceAll(text, "/", "\x00") }
