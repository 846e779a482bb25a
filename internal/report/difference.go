package report

import (
	"cmp"
	"fmt"
	"io"
	"strings"
)

// Text writes a line for each change: + for what is added, - for what is removed,
// ~ for what is different. Where the documents are not complete, a line says so. It
// writes nothing where there is nothing to say.
func (d Difference) Text(w io.Writer) error {
	var out strings.Builder
	for _, c := range d.Added {
		fmt.Fprintf(&out, "+ %s: %s\n", c.title(), c.types())
	}
	for _, c := range d.Removed {
		fmt.Fprintf(&out, "- %s: %s\n", c.title(), c.types())
	}
	for _, changed := range d.TypesChanged {
		fmt.Fprintf(&out, "~ %s: %s\n", changed.Connection.title(), harmless(changed.describe()))
	}
	for _, c := range d.CreatorsDisabled {
		fmt.Fprintf(&out, "~ %s: its creator is disabled now, Datadog is about to delete it\n", c.title())
	}
	for _, renamed := range d.OrgsRenamed {
		before, after := Party{ID: renamed.ID, Name: renamed.Before}, Party{ID: renamed.ID, Name: renamed.After}
		fmt.Fprintf(&out, "~ org %s is now %s (%s)\n", before.label(), after.label(), harmless(renamed.ID))
	}
	if !d.Complete {
		out.WriteString("INCOMPLETE: one of the two lacks a current, complete listing of an org; what is added or removed may only have come into sight or gone out of it.\n")
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// JSON writes the difference for programs.
func (d Difference) JSON(w io.Writer) error { return writeJSON(w, d) }

// title names a connection for people.
func (c Connection) title() string {
	return fmt.Sprintf("%s -> %s (%s)", c.Source.label(), c.Sink.label(), harmless(c.ID))
}

func (c Connection) types() string { return cmp.Or(harmless(enumerated(c.Types)), "no types") }

// describe gives the types that came and went: +metrics, -logs.
func (t TypesChange) describe() string {
	var signed []string
	for _, kind := range t.Gained {
		signed = append(signed, "+"+kind)
	}
	for _, kind := range t.Lost {
		signed = append(signed, "-"+kind)
	}
	return enumerated(signed)
}
