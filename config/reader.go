package config

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

func (e Errors) sort() {
	slices.SortStableFunc(e, func(a, b Problem) int { return a.Line - b.Line })
}

// reader walks through YAML and takes note of everything that is wrong.
type reader struct {
	file     string
	errors   Errors
	warnings []string
}

// settings are the keys that a mapping may have, and what takes their values.
type settings map[string]func(ast.Node)

func (r *reader) complain(line int, format string, args ...any) {
	r.errors = append(r.errors, Problem{File: r.file, Line: line, Text: fmt.Sprintf(format, args...)})
}

func (r *reader) warn(line int, format string, args ...any) {
	r.warnings = append(r.warnings, Problem{File: r.file, Line: line, Text: fmt.Sprintf(format, args...)}.Error())
}

// parse gives the one document of the content, or nil after complaining. Errors
// come without the excerpt that the library offers: it might show a key.
func (r *reader) parse(content []byte) ast.Node {
	// The reader tells of keys that stand twice by itself, all of them at once.
	file, err := parser.ParseBytes(content, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		at, text := 1, "this is no YAML"
		var syntax yaml.Error
		if errors.As(err, &syntax) {
			at, text = syntax.GetToken().Position.Line, "this is no YAML: "+syntax.GetMessage()
		}
		r.complain(at, "%s", text)
		return nil
	}
	var bodies []ast.Node
	for _, doc := range file.Docs {
		if doc.Body != nil {
			bodies = append(bodies, doc.Body)
		}
	}
	switch len(bodies) {
	case 0:
		r.complain(1, "the file is empty; write orgs: and below it one entry for each org")
		return nil
	case 1:
		return bodies[0]
	}
	r.complain(line(bodies[1]), "a second document begins here; write one only")
	return nil
}

// mapping hands each value of a mapping to its setting.
func (r *reader) mapping(n ast.Node, what string, known settings) {
	m, ok := n.(ast.MapNode)
	if !ok {
		r.complain(line(n), "%s is not a list of settings; write %s", what, examples(known))
		return
	}
	first := map[string]int{}
	for entries := m.MapRange(); entries.Next(); {
		key, at := entries.Key().String(), line(entries.Key())
		if before, twice := first[key]; twice {
			r.complain(at, "%s is given a second time; it stands in line %d already", key, before)
			continue
		}
		first[key] = at
		set, ok := known[key]
		if !ok {
			r.complain(at, "%s: there is no setting of this name here; %s", quoted(key), instead(key, known))
			continue
		}
		set(entries.Value())
	}
}

// instead says what to write in place of an unknown setting.
func instead(key string, known settings) string {
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

func examples(known settings) string {
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

// list gives the entries of a list.
func (r *reader) list(n ast.Node, what string) []ast.Node {
	switch n := n.(type) {
	case *ast.SequenceNode:
		return n.Values
	case *ast.NullNode:
		return nil
	default:
		r.complain(line(n), "%s is not a list; begin each entry with a dash", what)
		return nil
	}
}

// text gives a text that is not empty. White space around it is a mistake.
func (r *reader) text(n ast.Node, what string) string {
	var text string
	switch n := n.(type) {
	case *ast.StringNode:
		text = n.Value
	case *ast.LiteralNode:
		text = strings.TrimSuffix(n.Value.Value, "\n")
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		r.complain(line(n), "%s is not a text; put it in quotes", what)
		return ""
	default:
		r.complain(line(n), "%s is not a text; write %s: VALUE", what, what)
		return ""
	}
	if text == "" || text != strings.TrimSpace(text) {
		r.complain(line(n), "%s is empty or has white space around it", what)
		return ""
	}
	return text
}

// duration gives a time span above zero.
func (r *reader) duration(n ast.Node, what string) time.Duration {
	text, ok := n.(*ast.StringNode)
	if ok {
		if d, err := time.ParseDuration(text.Value); err == nil && d > 0 {
			return d
		}
	}
	r.complain(line(n), "%s is not a duration above zero; write one such as 30s or 1m30s", what)
	return 0
}

// number gives a whole number above zero.
func (r *reader) number(n ast.Node, what string) int {
	if number, ok := n.(*ast.IntegerNode); ok {
		if value, err := strconv.Atoi(number.String()); err == nil && value > 0 {
			return value
		}
	}
	r.complain(line(n), "%s is not a whole number above zero; write one such as 1000", what)
	return 0
}

func line(n ast.Node) int {
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
