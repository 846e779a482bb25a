package datadog

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// uuid matches the id of an org.
var uuid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// ParseOrgID returns s as the id of an org, in lower case as the API has it. It returns
// an error for anything but a UUID, such as an org's name or public id. The error does
// not contain s, which may be a key.
func ParseOrgID(s string) (string, error) {
	id := strings.ToLower(strings.TrimSpace(s))
	if !uuid.MatchString(id) {
		return "", errors.New("not the id of an org: expected a UUID such as 4dee724d-00cc-11ea-a77b-570c9d03c6c5")
	}
	return id, nil
}

// checkOrg returns an error if a connection has two ends of which neither is
// [Options.OrgID]: the API lists only connections of the org of the credentials.
func (f *fetcher) checkOrg(l *Listing) error {
	stated := f.options.OrgID
	if stated == "" {
		return nil
	}
	i := slices.IndexFunc(l.Connections, func(c Connection) bool { return c.hasEnds() && !c.hasEnd(stated) })
	if i < 0 {
		return nil
	}
	detail := fmt.Sprintf("the credentials are not those of the stated org %s but another org's: connection %s has it at neither end", stated, l.Connections[i].ID)
	if ids := commonEnds(l.Connections); len(ids) == 1 {
		detail += fmt.Sprintf("; they seem to be those of %s, which is an end of every connection", f.describeOrg(l.Orgs, ids[0]))
	}
	return &Error{Reason: WrongOrg, Op: f.op(f.pageQuery(0)), Detail: detail}
}

// checkAccount returns an error if the org of the credentials is not [Options.OrgID].
func (f *fetcher) checkAccount(a *Account) error {
	stated := f.options.OrgID
	if stated == "" || strings.EqualFold(a.Current, stated) {
		return nil
	}
	return &Error{
		Reason: WrongOrg,
		Op:     f.op(nil),
		Detail: fmt.Sprintf("the credentials are not those of the stated org %s but of %s", stated, f.describeOrg(a.Orgs, a.Current)),
	}
}

// describeOrg returns the id and the name of an org for an error.
func (f *fetcher) describeOrg(orgs []Org, id string) string {
	description := "org " + id
	if n := slices.IndexFunc(orgs, func(o Org) bool { return o.ID == id && o.Name != "" }); n >= 0 {
		description += fmt.Sprintf(" (%q)", truncate(f.auth.redact(orgs[n].Name)))
	}
	return description
}

// commonEnds returns the orgs that are an end of every connection with two ends.
func commonEnds(connections []Connection) []string {
	var ids []string
	for _, c := range connections {
		switch {
		case !c.hasEnds():
		case ids == nil:
			ids = slices.Compact([]string{c.SourceID, c.SinkID})
		default:
			ids = slices.DeleteFunc(ids, func(id string) bool { return !c.hasEnd(id) })
		}
	}
	return ids
}

func (c *Connection) hasEnds() bool { return c.SourceID != "" && c.SinkID != "" }

// hasEnd reports whether the org is an end of the connection.
func (c *Connection) hasEnd(id string) bool {
	return strings.EqualFold(c.SourceID, id) || strings.EqualFold(c.SinkID, id)
}
