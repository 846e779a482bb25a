package web

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"datadog_org_connections_exporter/internal/report"
)

// picture is a drawing of who shares with whom: sources left, sinks right. The same
// topology has the same picture.
type picture struct {
	Width, Height int
	Wide          bool
	Left, Right   int // where labels end and begin
	Sources       []pictureNode
	Sinks         []pictureNode
	Edges         []pictureEdge
}

// SourceX returns where the dots of sources are.
func (p *picture) SourceX() int { return p.Left + 10 }

// SinkX returns where the dots of sinks are.
func (p *picture) SinkX() int { return p.Right - 10 }

// pictureNode is an org at one side; Y is its middle.
type pictureNode struct {
	link
	Full    string // the whole name
	Y       int
	Flagged bool
}

// pictureEdge is what a source shares with a sink.
type pictureEdge struct {
	Path, Title string
	Width       int
	Unexpected  bool
}

// Sizes of a picture, in units of its own. Labels that are longer are cut.
const (
	pictureLabel  = 200
	pictureMiddle = 120 // between the labels, of few orgs
	pictureWide   = 320 // of many, whose lines cross
	pictureMany   = 12
	pictureRow    = 26
	pictureLetter = 24 // letters of a label
)

func (b builder) picture(t topology) *picture {
	p := &picture{Width: 2*pictureLabel + pictureMiddle, Height: (max(len(t.sources), len(t.sinks)) + 1) * pictureRow, Left: pictureLabel}
	if len(t.orgs) > pictureMany {
		p.Width += pictureWide - pictureMiddle
		p.Wide = true
	}
	p.Right = p.Width - pictureLabel
	left := map[string]int{} // Y of sources
	for n, id := range t.sources {
		left[id] = p.y(n, len(t.sources))
	}
	right := map[string]int{}
	for n, id := range t.sinksByNeighbours(left) {
		right[id] = p.y(n, len(t.sinks))
		p.Sinks = append(p.Sinks, b.node(t, id, right[id]))
	}
	for _, source := range t.sources {
		p.Sources = append(p.Sources, b.node(t, source, left[source]))
		for _, sink := range t.sinks {
			if c := t.pairs[pair{source, sink}]; c != nil {
				p.Edges = append(p.Edges, p.edge(c, left[source], right[sink]))
			}
		}
	}
	// What is unexpected is drawn above all others.
	slices.SortStableFunc(p.Edges, func(a, b pictureEdge) int { return strings.Compare(fmt.Sprint(a.Unexpected), fmt.Sprint(b.Unexpected)) })
	return p
}

// y returns the middle of the nth of some nodes, which are spread over the height.
func (p *picture) y(n, of int) int { return (2*n + 1) * p.Height / (2 * of) }

func (b builder) node(t topology, id string, y int) pictureNode {
	node := pictureNode{link: b.orgLink(t.orgs[id]), Y: y, Flagged: t.flagged[id]}
	node.Full = node.Text
	if letters := []rune(node.Text); len(letters) > pictureLetter {
		node.Text = string(letters[:pictureLetter-1]) + "…"
	}
	return node
}

func (p *picture) edge(c *report.Connection, from, to int) pictureEdge {
	start, end := p.Left+14, p.Right-14
	middle := (start + end) / 2
	return pictureEdge{
		Path:  fmt.Sprintf("M%d %dC%d %d %d %d %d %d", start, from, middle, from, middle, to, end, to),
		Title: describe(c), Width: min(len(c.Types), 4), Unexpected: len(c.Unexpected) > 0,
	}
}

// sinksByNeighbours returns the sinks in the order of the mean height of their sources,
// so that few edges cross.
func (t topology) sinksByNeighbours(left map[string]int) []string {
	sum := map[string]int{}
	for p := range t.pairs {
		sum[p.sink] += left[p.source]
	}
	sinks := slices.Clone(t.sinks)
	slices.SortStableFunc(sinks, func(a, b string) int { return cmp.Compare(sum[a]*t.sees[b], sum[b]*t.sees[a]) })
	return sinks
}

func joined(types []string) string {
	return cmp.Or(report.Escape(strings.Join(types, ", ")), "nothing")
}
