package policy

import (
	"bytes"
	"cmp"
	"fmt"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/yamlcheck"
)

// Baseline writes a policy that allows exactly what the snapshot holds: a rule for
// each source and sink, by their UUIDs, with names as comments. The same snapshot
// gives the same text.
func Baseline(snapshot *inventory.Snapshot) []byte {
	var out bytes.Buffer
	out.WriteString("# Connections that are expected, by UUID; names are comments, for people.\nrules:")
	rules := newRules(sharesOf(snapshot, entriesOf(snapshot)), map[string]bool{})
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
	taken := map[string]bool{}
	for _, rule := range p.Rules {
		taken[rule.Name] = true
	}
	added := newRules(unexpected, taken)
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

// newRule is a rule to be written.
type newRule struct {
	name         string
	source, sink Party
	types        []string
}

// newRules makes a rule for each source and sink, in the order of the shares. Names
// that are taken get a part of the ids.
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

// slug makes a name of letters and digits of any script, and dashes.
func slug(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return cmp.Or(strings.Join(words, "-"), "org")
}

// write writes the rule as YAML. JSON's texts are YAML's.
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

// yaml is the pattern that means the org, and its name as a comment. An org whose
// id is no UUID can only be meant by its name.
func (p Party) yaml() string {
	if !uuid.MatchString(p.ID) {
		return quote(literal(p.Name))
	}
	return p.ID + "  # " + comment(p.Name)
}

// literal is the pattern that means this name and no other.
func literal(name string) string {
	if _, err := path.Match(name, ""); err == nil && !strings.ContainsAny(name, `*?[\`) {
		return name
	}
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`).Replace(name)
}

// comment keeps a name on its line.
func comment(name string) string {
	return strings.Join(strings.FieldsFunc(name, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
}

// quote returns text, which is valid UTF-8, as a YAML scalar. Go's escapes are YAML's.
func quote(text string) string {
	if isPlain(text) {
		return text
	}
	return strconv.Quote(text)
}

// isPlain reports whether YAML reads the text without quotes as itself: a word in
// small letters that has no other meaning.
func isPlain(text string) bool {
	if slices.Contains([]string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}, text) {
		return false
	}
	for n, r := range text {
		letter := r >= 'a' && r <= 'z'
		if !letter && (n == 0 || (r != '-' && r != '_' && (r < '0' || r > '9'))) {
			return false
		}
	}
	return text != ""
}
