// Package yamlcheck reads YAML that people write, and tells every mistake in it at
// once: with its line, and with what to write instead.
//
// Nothing is guessed: keys that are not known, keys that stand twice and values of
// another kind are all mistakes. What a file holds is not repeated in errors beyond
// the names of keys: people paste secrets in the wrong place.
package yamlcheck

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Problem is one thing that is wrong with a file.
type Problem struct {
	File string
	Line int // from 1
	Text string
}

// Error is the problem as file:line: text.
func (p Problem) Error() string { return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text) }

// Errors are all things that are wrong with a file, in the order of their lines.
type Errors []Problem

// Error has a line for each problem.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for n, problem := range e {
		lines[n] = problem.Error()
	}
	return strings.Join(lines, "\n")
}

// Node is a part of a file.
type Node = ast.Node

// Settings are the keys that a mapping may have, and what takes their values.
type Settings map[string]func(Node)

// Reader walks through a file and takes note of everything that is wrong.
type Reader struct {
	file     string
	errors   Errors
	warnings []string
}

// New makes a reader that calls the file by this name.
func New(file string) *Reader { return &Reader{file: file} }

// File is the name that the file is called by.
func (r *Reader) File() string { return r.file }

// Mistakes is how many there are so far.
func (r *Reader) Mistakes() int { return len(r.errors) }

// Err gives all mistakes as [Errors], in the order of their lines; nil where there
// are none.
func (r *Reader) Err() error {
	if len(r.errors) == 0 {
		return nil
	}
	slices.SortStableFunc(r.errors, func(a, b Problem) int { return a.Line - b.Line })
	return r.errors
}

// Warnings are what is valid and yet looks like a mistake, with its line.
func (r *Reader) Warnings() []string { return r.warnings }

// Complain takes note of a mistake.
func (r *Reader) Complain(line int, format string, args ...any) {
	r.errors = append(r.errors, Problem{File: r.file, Line: line, Text: fmt.Sprintf(format, args...)})
}

// Warn takes note of what is valid and yet looks like a mistake.
func (r *Reader) Warn(line int, format string, args ...any) {
	r.warnings = append(r.warnings, Problem{File: r.file, Line: line, Text: fmt.Sprintf(format, args...)}.Error())
}

// Parse gives the one document of the content, or nil after complaining. instead
// says what to write where there is nothing. Errors come without the excerpt that the
// library offers: it might show a key.
func (r *Reader) Parse(content []byte, instead string) Node {
	// The reader tells of keys that stand twice by itself, all of them at once.
	file, err := parser.ParseBytes(content, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		at, text := 1, "this is no YAML"
		var syntax yaml.Error
		if errors.As(err, &syntax) {
			at, text = syntax.GetToken().Position.Line, "this is no YAML: "+syntax.GetMessage()
		}
		r.Complain(at, "%s", text)
		return nil
	}
	var bodies []Node
	for _, doc := range file.Docs {
		if doc.Body != nil {
			bodies = append(bodies, doc.Body)
		}
	}
	switch len(bodies) {
	case 0:
		r.Complain(1, "the file is empty; %s", instead)
		return nil
	case 1:
		return bodies[0]
	}
	r.Complain(Line(bodies[1]), "a second document begins here; write one only")
	return nil
}

// Mapping hands each value of a mapping to its setting.
func (r *Reader) Mapping(n Node, what string, known Settings) {
	m, ok := n.(ast.MapNode)
	if !ok {
		r.Complain(Line(n), "%s is not a list of settings; write %s", what, examples(known))
		return
	}
	first := map[string]int{}
	for entries := m.MapRange(); entries.Next(); {
		key, at := entries.Key().String(), Line(entries.Key())
		if before, twice := first[key]; twice {
			r.Complain(at, "%s is given a second time; it stands in line %d already", key, before)
			continue
		}
		first[key] = at
		set, ok := known[key]
		if !ok {
			r.Complain(at, "%s: there is no setting of this name here; %s", quoted(key), remedy(key, known))
			continue
		}
		set(entries.Value())
	}
}

// remedy says what to write in place of an unknown setting.
func remedy(key string, known Settings) string {
	if _, file := known[key+"_file"]; file {
		return fmt.Sprintf("write %s_file and keep the secret itself in that file", key)
	}
	plain := strings.NewReplacer("-", "", "_", "", ".", "")
	for name := range known {
		if strings.EqualFold(plain.Replace(name), plain.Replace(key)) {
			return "write " + name
		}
	}
	return "known are " + strings.Join(slices.Sorted(maps.Keys(known)), ", ")
}

func examples(known Settings) string {
	return strings.Join(slices.Sorted(maps.Keys(known)), ": …, ") + ": …"
}

// quoted keeps an unknown key, which may be anything, short.
func quoted(key string) string {
	const most = 40
	if runes := []rune(key); len(runes) > most {
		key = string(runes[:most]) + "…"
	}
	return strconv.Quote(key)
}

// List gives the entries of a list.
func (r *Reader) List(n Node, what string) []Node {
	switch n := n.(type) {
	case *ast.SequenceNode:
		return n.Values
	case *ast.NullNode:
		return nil
	default:
		r.Complain(Line(n), "%s is not a list; begin each entry with a dash", what)
		return nil
	}
}

// OneOrMore gives the entries of a list, or the part itself where it is none.
func (r *Reader) OneOrMore(n Node) []Node {
	if list, ok := n.(*ast.SequenceNode); ok {
		return list.Values
	}
	return []Node{n}
}

// Bool gives true or false.
func (r *Reader) Bool(n Node, what string) bool {
	if b, ok := n.(*ast.BoolNode); ok {
		return b.Value
	}
	r.Complain(Line(n), "%s is neither true nor false", what)
	return false
}

// Text gives a text that is not empty. White space around it is a mistake.
func (r *Reader) Text(n Node, what string) string {
	var text string
	switch n := n.(type) {
	case *ast.StringNode:
		text = n.Value
	case *ast.LiteralNode:
		text = strings.TrimSuffix(n.Value.Value, "\n")
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		r.Complain(Line(n), "%s is not a text; put it in quotes", what)
		return ""
	default:
		r.Complain(Line(n), "%s is not a text; write %s: VALUE", what, what)
		return ""
	}
	if text == "" || text != strings.TrimSpace(text) {
		r.Complain(Line(n), "%s is empty or has white space around it", what)
		return ""
	}
	return text
}

// Duration gives a time span above zero.
func (r *Reader) Duration(n Node, what string) time.Duration {
	text, ok := n.(*ast.StringNode)
	if ok {
		if d, err := time.ParseDuration(text.Value); err == nil && d > 0 {
			return d
		}
	}
	r.Complain(Line(n), "%s is not a duration above zero; write one such as 30s or 1m30s", what)
	return 0
}

// Number gives a whole number above zero.
func (r *Reader) Number(n Node, what string) int {
	if number, ok := n.(*ast.IntegerNode); ok {
		if value, err := strconv.Atoi(number.String()); err == nil && value > 0 {
			return value
		}
	}
	r.Complain(Line(n), "%s is not a whole number above zero; write one such as 1000", what)
	return 0
}

// Line is where a part begins.
func Line(n Node) int {
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 {
		n = m.Values[0].Key // the mapping's own token is that of a colon
	}
	if v, ok := n.(*ast.MappingValueNode); ok {
		n = v.Key
	}
	if token := n.GetToken(); token != nil && token.Position != nil {
		return token.Position.Line
	}
	return 1
}
