package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	// growth is how many times larger the large account is.
	growth  = 10
	latency = 50 * time.Millisecond

	someAtOnce = 20
	manyAtOnce = 100
	// fewCrowds is how often some scrape at once: the peak in the middle counts.
	fewCrowds = 3
)

func (b *bench) build(ctx context.Context) (err error) {
	if b.programs, err = build(ctx, b.dir); err != nil {
		return err
	}
	if b.results.binary.naive, err = sizeOf(b.programs.naive); err != nil {
		return err
	}
	b.results.binary.ours, err = sizeOf(b.programs.ours)
	return err
}

// startAPIs starts those that the other steps ask; they run to the end.
func (b *bench) startAPIs(ctx context.Context) (err error) {
	if b.small, err = b.startAPI(ctx, b.size, 0); err != nil {
		return err
	}
	if b.naives, err = b.startAPI(ctx, b.size, 0); err != nil {
		return err
	}
	if b.late, err = b.startAPI(ctx, b.size, latency); err != nil {
		return err
	}
	b.large, err = b.startAPI(ctx, b.size*growth, 0)
	return err
}

// warm scrapes those who have the inventory already.
func (b *bench) warm(ctx context.Context) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	ours, err := b.startOurs(ctx, b.small, longTTL)
	if err != nil {
		return err
	}
	naive, err := b.startNaive(ctx, b.naives, longTTL)
	if err != nil {
		return err
	}
	if err := b.compareShown(ctx, ours, naive); err != nil {
		return err
	}
	static, err := b.startStatic(ctx, &ours.got)
	if err != nil {
		return err
	}
	var got answer
	floor := turn{name: "static", process: static, act: func(ctx context.Context) error { return got.scrape(ctx, static.base) }}
	w := &b.results.warm
	// The fast ones alone can have many more rounds.
	measured, err := inTurn(ctx, 10*b.rounds, b.atMost, floor, ours.warm())
	if err != nil {
		return err
	}
	w.static, w.oursByStatic = measured[0], measured[1]
	if measured, err = inTurn(ctx, 2*b.rounds, b.atMost, naive.warm(), ours.warm()); err != nil {
		return err
	}
	w.naive, w.oursByNaive = measured[0], measured[1]
	return nil
}

// compareShown finds out whether both exporters show the whole account, and the same.
func (b *bench) compareShown(ctx context.Context, ours, naive *peer) error {
	var shown []inventory
	for _, p := range []*peer{ours, naive} {
		if err := p.scrape(ctx); err != nil {
			return err
		}
		i, err := p.got.inventory()
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		if i.connections() != b.size {
			return fmt.Errorf("%s shows %d of %d connections", p.name, i.connections(), b.size)
		}
		shown = append(shown, i)
	}
	if err := shown[0].same(shown[1]); err != nil {
		return fmt.Errorf("the exporters do not show the same: %w", err)
	}
	text, err := ours.got.text()
	b.results.shown.plain, b.results.shown.compressed = len(text), ours.got.body.Len()
	return err
}

// startStatic serves what the exporter answered, byte for byte.
func (b *bench) startStatic(ctx context.Context, a *answer) (*process, error) {
	file := filepath.Join(b.dir, "exposition.gz")
	if err := os.WriteFile(file, a.body.Bytes(), 0o600); err != nil {
		return nil, err
	}
	return b.start(ctx, b.programs.static, "-file="+file, "-content-type="+a.contentType)
}

// cold scrapes those who have to refresh first.
func (b *bench) cold(ctx context.Context) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	ours, err := b.startOurs(ctx, b.small, shortTTL)
	if err != nil {
		return err
	}
	naive, err := b.startNaive(ctx, b.naives, shortTTL)
	if err != nil {
		return err
	}
	floor := turn{name: "download", act: b.small.download}
	measured, err := inTurn(ctx, b.rounds, b.atMost, floor, naive.cold(), ours.cold())
	if err != nil {
		return err
	}
	b.results.cold.download, b.results.cold.naive, b.results.cold.ours = measured[0], measured[1], measured[2]
	return nil
}

// coldAndLate does so where every answer of the API is late.
func (b *bench) coldAndLate(ctx context.Context) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	ours, err := b.startOurs(ctx, b.late, shortTTL)
	if err != nil {
		return err
	}
	measured, err := inTurn(ctx, b.rounds, b.atMost, turn{name: "download", act: b.late.download}, ours.cold())
	if err != nil {
		return err
	}
	b.results.late.download, b.results.late.ours = measured[0], measured[1]
	return nil
}

// crowded lets some scrape at once.
func (b *bench) crowded(ctx context.Context) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	ours, err := b.startOurs(ctx, b.small, shortTTL)
	if err != nil {
		return err
	}
	naive, err := b.startNaive(ctx, b.naives, shortTTL)
	if err != nil {
		return err
	}
	faced, err := b.crowds(ctx, fewCrowds, someAtOnce, ours, naive)
	if err != nil {
		return err
	}
	b.results.crowd.ours, b.results.crowd.naive = faced[0], faced[1]
	return nil
}

// grown scrapes exporters of both accounts side by side.
func (b *bench) grown(ctx context.Context) error {
	g := &b.results.growth
	for _, kind := range []struct {
		ttl          time.Duration
		turn         func(*peer) turn
		small, large *figures
	}{
		{longTTL, (*peer).warm, &g.warmSmall, &g.warmLarge},
		{shortTTL, (*peer).cold, &g.coldSmall, &g.coldLarge},
	} {
		measured, err := b.sideBySide(ctx, kind.ttl, kind.turn)
		if err != nil {
			return err
		}
		*kind.small, *kind.large = measured[0], measured[1]
	}
	return nil
}

func (b *bench) sideBySide(ctx context.Context, ttl time.Duration, of func(*peer) turn) ([]figures, error) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	small, err := b.startOurs(ctx, b.small, ttl)
	if err != nil {
		return nil, err
	}
	large, err := b.startOurs(ctx, b.large, ttl)
	if err != nil {
		return nil, err
	}
	return inTurn(ctx, b.rounds, b.atMost, of(small), of(large))
}

// crowdedLarge lets some, then many, scrape the large account at once. Each begins
// with an exporter that has just started: it may not live to see the other.
func (b *bench) crowdedLarge(ctx context.Context) (err error) {
	if b.results.large.some, err = b.crowdOfLarge(ctx, fewCrowds, someAtOnce); err != nil {
		return err
	}
	b.results.large.many, err = b.crowdOfLarge(ctx, 1, manyAtOnce)
	return err
}

func (b *bench) crowdOfLarge(ctx context.Context, crowds, scrapes int) (crowd, error) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	ours, err := b.startOurs(ctx, b.large, shortTTL)
	if err != nil {
		return crowd{}, err
	}
	faced, err := b.crowds(ctx, crowds, scrapes, ours)
	if err != nil {
		return crowd{}, err
	}
	return faced[0], nil
}
