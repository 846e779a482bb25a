package yamlcheck

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"datadog_org_connections_exporter/internal/boundedfile"
)

const (
	// MaxSize is the most bytes that a file may have: a policy of 20,000 rules. The
	// parser needs up to 120 times as much memory, and 20 times for a policy.
	MaxSize = 4 << 20

	maxDepth = 20
	maxNodes = 1 << 20 // with what aliases expand to

	tooLarge = "the file is larger than 4 MiB"
	tooDeep  = "nested more than 20 levels deep"
)

// ReadFile reads a file of at most [MaxSize] bytes, or what a pipe delivers within 5 s.
func ReadFile(path string) ([]byte, error) { return boundedfile.Read(path, MaxSize) }

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
	for text := range bytes.Lines(content) {
		line++
		switch {
		case !utf8.Valid(text):
			return line, "not valid UTF-8; save the file as UTF-8"
		case bytes.ContainsAny(text, "\u0085\u2028\u2029"):
			return line, `a separator of lines or paragraphs (U+0085, U+2028, U+2029); leave it out, or write it as "\u2028" in double quotes`
		}
	}
	return 0, ""
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
	for budget := 4 * MaxSize; ; { // bytes to parse again
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
		d.Errorf(1, "more than 1,048,576 values, aliases expanded")
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
