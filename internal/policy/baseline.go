package policy

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"

	"datadog_org_connections_exporter/internal/inventory"
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

// Merge adds to a policy, as it was written by a person, rules for what the
// snapshot holds and no rule allows. All that stands in it stays to the letter.
// Where nothing is to be added the content comes back as it is.
func Merge(file string, content []byte, snapshot *inventory.Snapshot, now time.Time) ([]byte, error) {
	p, err := Parse(file, content)
	if err != nil {
		return nil, err
	}
	added := p.Judge(snapshot, false, now).Unexpected
	if len(added) == 0 {
		return content, nil
	}
	kept, indent, err := p.open(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	taken := map[string]bool{}
	for _, rule := range p.Rules {
		taken[rule.Name] = true
	}
	var out bytes.Buffer
	out.WriteString(kept)
	if !strings.HasSuffix(kept, "\n") {
		out.WriteString("\n")
	}
	for _, r := range newRules(added, taken) {
		r.write(&out, indent)
	}
	return out.Bytes(), p.verify(file, out.Bytes())
}

var errNotAList = errors.New("its rules are not one below the other, each with a dash of its own, so none can be added; write them so")

// open gives the text to which rules can be added, and what is to stand before the
// dash of each. Only the rules may stand in a policy, so that they belong at its
// end. Of a policy without rules, such as the baseline of an empty account, the
// brackets of the empty list go.
func (p *Policy) open(content []byte) (kept, indent string, err error) {
	kept = string(content)
	if len(p.Rules) == 0 {
		kept = strings.TrimRight(strings.TrimSuffix(strings.TrimRight(kept, " \n"), "[]"), " ")
		if !strings.HasSuffix(kept, "rules:") {
			return "", "", errNotAList
		}
		return kept, "  ", nil
	}
	lines := strings.Split(kept, "\n")
	for n := p.Rules[0].Line - 1; n >= 0; n-- {
		text := strings.TrimLeft(lines[n], " ")
		if strings.HasPrefix(text, "- ") || strings.TrimSpace(text) == "-" {
			return kept, lines[n][:len(lines[n])-len(text)], nil
		}
		if strings.HasPrefix(text, "rules") {
			break
		}
	}
	return "", "", errNotAList
}

// verify makes sure that what was merged says what both parts said.
func (p *Policy) verify(file string, merged []byte) error {
	again, err := Parse(file, merged)
	if err != nil {
		return fmt.Errorf("rules cannot be added at the end of the file: %w", err)
	}
	if len(again.Rules) <= len(p.Rules) {
		return fmt.Errorf("%s: %w", file, errNotAList)
	}
	return nil
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

// quote writes what is plain as it is, and the rest in quotes.
func quote(text string) string {
	if plainText(text) {
		return text
	}
	var quoted bytes.Buffer
	encoder := json.NewEncoder(&quoted)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a text can always be encoded
	return strings.TrimSpace(quoted.String())
}

// plainText tells whether YAML takes the text for itself without quotes: a word in
// small letters that it has no other meaning for.
func plainText(text string) bool {
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
