// Package yamlcheck decodes YAML files that people write, and reports every error
// in a file at once: with its line, and with what to write instead.
//
// Decoding is strict: unknown keys, duplicate keys and values of the wrong type are
// errors. Anchors and aliases are resolved; merge keys (<<) and tags other than
// YAML's own are errors. Error texts contain keys but no values and no excerpts,
// because people paste secrets in the wrong place.
//
// Files are limited to [MaxSize] bytes, 20 levels of nesting and one document, so
// that a broken file cannot exhaust the memory of a running process.
package yamlcheck

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

const (
	// MaxSize is the most bytes that a file may have.
	MaxSize = 1 << 20

	maxDepth = 20
	// maxNodes limits what aliases expand to. No file of MaxSize has more nodes
	// without them.
	maxNodes = MaxSize
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
	lines    int            // of the content
	nodes    int            // checked so far
	names    map[string]int // lines of [Decoder.UniqueName]
}

// NewDecoder returns a decoder whose errors name this file.
func NewDecoder(file string) *Decoder { return &Decoder{file: file, names: map[string]int{}} }

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
	return slices.Compact(d.errors) // a value with aliases is decoded several times
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

// ReadFile reads a file of at most [MaxSize] bytes.
func ReadFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, MaxSize+1))
	if err == nil && len(content) > MaxSize {
		err = fmt.Errorf("%s: %s", path, tooLarge)
	}
	if err != nil {
		return nil, err
	}
	return content, nil
}

const (
	tooLarge = "the file is larger than 1 MiB"
	tooDeep  = "nested more than 20 levels deep"
)

// Parse returns the root of the only document in content, or nil after adding an
// error. hint says what to write into an empty file.
func (d *Decoder) Parse(content []byte, hint string) *Node {
	if line, text := checkText(content); text != "" {
		d.Errorf(line, "%s", text)
		return nil
	}
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	d.lines = 1 + bytes.Count(bytes.TrimSuffix(content, []byte("\n")), []byte("\n"))
	content = version12.ReplaceAll(content, []byte("${1}1"))
	var doc, second Node
	parser := yaml.NewDecoder(bytes.NewReader(content))
	err := parser.Decode(&doc)
	if err == nil {
		err = parser.Decode(&second)
	}
	switch {
	case err == nil:
		d.Errorf(second.Line, "a second document begins here; write one only")
	case !errors.Is(err, io.EOF):
		line, text := syntaxError(content)
		d.Errorf(line, "%s", text)
	case len(doc.Content) == 0 || doc.Content[0].Tag == "!!null" && doc.Content[0].Value == "":
		d.Errorf(1, "the file is empty; %s", hint)
	case d.check(doc.Content[0], nil) && len(d.errors) == 0:
		return doc.Content[0]
	}
	return nil
}

// version12 matches the directive of YAML 1.2, which the parser does not accept, up to
// the last digit.
var version12 = regexp.MustCompile(`\A((?:(?:#.*|%TAG.*|[ \t\r]*)\n)*%YAML[ \t]+1\.)2`)

// checkText returns the line and the text of an error about size and characters.
// YAML 1.1, and with it the parser, takes U+0085, U+2028 and U+2029 for line breaks,
// and YAML 1.2 does not.
func checkText(content []byte) (line int, text string) {
	if len(content) > MaxSize {
		return 1, tooLarge
	}
	at := bytes.IndexAny(content, "\u0085\u2028\u2029")
	text = `a separator of lines or paragraphs (U+0085, U+2028, U+2029); leave it out, or write it as "\u2028" in double quotes`
	for n := 0; n < len(content); {
		r, size := utf8.DecodeRune(content[n:])
		if r == utf8.RuneError && size == 1 {
			at, text = n, "not valid UTF-8; save the file as UTF-8"
			break
		}
		n += size
	}
	if at < 0 {
		return 0, ""
	}
	return 1 + bytes.Count(content[:at], []byte("\n")), text
}

// syntaxError returns the line and the text of the first syntax error. The parser's
// own line numbers are not used: they are off by one for some errors, missing for
// others, and mean the enclosing mapping for most. The error is in the last line that
// the parser has read, or before it, if the lines up to there have the same error.
func syntaxError(content []byte) (line int, text string) {
	reader := &lineReader{rest: content}
	problem := firstProblem(reader)
	end := len(content) - len(reader.rest)
	var next string // a value that does not end what comes before in the same error
	if problem == "did not find expected node content" {
		next = ` ""`
	}
	for budget := 16 * MaxSize; ; { // bytes to parse again
		before := 1 + bytes.LastIndexByte(bytes.TrimSuffix(content[:end], []byte("\n")), '\n')
		if budget -= before; budget < 0 || before == 0 || firstProblem(io.MultiReader(bytes.NewReader(content[:before]), strings.NewReader(next))) != problem {
			line = 1 + bytes.Count(content[:before], []byte("\n"))
			break
		}
		end = before
	}
	switch {
	case strings.HasPrefix(problem, "unknown anchor"): // and its name, which may be a secret's beginning
		return line, "invalid YAML: an alias of an unknown anchor; put a value that begins with * in quotes"
	case strings.HasPrefix(problem, "exceeded max depth"):
		return line, tooDeep
	}
	return line, "invalid YAML: " + problem
}

var parserPrefix = regexp.MustCompile(`^yaml: (line \d+: )?`)

// firstProblem returns the parser's error without its position, "" where there is none.
func firstProblem(reader io.Reader) string {
	parser := yaml.NewDecoder(reader)
	for {
		if err := parser.Decode(new(Node)); errors.Is(err, io.EOF) {
			return ""
		} else if err != nil {
			return parserPrefix.ReplaceAllString(err.Error(), "")
		}
	}
}

// lineReader reads no more than one line at once, so that rest shows how far the
// parser has come.
type lineReader struct{ rest []byte }

func (r *lineReader) Read(to []byte) (int, error) {
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	line := r.rest[:min(len(to), len(r.rest))]
	if end := bytes.IndexByte(line, '\n'); end >= 0 {
		line = line[:end+1]
	}
	r.rest = r.rest[len(line):]
	return copy(to, line), nil
}

// check adds errors about tags in n and below, and returns false after an error
// about size, for which the rest is not checked. above are the nodes around n.
func (d *Decoder) check(n *Node, above []*Node) bool {
	n.Line = min(n.Line, d.lines) // without a newline at the end, an empty value is one line too far
	line := n.Line
	n = resolve(n)
	d.nodes++
	switch {
	case slices.Contains(above, n):
		d.Errorf(line, "an alias of a value that contains it")
		return false
	case len(above) >= maxDepth:
		d.Errorf(line, tooDeep)
		return false
	case d.nodes > maxNodes:
		d.Errorf(1, "aliases expand to more than fits into a file")
		return false
	case !slices.Contains(tags[n.Kind], n.Tag):
		d.Errorf(line, "a tag that is not supported here; leave it out")
	}
	above = append(above, n)
	for _, child := range n.Content {
		if !d.check(child, above) {
			return false
		}
	}
	return true
}

var tags = map[yaml.Kind][]string{
	yaml.MappingNode:  {"!!map"},
	yaml.SequenceNode: {"!!seq"},
	yaml.ScalarNode:   {"!!str", "!!int", "!!float", "!!bool", "!!null", "!!timestamp", "!!merge"},
}

// resolve returns what n is an alias of, or n.
func resolve(n *Node) *Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
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
		d.Errorf(line, "the name %q is taken by the %s in line %d; names are unique", name, kind, before)
		return
	}
	d.names[name] = line
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
