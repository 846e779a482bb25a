package main

import (
	"context"
	"fmt"
	"log"
	"slices"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// comparison makes a row of the table: the last peer, which is the exporter, beside the one before it, the baseline.
type comparison struct {
	what    string
	base    string // name of the baseline in the table
	rounds  int
	goal    goal
	cpuGoal goal // adds a row for CPU time, unless zero
	peers   []*peer
}

// comparisons returns those of the table, in its order.
func comparisons(small int) []comparison {
	const (
		scrape  = "scrape, nothing changed"
		refresh = "refresh and scrape, everything changed"
		peak    = "peak memory, 20 scrapes at once while refreshing"
		latency = 50 * time.Millisecond
		rounds  = 11
	)
	large := 10 * small
	from, to := english.Sprint(small), english.Sprint(large)+" connections: "
	return []comparison{
		{scrape, static, 10 * rounds, goal{atMost: 2}, goal{}, []*peer{
			{program: static, connections: small}, {program: ours, connections: small}}},
		{scrape, naive, 2 * rounds, goal{atLeast: 150}, goal{atMost: 0.01}, []*peer{
			{program: naive, connections: small}, {program: ours, connections: small}}},
		{refresh, naive, rounds, goal{atLeast: 7}, goal{}, []*peer{
			{program: download, connections: small}, {program: naive, connections: small, refresh: true},
			{program: ours, connections: small, refresh: true}}},
		{"the same, API answers after 50 ms", download, rounds, goal{atMost: 1.7}, goal{}, []*peer{
			{program: download, connections: small, latency: latency},
			{program: ours, connections: small, latency: latency, refresh: true}}},
		{peak, naive, minRounds, goal{atMost: 0.75}, goal{}, []*peer{
			{program: naive, connections: small, burst: 20}, {program: ours, connections: small, burst: 20}}},
		{to + scrape, from, rounds, goal{atMost: 11}, goal{}, []*peer{
			{program: ours, connections: small}, {program: ours, connections: large}}},
		{to + refresh, from, rounds, goal{atMost: 11}, goal{}, []*peer{
			{program: ours, connections: small, refresh: true}, {program: ours, connections: large, refresh: true}}},
		{to + peak, from, minRounds, goal{atMost: 11}, goal{}, []*peer{
			{program: ours, connections: small, burst: 20}, {program: ours, connections: large, burst: 20}}},
		{to + "the same, 100 scrapes", "20 scrapes", minRounds, goal{atMost: 2}, goal{}, []*peer{
			{program: ours, connections: large, burst: 20}, {program: ours, connections: large, burst: 100}}},
	}
}

// compare starts the peers, measures them and returns rows of the table.
func (b *bench) compare(ctx context.Context, c comparison) (rows string, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer b.running.Wait()
	defer stop()
	log.Print(c.what)
	for _, p := range c.peers {
		if err := b.start(ctx, p); err != nil {
			return "", fmt.Errorf("%s: %w", p.program, err)
		}
	}
	exporter, baseline := c.peers[len(c.peers)-1], c.peers[len(c.peers)-2]
	if baseline.program == naive {
		if err := exporter.checkSame(baseline); err != nil {
			return "", err
		}
	}
	format := milliseconds
	if c.peers[0].burst > 0 {
		format = mebibytes
	} else if err := interleave(ctx, 1, c.peers); err != nil { // warm-up
		return "", err
	}
	if err := interleave(ctx, c.rounds, c.peers); err != nil {
		return "", err
	}
	failures := ""
	for _, p := range c.peers {
		log.Printf("%10s: %d connections, %d samples, median %s, minimum %s, CPU %s",
			p.program, p.connections, len(p.samples), format(p.median()), format(p.samples[0]), milliseconds(p.cpu))
		if failed := p.failed.Load(); failed > 0 {
			failures += fmt.Sprintf(", %d scrapes of %s failed", failed, p.program)
		}
	}
	rows = c.goal.row(c.what, c.base, format, exporter.median(), baseline.median(), failures)
	if c.cpuGoal != (goal{}) {
		rows += c.cpuGoal.row("CPU of it", c.base, milliseconds, exporter.cpu, baseline.cpu, "")
	}
	return rows, nil
}

const minRounds, limit = 3, 12 * time.Second

// interleave replaces the samples of the peers: they take one each in turn, for a number of rounds or, after minRounds,
// until the limit. The pause before each lets another process end its garbage collection.
func interleave(ctx context.Context, rounds int, peers []*peer) error {
	for _, p := range peers {
		p.samples, p.cpu = nil, -p.cpuSeconds()
	}
	began := time.Now()
	for n := 0; n < rounds && (n < minRounds || time.Since(began) < limit); n++ {
		for _, p := range peers {
			if err := wait(ctx, 50*time.Millisecond); err != nil {
				return err
			}
			value, err := p.sample(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", p.program, err)
			}
			p.samples = append(p.samples, value)
		}
	}
	for _, p := range peers {
		p.cpu = (p.cpu + p.cpuSeconds()) / float64(len(p.samples))
		slices.Sort(p.samples)
	}
	return nil
}

// wait waits, unless ctx is done before.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// goal is a limit for a ratio. Only one of the fields is set.
type goal struct {
	atMost  float64 // exporter to baseline
	atLeast float64 // baseline to exporter
}

// row returns a row of the table. The goal is missed, too, where scrapes failed.
func (g goal) row(what, base string, format func(float64) string, exporter, baseline float64, failures string) string {
	ratio, relation, limit, unit := exporter/baseline, "≤", g.atMost, "×"
	met := ratio <= limit
	if g.atLeast > 0 {
		ratio, relation, limit, unit = baseline/exporter, "≥", g.atLeast, "× faster"
		met = ratio >= limit
	}
	missed := ""
	if !met || failures != "" {
		missed = ", missed"
	}
	return fmt.Sprintf("| %s | %s | %s: %s | %s %s%s | %s %s %s%s |\n", what, format(exporter), format(baseline), base,
		number(ratio), unit, failures, relation, number(limit), unit, missed)
}

func milliseconds(seconds float64) string { return number(seconds*1000) + " ms" }
func mebibytes(bytes float64) string      { return number(bytes/(1<<20)) + " MiB" }

var english = message.NewPrinter(language.English)

// number returns three significant digits, or an integer with separators.
func number(n float64) string {
	if n >= 99.95 {
		return english.Sprintf("%.0f", n)
	}
	return fmt.Sprintf("%.3g", n)
}
