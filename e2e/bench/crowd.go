package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// patience is how long one scrape of many at once may take: three times what
// Prometheus grants by default.
const patience = 30 * time.Second

// crowd is what becomes of many scrapes at once while the exporter refreshes.
type crowd struct {
	scrapes int
	failed  int
	peak    int64 // bytes, 0 where the exporter is no more
}

// face scrapes many times at once. It fails a scrape that gets no answer in time, or
// clearly less than a scrape alone gets.
func (p *peer) face(ctx context.Context, scrapes int) (crowd, error) {
	if err := p.scrape(ctx); err != nil {
		return crowd{}, err
	}
	atLeast := int64(p.got.body.Len()) * 9 / 10
	if err := p.overdue(ctx); err != nil {
		return crowd{}, err
	}
	if err := p.forgetPeak(); err != nil {
		return crowd{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var all sync.WaitGroup
	var failed atomic.Int32
	for range scrapes {
		all.Go(func() {
			if _, size, err := scrape(ctx, p.base, io.Discard); err != nil || size < atLeast {
				failed.Add(1)
			}
		})
	}
	all.Wait()
	c := crowd{scrapes: scrapes, failed: int(failed.Load())}
	p.asked = time.Now()
	select {
	case <-p.ended:
	default:
		var err error
		if c.peak, err = p.peak(); err != nil {
			return crowd{}, err
		}
	}
	return c, nil
}

// crowds lets each of the exporters in turn face several crowds. It makes an end when
// the time is up, or an exporter is no more.
func (b *bench) crowds(ctx context.Context, most, scrapes int, peers ...*peer) ([]crowd, error) {
	faced := make([][]crowd, len(peers))
	began := time.Now()
	for n := 0; n < most && (n == 0 || time.Since(began) < b.atMost); n++ {
		for i, p := range peers {
			c, err := p.face(ctx, scrapes)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", p.name, err)
			}
			faced[i] = append(faced[i], c)
			if c.peak == 0 {
				most = 0
			}
		}
	}
	all := make([]crowd, len(peers))
	for i := range peers {
		all[i] = typical(faced[i])
	}
	return all, nil
}

// typical is the crowd whose peak is in the middle, with the failures of all.
func typical(crowds []crowd) crowd {
	slices.SortFunc(crowds, func(a, b crowd) int { return cmp.Compare(a.peak, b.peak) })
	middle := crowds[len(crowds)/2]
	middle.scrapes, middle.failed = 0, 0
	for _, c := range crowds {
		middle.scrapes += c.scrapes
		middle.failed += c.failed
	}
	return middle
}
