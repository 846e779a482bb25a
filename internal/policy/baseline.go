package policy

import (
	"bytes"
	"cmp"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/yamlcheck"
)

// Baseline returns a policy file that allows exactly what is in the snapshot: a rule
// for each source and sink, by UUID, with names as comments. The same snapshot has the
// same baseline.
func Baseline(snapshot *inventory.Snapshot) []byte {
	var out bytes.Buffer
	out.WriteString("# Connections that are expected, by UUID; names are comments, for people.\nrules:")
	var none Policy
	rules := newRules(none.Judge(snapshot, false, time.Time{}).Unexpected, map[string]bool{})
	if len(rules) == 0 {
		out.WriteString(" []\n")
		return out.Bytes()
	}
	out.WriteString("\n")
	for _, r := range rules {
		r.write(&out, "  ")
	}
	return out.Bytes()
}

// Merge returns content, a policy that a person wrote, with rules added for the
// connections in the snapshot that no rule allows. All that is in content stays to
// the letter, except the brackets of an empty list. If nothing is to be added, Merge
// returns content.
func Merge(file string, content []byte, snapshot *inventory.Snapshot, now time.Time) ([]byte, error) {
	p, rules, err := parse(file, content)
	if err != nil {
		return nil, err
	}
	unexpected := p.Judge(snapshot, false, now).Unexpected
	if len(unexpected) == 0 {
		return content, nil
	}
	added := newRules(unexpected, p.names())
	kept, indent := appendable(string(content), rules)
	var merged bytes.Buffer
	merged.WriteString(kept)
	if !strings.HasSuffix(kept, "\n") {
		merged.WriteString("\n")
	}
	for _, r := range added {
		r.write(&merged, indent)
	}
	again, err := Parse(file, merged.Bytes())
	if err != nil || len(again.Rules) != len(p.Rules)+len(added) || !slices.EqualFunc(again.Rules[:len(p.Rules)], p.Rules, func(a, b Rule) bool { return reflect.DeepEqual(a, b) }) {
		return nil, fmt.Errorf("%s: its rules are not one below the other at its end, each with a dash of its own; write them so, that others can be added", file)
	}
	return merged.Bytes(), nil
}

// names returns the names of the rules.
func (p *Policy) names() map[string]bool {
	names := map[string]bool{}
	for _, rule := range p.Rules {
		names[rule.Name] = true
	}
	return names
}

// Suggestion is a rule that would allow what is unexpected from one source to one sink.
type Suggestion struct {
	Source, Sink Org
	// Types are in order.
	Types []string
	// Expired is the rule that allowed the first of them until it expired, or nil.
	Expired *Rule
	// YAML is the rule as an entry of the list of rules.
	YAML string
}

// Suggest returns a rule for each source and sink of unexpected shares, in their order,
// with names that no rule of the policy has.
func (p *Policy) Suggest(unexpected []Share) []Suggestion {
	var suggestions []Suggestion
	for _, r := range newRules(unexpected, p.names()) {
		var out bytes.Buffer
		r.write(&out, "  ")
		expired := unexpected[0].Expired
		suggestions = append(suggestions, Suggestion{r.source, r.sink, r.types, expired, out.String()})
		unexpected = unexpected[len(r.types):]
	}
	return suggestions
}

// appendable returns the text to which rules can be added if they are in block style
// (one below the other) or if there are none, and the indentation of their dashes.
func appendable(content string, rules *yamlcheck.Node) (text, indent string) {
	if len(rules.Content) > 0 {
		return content, strings.Repeat(" ", rules.Column-1)
	}
	lines := strings.SplitAfter(content, "\n")
	if rules.Line <= len(lines) && rules.Column <= len(lines[rules.Line-1]) {
		before := len(strings.Join(lines[:rules.Line-1], "")) + rules.Column - 1
		if after, empty := strings.CutPrefix(content[before:], "[]"); empty {
			content = strings.TrimRight(content[:before], " ") + after
		}
	}
	return content, "  "
}

// newRule is a rule to write.
type newRule struct {
	name         string
	source, sink Org
	types        []string
}

// newRules returns a rule for each source and sink, in the order of the shares. A name
// that is taken gets the beginnings of the ids or a number, and is added to taken.
func newRules(shares []Share, taken map[string]bool) []*newRule {
	var rules []*newRule
	for _, s := range shares {
		if n := len(rules); n > 0 && rules[n-1].source == s.Source && rules[n-1].sink == s.Sink {
			rules[n-1].types = append(rules[n-1].types, s.Type)
			continue
		}
		rules = append(rules, &newRule{source: s.Source, sink: s.Sink, types: []string{s.Type}})
	}
	for _, r := range rules {
		r.name = slug(r.source.Name) + "-to-" + slug(r.sink.Name)
		if taken[r.name] {
			r.name += fmt.Sprintf("-%.8s-%.8s", r.source.ID, r.sink.ID)
		}
		for plain, n := r.name, 2; taken[r.name]; n++ {
			r.name = fmt.Sprintf("%s-%d", plain, n)
		}
		taken[r.name] = true
	}
	return rules
}

// slug returns name in lower case, with dashes for all but letters and digits.
func slug(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return cmp.Or(strings.Join(words, "-"), "org")
}

// write writes the rule as YAML.
func (r *newRule) write(out *bytes.Buffer, indent string) {
	types := slices.Clone(r.types)
	for n := range types {
		types[n] = quote(types[n])
	}
	fmt.Fprintf(out, "%s- name: %s\n", indent, quote(r.name))
	fmt.Fprintf(out, "%s  source: %s\n", indent, r.source.yaml())
	fmt.Fprintf(out, "%s  sink: %s\n", indent, r.sink.yaml())
	fmt.Fprintf(out, "%s  types: [%s]\n", indent, strings.Join(types, ", "))
}

// yaml returns a pattern that matches the org, with its name as a comment. An org
// whose id is not a UUID can only be matched by name.
func (o Org) yaml() string {
	if !uuid.MatchString(o.ID) {
		return quote(literal(o.Name))
	}
	return o.ID + "  # " + comment(o.Name)
}

// literal returns the pattern that matches this name and no other.
func literal(name string) string {
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`).Replace(name)
}

// comment returns name on one line.
func comment(name string) string {
	return strings.Join(strings.FieldsFunc(name, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
}

// plain matches what YAML reads as a string without quotes, but for notPlain.
var (
	plain    = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)
	notPlain = []string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
)

// quote returns text, which is valid UTF-8, as a YAML scalar. Go's escapes are YAML's.
func quote(text string) string {
	if plain.MatchString(text) && !slices.Contains(notPlain, text) {
		return text
	}
	return strconv.Quote(text)
}
