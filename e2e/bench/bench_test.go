package main

import (
	"compress/gzip"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestInterleave_TakesTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var order string
		newPeer := func(name string) *peer {
			return &peer{sample: func(context.Context) (float64, error) { order += name; return -float64(len(order)), nil }}
		}
		a, b := newPeer("a"), newPeer("b")
		err := interleave(t.Context(), 4, []*peer{a, b})
		if err != nil || order != "abababab" || !slices.Equal(a.samples, []float64{-7, -5, -3, -1}) || b.median() != -4 {
			t.Errorf("order %s, samples %v and %v, error %v", order, a.samples, b.samples, err)
		}
	})
}

func TestInterleave_EndsAtLimit(t *testing.T) {
	for took, want := range map[time.Duration]int{limit / 6: 6, limit: minRounds} {
		synctest.Test(t, func(t *testing.T) {
			p := &peer{sample: func(ctx context.Context) (float64, error) { return 0, wait(ctx, took) }}
			if err := interleave(t.Context(), 100, []*peer{p}); err != nil || len(p.samples) != want {
				t.Errorf("%d samples of %v, want %d; error %v", len(p.samples), took, want, err)
			}
		})
	}
}

func TestGoal_Row(t *testing.T) {
	for _, test := range []struct {
		goal             goal
		exporter, beside float64
		failures, want   string
	}{
		{goal{atMost: 2}, 0.002, 0.001, "", "| scrape | 2 ms | 1 ms: naive | 2 × | ≤ 2 × |\n"},
		{goal{atMost: 1.9}, 0.002, 0.001, "", "| 2 × | ≤ 1.9 ×, missed |\n"},
		{goal{atLeast: 150}, 0.002, 0.3, "", "| 150 × faster | ≥ 150 × faster |\n"},
		{goal{atLeast: 151}, 0.002, 0.3, "", "| 150 × faster | ≥ 151 × faster, missed |\n"},
		{goal{atMost: 2}, 1.23456, 1050.6, "", "| 1,235 ms | 1,050,600 ms: naive | 0.00118 × | ≤ 2 × |\n"},
		{goal{atMost: 2}, 1, 1, ", 3 scrapes failed", "| 1 ×, 3 scrapes failed | ≤ 2 ×, missed |\n"},
	} {
		if got := test.goal.row("scrape", "naive", milliseconds, test.exporter, test.beside, test.failures); !strings.HasSuffix(got, test.want) {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

func TestPeer_Check(t *testing.T) {
	const exposition = `# HELP datadog_org_connection_info One.
datadog_org_connection_info{connection_id="1",source_org_name="Acme Hub North"} 1
datadog_org_connection_info{connection_id="2",source_org_name="Acme Hub North"} 1
`
	for _, test := range []struct {
		connections int
		hub, want   string
	}{{2, "Acme Hub North", ""}, {3, "Acme Hub North", "2 of 3 connections"}, {2, "Acme Hub South", "Acme Hub South"}} {
		p := peer{connections: test.connections, hub: test.hub}
		zip := gzip.NewWriter(&p.body)
		_, err := zip.Write([]byte(exposition))
		if err := errors.Join(err, zip.Close()); err != nil {
			t.Fatal(err)
		}
		if err := p.check(); (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%d connections, hub %s: error %v, want %q", test.connections, test.hub, err, test.want)
		}
	}
}
