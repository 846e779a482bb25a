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

// maxWrongGuesses bounds the requests that are wasted on a server whose pages have all
// lengths.
const maxWrongGuesses = 4 * maxConcurrentPages

// prefetcher fetches pages concurrently, before they are asked for. Which ones is a
// guess: a page is returned by its exact offset only, so that a wrong guess costs a
// request and never a row.
type prefetcher struct {
	fetch  fetchFunc
	ctx    context.Context //nolint:containedctx // ends with stop
	cancel context.CancelFunc
	wg     sync.WaitGroup

	slots   chan struct{}        // one for each request in flight, canceled ones included
	pending map[int]*pendingPage // by offset
	wrong   int                  // guesses that were dropped
}

// pendingPage is a page that is being fetched.
type pendingPage struct {
	cancel context.CancelFunc
	done   chan struct{} // closed when page and err are set
	page   *page
	err    error
}

func newPrefetcher(ctx context.Context, fetch fetchFunc) *prefetcher {
	ctx, cancel := context.WithCancel(ctx)
	return &prefetcher{
		fetch: fetch, ctx: ctx, cancel: cancel,
		slots: make(chan struct{}, maxConcurrentPages), pending: map[int]*pendingPage{},
	}
}

// prefetch starts fetching the pages at the offset next and every step rows after it, as
// long as their offset is not above end. It cancels the requests for all others, which a
// shorter or a longer page than before has made useless.
func (p *prefetcher) prefetch(next, step, end int) {
	for offset, pending := range p.pending {
		if offset < next || (offset-next)%step != 0 {
			pending.cancel()
			delete(p.pending, offset)
			p.wrong++
		}
	}
	if p.wrong > maxWrongGuesses {
		return
	}
	for offset := next; offset <= end && len(p.pending) < maxConcurrentPages; offset += step {
		if p.pending[offset] == nil {
			p.start(offset)
		}
	}
}

func (p *prefetcher) start(offset int) {
	ctx, cancel := context.WithCancel(p.ctx)
	pending := &pendingPage{cancel: cancel, done: make(chan struct{})}
	p.pending[offset] = pending
	p.wg.Go(func() {
		defer close(pending.done)
		p.slots <- struct{}{}
		defer func() { <-p.slots }()
		pending.page, pending.err = p.fetch(ctx, offset)
	})
}

// page returns the page at the offset. It waits until that is fetched.
func (p *prefetcher) page(offset int) (*page, error) {
	if p.pending[offset] == nil {
		p.start(offset)
	}
	pending := p.pending[offset]
	<-pending.done
	pending.cancel()
	delete(p.pending, offset)
	return pending.page, pending.err
}

// stop cancels all requests and waits for their end.
func (p *prefetcher) stop() {
	p.cancel()
	p.wg.Wait()
}
