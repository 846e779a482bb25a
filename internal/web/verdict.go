package web

import (
	"fmt"
	"strings"
	"time"

	"datadog_org_connections_exporter/datadog"
)

// verdict says whether the inventory is as expected, and how far to trust that.
type verdict struct {
	// Level is good, bad or unsure, Word what that means.
	Level, Word string
	// Title is the first sentence, Text all of them, Trust all others.
	Title, Text, Trust string
	// Unexpected counts connections, Missing rules.
	Unexpected, Missing int
	// Observed counts the orgs that are seen from inside.
	Observed int
}

// Symbol returns the level as a character.
func (v verdict) Symbol() string {
	return map[string]string{"good": "✓", "bad": "!", "unsure": "?"}[v.Level]
}

// counts returns a verdict that has only counted.
func (p *prepared) counts() verdict {
	var v verdict
	for i := range p.connections {
		if len(p.connections[i].Unexpected) > 0 {
			v.Unexpected++
		}
	}
	if p.by.judgement != nil {
		rules := map[string]bool{}
		for _, m := range p.by.judgement.Missing {
			rules[m.Rule.Name] = true
		}
		v.Missing = len(rules)
	}
	for _, o := range p.orgs {
		if o.Observed == datadog.Yes {
			v.Observed++
		}
	}
	return v
}

func newVerdict(c *content) verdict {
	v := c.verdict
	v.Title = v.title(c)
	v.Trust = strings.Join(v.trust(c), " ")
	v.Text = strings.TrimSpace(v.Title + " " + v.Trust)
	return v
}

// title returns the first sentence, and sets the level.
func (v *verdict) title(c *content) string {
	listed := len(c.document.Listings) > 0
	v.Level, v.Word = "unsure", "Not certain"
	switch {
	case len(c.view.Orgs) == 0:
		return "No org is configured."
	case !listed && c.view.Ready() != nil:
		return "Nothing is known yet: no listing has succeeded."
	case !listed:
		return "Nothing is shown: the last good listings are too old."
	case c.judgement == nil:
		v.Word = "Not judged"
		return fmt.Sprintf("%s among %s.", count(len(c.connections), "connection"), count(len(c.orgs), "org"))
	case v.Unexpected > 0 || v.Missing > 0:
		v.Level, v.Word = "bad", "Needs attention"
		var parts []string
		if v.Unexpected > 0 {
			parts = append(parts, count(v.Unexpected, "connection")+map[bool]string{true: " is", false: " are"}[v.Unexpected == 1]+" unexpected")
		}
		if v.Missing > 0 {
			parts = append(parts, count(v.Missing, "rule")+map[bool]string{true: " misses", false: " miss"}[v.Missing == 1]+" something")
		}
		return strings.Join(parts, ", ") + "."
	case !c.view.Complete(), c.failing() > 0:
		return fmt.Sprintf("What is known is expected: %s.", count(len(c.connections), "connection"))
	}
	v.Level, v.Word = "good", "As expected"
	return fmt.Sprintf("All is as expected: %s among %s.", count(len(c.connections), "connection"), count(len(c.orgs), "org"))
}

// trust returns sentences about how far the first one can be trusted.
func (v *verdict) trust(c *content) []string {
	var sentences []string
	if n := len(c.view.Gaps); n > 0 {
		sentences = append(sentences, "There may be others that are out of sight: of "+count(n, "org")+" not all is known.")
	}
	switch {
	case c.judgement != nil && !c.view.Complete():
		sentences = append(sentences, "So what is missing cannot be told.")
	case c.judgement == nil:
		sentences = append(sentences, "No policy says which are expected.")
	}
	if failing := c.failing(); failing > 0 {
		sentences = append(sentences, fmt.Sprintf("%d of %s cannot be listed now: the last good listings are shown.", failing, count(len(c.view.Orgs), "org")))
	}
	if len(c.orgs) > 0 {
		sentences = append(sentences, fmt.Sprintf("Seen from inside: %d of %s.", v.Observed, count(len(c.orgs), "org")))
	}
	oldest := time.Duration(-1)
	for _, l := range c.document.Listings {
		oldest = max(oldest, c.now.Sub(l.Time))
	}
	if oldest >= 0 {
		sentences = append(sentences, "Oldest listing "+age(oldest)+".")
	}
	return sentences
}

// failing counts the orgs of which the last good listing is shown because the last one
// failed.
func (c *content) failing() int {
	n := 0
	for _, o := range c.view.Orgs {
		if o.Err != nil && o.Listing != nil && !o.Stale {
			n++
		}
	}
	return n
}

// count returns such as "1 org" or "2 orgs".
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// age returns a duration in its largest unit.
func age(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(max(d, 0).Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 2*day:
		return fmt.Sprintf("%d h", int(d.Hours()))
	case d < 60*day:
		return fmt.Sprintf("%d d", d/day)
	case d < 2*365*day:
		return fmt.Sprintf("%d mo", d/(30*day))
	}
	return fmt.Sprintf("%d y", d/(365*day))
}
