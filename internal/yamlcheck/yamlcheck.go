// Package yamlcheck decodes YAML files that people write, and reports every error
// in a file at once: with its line, and with what to write instead.
//
// Decoding is strict: unknown keys, duplicate keys and values of the wrong type are
// errors. Anchors and aliases are resolved; merge keys (<<) and tags other than
// YAML's own are errors. Error texts contain keys and names, but no other values and
// no excerpts, because people paste secrets in the wrong place.
//
// A file has at most [MaxSize] bytes, 20 levels of nesting and one document, so that
// no file exhausts the memory of a running process.
//
//	yamlcheck.go  the decoder: errors, and values by their types
//	parse.go      reading files, parsing and its limits, lines of syntax errors
package yamlcheck

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Error is one error in a file.
type Error struct {
	File string
	Line int // from 1
	Text string
}

// Error returns file:line: text.
func (e Error) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Text) }

// Errors are all errors in a file, in the order of lines.
type Errors []Error

// Error returns one line for each error.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for n, err := range e {
		lines[n] = err.Error()
	}
	return strings.Join(lines, "\n")
}

// Node is a value in a file.
type Node = yaml.Node

// Fields are the keys that a mapping may have, each with a function that decodes
// its value and is given the key for its errors.
type Fields map[string]func(n *Node, key string)

// To returns a function for [Fields] that sets a variable to what decode returns.
func To[T any](variable *T, decode func(n *Node, key string) T) func(*Node, string) {
	return func(n *Node, key string) { *variable = decode(n, key) }
}

// Decoder decodes one file and collects the errors in it.
type Decoder struct {
	file     string
	errors   Errors
	warnings []string
	lines    int               // of the content
	nodes    int               // checked so far
	names    map[string]string // who has a name, such as: org in line 7
}

// NewDecoder returns a decoder whose errors name this file.
func NewDecoder(file string) *Decoder { return &Decoder{file: file, names: map[string]string{}} }

// File returns the name of the file.
func (d *Decoder) File() string { return d.file }

// ErrorCount returns the number of errors so far.
func (d *Decoder) ErrorCount() int { return len(d.errors) }

// Err returns all errors as [Errors], in the order of lines, or nil.
func (d *Decoder) Err() error {
	if len(d.errors) == 0 {
		return nil
	}
	slices.SortStableFunc(d.errors, func(a, b Error) int { return a.Line - b.Line })
	d.errors = slices.Compact(d.errors) // a value with aliases is decoded several times
	return d.errors
}

// Warnings returns what is valid but looks like a mistake, as file:line: text.
func (d *Decoder) Warnings() []string { return d.warnings }

// Errorf adds an error.
func (d *Decoder) Errorf(line int, format string, args ...any) {
	d.errors = append(d.errors, Error{File: d.file, Line: line, Text: fmt.Sprintf(format, args...)})
}

// Warnf adds a warning.
func (d *Decoder) Warnf(line int, format string, args ...any) {
	d.warnings = append(d.warnings, Error{File: d.file, Line: line, Text: fmt.Sprintf(format, args...)}.Error())
}

// Mapping decodes each value of a mapping with its field.
func (d *Decoder) Mapping(n *Node, what string, fields Fields) {
	m := resolve(n)
	if m.Kind != yaml.MappingNode {
		d.Errorf(n.Line, "%s is not a mapping; write %s: …", what, strings.Join(slices.Sorted(maps.Keys(fields)), ": …, "))
		return
	}
	first := map[string]int{} // line by key
	for at := 0; at < len(m.Content); at += 2 {
		line, key := m.Content[at].Line, resolve(m.Content[at])
		decode, isField := fields[key.Value]
		before, duplicate := first[key.Value]
		switch {
		case key.Tag == "!!merge":
			d.Errorf(line, "merge keys (<<) are not supported; write the keys out")
			continue
		case key.Tag != "!!str":
			d.Errorf(line, "a key is not a string; known are %s", names(fields))
			continue
		case duplicate:
			d.Errorf(line, "%s: duplicate key; it is in line %d already", quoted(key.Value), before)
		case !isField:
			d.Errorf(line, "%s: unknown key; %s", quoted(key.Value), remedy(key.Value, fields))
		default:
			decode(m.Content[at+1], key.Value)
		}
		first[key.Value] = cmp.Or(before, line)
	}
}

// UniqueName adds an error if the same name, not empty, was passed for an earlier
// line. kind is what has the name, such as an org.
func (d *Decoder) UniqueName(line int, kind, name string) {
	if before, taken := d.names[name]; taken && name != "" {
		d.Errorf(line, "the name %q is taken by the %s; names are unique", name, before)
		return
	}
	d.names[name] = fmt.Sprintf("%s in line %d", kind, line)
}

func names(fields Fields) string { return strings.Join(slices.Sorted(maps.Keys(fields)), ", ") }

// remedy says what to write in place of an unknown key.
func remedy(key string, fields Fields) string {
	if _, file := fields[key+"_file"]; file {
		return fmt.Sprintf("write %s_file and keep the secret itself in that file", key)
	}
	plain := strings.NewReplacer("-", "", "_", "", ".", "")
	for name := range fields {
		if strings.EqualFold(plain.Replace(name), plain.Replace(key)) {
			return "write " + name
		}
	}
	return "known are " + names(fields)
}

// quoted shortens and quotes a key, which may be anything.
func quoted(key string) string {
	const most = 40
	if runes := []rune(key); len(runes) > most {
		key = string(runes[:most]) + "…"
	}
	return strconv.Quote(key)
}

// List returns the entries of a list; none of null.
func (d *Decoder) List(n *Node, what string) []*Node {
	list := resolve(n)
	if list.Kind == yaml.SequenceNode {
		return list.Content
	}
	if list.Tag != "!!null" {
		d.Errorf(n.Line, "%s is not a list; begin each entry with a dash", what)
	}
	return nil
}

// OneOrMore returns the entries of a list, or n itself if it is no list.
func (d *Decoder) OneOrMore(n *Node) []*Node {
	if list := resolve(n); list.Kind == yaml.SequenceNode {
		return list.Content
	}
	return []*Node{n}
}

// Bool returns true or false.
func (d *Decoder) Bool(n *Node, what string) bool {
	if b := resolve(n); b.Tag == "!!bool" {
		switch strings.ToLower(b.Value) {
		case "true":
			return true
		case "false":
			return false
		}
	}
	d.Errorf(n.Line, "%s is neither true nor false", what)
	return false
}

// String returns a string that is not empty and has no white space around it, or ""
// after adding an error.
func (d *Decoder) String(n *Node, what string) string {
	s, isString := stringOf(n)
	switch {
	case isString && (s == "" || s != strings.TrimSpace(s)):
		d.Errorf(n.Line, "%s is empty or has white space around it", what)
		return ""
	case isString:
		return s
	case resolve(n).Kind == yaml.ScalarNode && resolve(n).Tag != "!!null":
		d.Errorf(n.Line, "%s is not a string; put it in quotes", what)
	default:
		d.Errorf(n.Line, "%s is not a string; write %s: VALUE", what, what)
	}
	return ""
}

// stringOf returns a scalar that YAML 1.2 takes for a string. Timestamps and << have
// tags of YAML 1.1.
func stringOf(n *Node) (s string, ok bool) {
	n = resolve(n)
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return strings.TrimSuffix(n.Value, "\n"), n.Tag == "!!str"
	}
	return n.Value, n.Tag == "!!str" || n.Tag == "!!timestamp" || n.Tag == "!!merge"
}

// Duration returns a duration above zero, or zero after adding an error.
func (d *Decoder) Duration(n *Node, what string) time.Duration {
	if s, ok := stringOf(n); ok {
		if duration, err := time.ParseDuration(s); err == nil && duration > 0 {
			return duration
		}
	}
	d.Errorf(n.Line, "%s is not a duration above zero; write one such as 30s or 1m30s", what)
	return 0
}

// PositiveInt returns a whole number above zero, or zero after adding an error.
func (d *Decoder) PositiveInt(n *Node, what string) int {
	if number := resolve(n); number.Tag == "!!int" {
		if value, err := strconv.Atoi(number.Value); err == nil && value > 0 {
			return value
		}
	}
	d.Errorf(n.Line, "%s is not a whole number above zero in decimal digits; write one such as 1000", what)
	return 0
}
