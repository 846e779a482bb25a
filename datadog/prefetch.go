package datadog

import (
	"context"
	"sync"
)

// maxConcurrentPages bounds the requests for pages of one listing: enough to hide the
// latency of the network, few enough not to be a burst to a rate limit that others
// share.
const maxConcurrentPages = 4

// fetchFunc fetches the page at an offset.
type fetchFunc func(ctx context.Context, offset int) (*page, error)

// prefetcher fetches pages concurrently, before they are asked for. Which ones is a
// guess: a page is returned by its exact offset only, so that a wrong guess costs a
// request and never a row.
type prefetcher struct {
	fetch  fetchFunc
	ctx    context.Context //nolint:containedctx // ends with stop
	cancel context.CancelFunc
	wg     sync.WaitGroup

	pending map[int]chan fetchResult // by offset
	next    int                      // lowest offset not guessed yet
}

type fetchResult struct {
	page *page
	err  error
}

func newPrefetcher(ctx context.Context, fetch fetchFunc) *prefetcher {
	ctx, cancel := context.WithCancel(ctx)
	return &prefetcher{fetch: fetch, ctx: ctx, cancel: cancel, pending: map[int]chan fetchResult{}}
}

// prefetch starts fetching pages of size rows from the offset next on, as long as
// their offset is not above end.
func (p *prefetcher) prefetch(next, size, end int) {
	p.next = max(p.next, next)
	for len(p.pending) < maxConcurrentPages && p.next <= end {
		p.start(p.next)
		p.next += size
	}
}

func (p *prefetcher) start(offset int) {
	result := make(chan fetchResult, 1)
	p.pending[offset] = result
	p.wg.Go(func() {
		page, err := p.fetch(p.ctx, offset)
		result <- fetchResult{page, err}
	})
}

// page returns the page at the offset. It waits until that is fetched.
func (p *prefetcher) page(offset int) (*page, error) {
	if p.pending[offset] == nil {
		p.start(offset)
	}
	result := <-p.pending[offset]
	delete(p.pending, offset)
	return result.page, result.err
}

// stop cancels all requests and waits for their end.
func (p *prefetcher) stop() {
	p.cancel()
	p.wg.Wait()
}
