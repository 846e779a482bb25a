package policy

import (
	"fmt"
	"slices"
	"time"

	"datadog_org_connections_exporter/internal/yamlcheck"
)

// Policy says which connections are expected.
type Policy struct {
	// Rules in the order of the file, each name once.
	Rules []Rule
	// Warnings name what is valid and yet looks like a mistake, with its line.
	Warnings []string
}

// writeRules says what a file without content should hold.
const writeRules = "write rules: and below it one entry for each rule"

// reader reads rules.
type reader struct{ *yamlcheck.Reader }

// Parse reads a policy. file is what it is called in errors. The error,
// [yamlcheck.Errors], tells everything that is wrong.
func Parse(file string, content []byte) (*Policy, error) {
	r := &reader{yamlcheck.New(file)}
	root := r.Parse(content, writeRules)
	if root == nil {
		return nil, r.Err()
	}
	var p Policy
	given := false
	r.Mapping(root, "the policy", yamlcheck.Settings{
		"rules": func(n yamlcheck.Node) {
			given = true
			for _, rule := range r.List(n, "rules") {
				p.Rules = append(p.Rules, r.rule(rule))
			}
		},
	})
	if !given && r.Mistakes() == 0 {
		r.Complain(1, "there are no rules; %s", writeRules)
	}
	r.unique(p.Rules)
	if err := r.Err(); err != nil {
		return nil, err
	}
	r.lookAskance(p.Rules)
	p.Warnings = r.Warnings()
	return &p, nil
}

func (r *reader) rule(n yamlcheck.Node) Rule {
	rule := Rule{Line: yamlcheck.Line(n)}
	before := r.Mistakes()
	r.Mapping(n, "a rule", yamlcheck.Settings{
		"name":     func(n yamlcheck.Node) { rule.Name = r.Text(n, "name") },
		"source":   func(n yamlcheck.Node) { rule.Source = r.patterns(n, "source") },
		"sink":     func(n yamlcheck.Node) { rule.Sink = r.patterns(n, "sink") },
		"types":    func(n yamlcheck.Node) { rule.Types = r.types(n) },
		"owner":    func(n yamlcheck.Node) { rule.Owner = r.Text(n, "owner") },
		"ticket":   func(n yamlcheck.Node) { rule.Ticket = r.Text(n, "ticket") },
		"expires":  func(n yamlcheck.Node) { rule.Expires = r.day(n, "expires") },
		"required": func(n yamlcheck.Node) { rule.Required = r.Bool(n, "required") },
	})
	if r.Mistakes() > before {
		return rule
	}
	switch {
	case rule.Name == "":
		r.Complain(rule.Line, "the rule has no name; write name: NAME")
	case len(rule.Source) == 0:
		r.Complain(rule.Line, "rule %q has no source; write source: and an org's UUID, its name, or a glob over names", rule.Name)
	case len(rule.Sink) == 0:
		r.Complain(rule.Line, "rule %q has no sink; write sink: and an org's UUID, its name, or a glob over names", rule.Name)
	case rule.Required && len(rule.Types) == 0:
		r.Complain(rule.Line, "rule %q is required but lists no types, so nobody could tell what is missing; write types: [logs] or others", rule.Name)
	}
	return rule
}

// patterns reads one pattern, or a list of them.
func (r *reader) patterns(n yamlcheck.Node, what string) []Pattern {
	var patterns []Pattern
	for _, entry := range r.OneOrMore(n) {
		text := r.Text(entry, what)
		if text == "" {
			continue
		}
		pattern, err := NewPattern(text)
		if err != nil {
			r.Complain(yamlcheck.Line(entry), "%s: %q is no glob: %v", what, text, err)
		}
		patterns = append(patterns, pattern)
	}
	return patterns
}

func (r *reader) types(n yamlcheck.Node) []string {
	var types []string
	for _, entry := range r.List(n, "types") {
		types = append(types, r.Text(entry, "types"))
	}
	if len(types) == 0 {
		r.Complain(yamlcheck.Line(n), "types is empty; list some, or leave it out to allow all")
	}
	slices.Sort(types)
	return slices.Compact(types)
}

// day reads the day on which a rule ends: at its beginning, UTC.
func (r *reader) day(n yamlcheck.Node, what string) time.Time {
	text := r.Text(n, what)
	if text == "" {
		return time.Time{}
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		r.Complain(yamlcheck.Line(n), "%s is not a day; write one such as 2027-03-31", what)
	}
	return day
}

func (r *reader) unique(rules []Rule) {
	first := map[string]int{}
	for _, rule := range rules {
		if before, taken := first[rule.Name]; taken && rule.Name != "" {
			r.Complain(rule.Line, "the name %q is taken by the rule in line %d; names are unique", rule.Name, before)
			continue
		}
		first[rule.Name] = rule.Line
	}
}

// lookAskance warns of rules that hold less than they seem to.
func (r *reader) lookAskance(rules []Rule) {
	var named []string
	for _, rule := range rules {
		if slices.ContainsFunc(rule.Source, Pattern.Glob) && slices.ContainsFunc(rule.Sink, Pattern.Glob) {
			r.Warn(rule.Line, "rule %q has globs for both ends, which allows more than anybody can foresee; name one end at least", rule.Name)
		}
		if slices.ContainsFunc(slices.Concat(rule.Source, rule.Sink), func(p Pattern) bool { return !p.Exact() }) {
			named = append(named, rule.Name)
		}
	}
	if len(named) > 0 {
		r.Warn(1, "%s by names, which can change; an org's UUID cannot: %s", counted(len(named)), listed(named))
	}
}

func counted(rules int) string {
	if rules == 1 {
		return "one rule goes"
	}
	return fmt.Sprintf("%d rules go", rules)
}

// listed names a few of many.
func listed(names []string) string {
	const most = 5
	if len(names) > most {
		return fmt.Sprintf("%q and %d more", names[:most], len(names)-most)
	}
	return fmt.Sprintf("%q", names)
}
