package policy

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Rule allows connections, and may require them.
type Rule struct {
	// Name tells the rule from others; it is the rule label of metrics.
	Name string
	// Source and Sink are the orgs that the rule is about, at least one each.
	Source, Sink []Pattern
	// Types that are allowed, sorted. None: all, those of the future too.
	Types []string
	// Owner and Ticket are shown to people, and are never a label.
	Owner, Ticket string
	// Expires is when the rule stops to allow and to require anything; zero: never.
	Expires time.Time
	// Required connections are missed where they are not there. There are types
	// where it is true.
	Required bool
	// Line of the file where the rule begins.
	Line int
}

// Expired tells whether the rule no longer counts.
func (r Rule) Expired(now time.Time) bool { return !r.Expires.IsZero() && !now.Before(r.Expires) }

// allowsType tells whether the rule is about this type.
func (r Rule) allowsType(kind string) bool {
	return len(r.Types) == 0 || slices.Contains(r.Types, kind)
}

// Party is one end of a connection, as rules know it.
type Party struct{ ID, Name string }

// Pattern stands for an org: by its UUID, by its name, or by a glob over names.
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

// NewPattern reads a pattern. In a glob * stands for any characters, ? for one,
// […] for one of some, and \ takes these their meaning. The error is that of
// [path.Match].
func NewPattern(text string) (Pattern, error) {
	switch {
	case uuid.MatchString(text):
		return Pattern{text: strings.ToLower(text), kind: byID}, nil
	case strings.ContainsAny(text, `*?[\`):
		glob := slashless(text)
		_, err := path.Match(glob, "")
		return Pattern{text: text, kind: byGlob, glob: glob}, err
	}
	return Pattern{text: text, kind: byName}, nil
}

// String is the pattern as it was written.
func (p Pattern) String() string { return p.text }

// Exact tells whether the pattern means one org for ever: its UUID.
func (p Pattern) Exact() bool { return p.kind == byID }

// Glob tells whether the pattern may mean many orgs.
func (p Pattern) Glob() bool { return p.kind == byGlob }

// Matches tells whether the pattern means the org.
func (p Pattern) Matches(org Party) bool {
	switch p.kind {
	case byID:
		return strings.EqualFold(p.text, org.ID)
	case byName:
		return p.text == org.Name
	}
	matched, err := path.Match(p.glob, slashless(org.Name))
	return err == nil && matched
}

// slashless keeps path.Match from treating a slash in a name as special.
func slashless(text string) string { return strings.ReplaceAll(text, "/", "\x00") }
