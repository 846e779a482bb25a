package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// turn is what one of those who are compared does in each round.
type turn struct {
	name    string
	process *process // whose CPU time counts; nil where nobody's does

	prepare func(context.Context) error // not timed; may be nil
	act     func(context.Context) error
	check   func() error // not timed; may be nil
}

// pause lies before every turn, so that what the one before left to do, such as
// collecting garbage, does not weigh on the next.
const pause = 50 * time.Millisecond

func (t turn) take(ctx context.Context) (took time.Duration, err error) {
	select {
	case <-time.After(pause):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	if t.prepare != nil {
		if err := t.prepare(ctx); err != nil {
			return 0, fmt.Errorf("%s: %w", t.name, err)
		}
	}
	began := time.Now()
	err = t.act(ctx)
	took = time.Since(began)
	if err == nil && t.check != nil {
		err = t.check()
	}
	if err != nil {
		return 0, fmt.Errorf("%s: %w", t.name, err)
	}
	return took, nil
}

// figures are what was measured of one of those who are compared.
type figures struct {
	times []time.Duration // of each round, sorted
	cpu   time.Duration   // per round, on average
}

func (f figures) median() time.Duration { return f.times[len(f.times)/2] }
func (f figures) least() time.Duration  { return f.times[0] }

const leastRounds = 3

// inTurn lets everybody act once a round, and once before that counts. It makes an end
// when the time is up, if there were a few rounds.
func inTurn(ctx context.Context, rounds int, atMost time.Duration, turns ...turn) ([]figures, error) {
	measured := make([]figures, len(turns))
	for _, t := range turns {
		if _, err := t.take(ctx); err != nil {
			return nil, err
		}
	}
	before, err := cpuOf(turns)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	for n := 0; n < rounds && (n < leastRounds || time.Since(began) < atMost); n++ {
		for i, t := range turns {
			took, err := t.take(ctx)
			if err != nil {
				return nil, err
			}
			measured[i].times = append(measured[i].times, took)
		}
	}
	after, err := cpuOf(turns)
	if err != nil {
		return nil, err
	}
	for i := range measured {
		slices.Sort(measured[i].times)
		measured[i].cpu = (after[i] - before[i]) / time.Duration(len(measured[i].times))
	}
	return measured, nil
}

func cpuOf(turns []turn) ([]time.Duration, error) {
	used := make([]time.Duration, len(turns))
	for i, t := range turns {
		if t.process == nil {
			continue
		}
		var err error
		if used[i], err = t.process.cpu(); err != nil {
			return nil, err
		}
	}
	return used, nil
}
