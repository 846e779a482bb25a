package main

import (
	"fmt"
	"math"
)

// goal is one line of the report.
type goal struct {
	what          string
	ours, beside  string // as measured
	ratio, should string
	met           bool
}

// atMost is met where ours, divided by what is beside it, is not above the limit.
func atMost(what string, ours, beside quantity, limit float64) goal {
	ratio := ours.value / beside.value
	return goal{what, ours.String(), beside.String(), times(ratio), "≤ " + times(limit), ratio <= limit}
}

// faster is met where what is beside takes the limit times as long as ours, or longer.
func faster(what string, ours, beside quantity, limit float64) goal {
	ratio := beside.value / ours.value
	return goal{what, ours.String(), beside.String(), times(ratio) + " faster", "≥ " + times(limit) + " faster", ratio >= limit}
}

// withoutFailures is met only where no scrape failed, either.
func (g goal) withoutFailures(crowds ...crowd) goal {
	for _, c := range crowds {
		if c.failed > 0 {
			g.met = false
			g.ratio += fmt.Sprintf(", %d of %d scrapes failed", c.failed, c.scrapes)
		}
	}
	return g
}

// goals says what the exporter is to be, and whether it is.
func (r results) goals() []goal {
	g := r.growth
	return []goal{
		atMost("warm scrape, gzip; beside: static", span(r.warm.oursByStatic), span(r.warm.static), 2),
		faster("warm scrape, gzip; beside: naive", span(r.warm.oursByNaive), span(r.warm.naive), 150),
		atMost("warm scrape, CPU; beside: naive", cpu(r.warm.oursByNaive), cpu(r.warm.naive), 0.01),
		faster("cold refresh and scrape; beside: naive", span(r.cold.ours), span(r.cold.naive), 7),
		atMost(fmt.Sprintf("the same, API %v late; beside: the download", latency), span(r.late.ours), span(r.late.download), 1.7),
		atMost(fmt.Sprintf("peak memory, %d scrapes at once while refreshing; beside: naive", someAtOnce),
			memory(r.crowd.ours.peak), memory(r.crowd.naive.peak), 0.75).withoutFailures(r.crowd.ours, r.crowd.naive),
		atMost(fmt.Sprintf("%d × the connections, warm scrape", growth), span(g.warmLarge), span(g.warmSmall), 11),
		atMost(fmt.Sprintf("%d × the connections, cold refresh and scrape", growth), span(g.coldLarge), span(g.coldSmall), 11),
		atMost(fmt.Sprintf("%d × the connections, peak memory, %d scrapes at once", growth, someAtOnce),
			memory(r.large.some.peak), memory(r.crowd.ours.peak), 11).withoutFailures(r.large.some),
		atMost(fmt.Sprintf("%d × the connections, peak memory, %d scrapes at once; beside: %d", growth, manyAtOnce, someAtOnce),
			memory(r.large.many.peak), memory(r.large.some.peak), 2).withoutFailures(r.large.many),
		atMost("binary; beside: naive", memory(r.binary.ours), memory(r.binary.naive), 1),
	}
}

// quantity is a measured one.
type quantity struct {
	value float64
	unit  func(float64) string
}

func (q quantity) String() string { return q.unit(q.value) }

func span(f figures) quantity { return quantity{f.median().Seconds(), duration} }
func cpu(f figures) quantity  { return quantity{f.cpu.Seconds(), duration} }

// memory is also what a file takes.
func memory(bytes int64) quantity { return quantity{float64(bytes), mebibytes} }

func duration(seconds float64) string { return number(seconds*1000) + " ms" }

func mebibytes(bytes float64) string { return number(bytes/(1<<20)) + " MiB" }

func times(ratio float64) string { return number(ratio) + " ×" }

// number keeps three digits, and more only before the point.
func number(n float64) string {
	if n >= 100 {
		return thousands(int(math.Round(n)))
	}
	return fmt.Sprintf("%.3g", n)
}

// thousands writes a number as people read it.
func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}
