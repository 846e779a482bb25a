package policy

import (
	"fmt"
	"slices"
	"time"

	"datadog_org_connections_exporter/internal/yamlcheck"
)

// Policy is a list of rules that say which connections are expected.
type Policy struct {
	// Rules in the order of the file, each name once.
	Rules []Rule
	// Warnings are file:line: text about what is valid but looks like a mistake.
	Warnings []string
}

// Parse decodes a policy. file is its name in errors. The error is
// [yamlcheck.Errors], all that is wrong with the policy.
func Parse(file string, content []byte) (*Policy, error) {
	p, _, err := parse(file, content)
	return p, err
}

// parse returns the node of the rules too.
func parse(file string, content []byte) (*Policy, *yamlcheck.Node, error) {
	const hint = "write rules: and below it one entry for each rule"
	d := &decoder{yamlcheck.NewDecoder(file)}
	root := d.Parse(content, hint)
	if root == nil {
		return nil, nil, d.Err()
	}
	var p Policy
	var rules *yamlcheck.Node
	d.Mapping(root, "the policy", yamlcheck.Fields{
		"rules": func(n *yamlcheck.Node, key string) {
			rules = n
			for _, rule := range d.List(n, key) {
				p.Rules = append(p.Rules, d.rule(rule))
			}
		},
	})
	if rules == nil && d.ErrorCount() == 0 {
		d.Errorf(1, "there are no rules; %s", hint)
	}
	if err := d.Err(); err != nil {
		return nil, nil, err
	}
	d.warn(p.Rules)
	p.Warnings = d.Warnings()
	return &p, rules, nil
}

type decoder struct{ *yamlcheck.Decoder }

func (d *decoder) rule(n *yamlcheck.Node) Rule {
	rule := Rule{Line: n.Line}
	before := d.ErrorCount()
	d.Mapping(n, "a rule", yamlcheck.Fields{
		"name":     yamlcheck.To(&rule.Name, d.String),
		"source":   yamlcheck.To(&rule.Source, d.patterns),
		"sink":     yamlcheck.To(&rule.Sink, d.patterns),
		"types":    yamlcheck.To(&rule.Types, d.types),
		"owner":    yamlcheck.To(&rule.Owner, d.String),
		"ticket":   yamlcheck.To(&rule.Ticket, d.String),
		"expires":  yamlcheck.To(&rule.Expires, d.day),
		"required": yamlcheck.To(&rule.Required, d.Bool),
	})
	d.UniqueName(n.Line, "rule", rule.Name)
	// An error in a field is not reported again as a missing field.
	switch {
	case d.ErrorCount() > before:
	case rule.Name == "":
		d.Errorf(n.Line, "the rule has no name; write name: NAME")
	case len(rule.Source) == 0:
		d.Errorf(n.Line, "rule %q has no source; write source: and an org's UUID, its name, or a glob over names", rule.Name)
	case len(rule.Sink) == 0:
		d.Errorf(n.Line, "rule %q has no sink; write sink: and an org's UUID, its name, or a glob over names", rule.Name)
	case rule.Required && len(rule.Types) == 0:
		d.Errorf(n.Line, "rule %q is required but lists no types, so nobody could tell what is missing; write types: [logs] or others", rule.Name)
	}
	return rule
}

// patterns decodes one pattern or a list of them.
func (d *decoder) patterns(n *yamlcheck.Node, key string) []Pattern {
	var patterns []Pattern
	for _, entry := range d.OneOrMore(n) {
		text := d.String(entry, key)
		if text == "" {
			continue
		}
		pattern, err := NewPattern(text)
		if err != nil {
			d.Errorf(entry.Line, "%s is not a valid glob: %v", key, err)
		}
		patterns = append(patterns, pattern)
	}
	return patterns
}

func (d *decoder) types(n *yamlcheck.Node, key string) []string {
	var types []string
	for _, entry := range d.List(n, key) {
		types = append(types, d.String(entry, key))
	}
	if len(types) == 0 {
		d.Errorf(n.Line, "types is empty; list some, or leave it out to allow all")
	}
	slices.Sort(types)
	return slices.Compact(types)
}

// day decodes a day as its beginning in UTC.
func (d *decoder) day(n *yamlcheck.Node, key string) time.Time {
	text := d.String(n, key)
	if text == "" {
		return time.Time{}
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		d.Errorf(n.Line, "%s is not a day; write one such as 2027-03-31", key)
	}
	return day
}

// warn adds warnings about rules that allow more than they seem to.
func (d *decoder) warn(rules []Rule) {
	var byName []string
	for _, rule := range rules {
		if slices.ContainsFunc(rule.Source, Pattern.Glob) && slices.ContainsFunc(rule.Sink, Pattern.Glob) {
			d.Warnf(rule.Line, "rule %q has globs for both ends, which allows more than anybody can foresee; name one end at least", rule.Name)
		}
		if slices.ContainsFunc(slices.Concat(rule.Source, rule.Sink), func(p Pattern) bool { return !p.Exact() }) {
			byName = append(byName, rule.Name)
		}
	}
	if len(byName) > 0 {
		d.Warnf(1, "%s by names, which can change; an org's UUID cannot: %s", countRules(len(byName)), firstNames(byName))
	}
}

func countRules(n int) string {
	if n == 1 {
		return "one rule goes"
	}
	return fmt.Sprintf("%d rules go", n)
}

// firstNames lists a few of many names.
func firstNames(names []string) string {
	const most = 5
	if len(names) > most {
		return fmt.Sprintf("%q and %d more", names[:most], len(names)-most)
	}
	return fmt.Sprintf("%q", names)
}
