package datadog

import (
	"context"
	"sync"
)

// pagesAtOnce is how many pages are asked for side by side once the first has
// told how many there are: enough to hide the network's latency, few enough not
// to look like a burst to a rate limit that others share.
const pagesAtOnce = 4

// ahead fetches pages before they are asked for. What it expects is a guess:
// pages are handed out by their exact offset only, so a guess that was wrong
// costs a request and never a row.
type ahead struct {
	get    fetch
	ctx    context.Context //nolint:containedctx // the life of one reading, which ends with stop
	cancel context.CancelFunc
	wait   sync.WaitGroup

	pages map[int]chan fetched // by offset
	next  int                  // the lowest offset not guessed yet
}

type fetched struct {
	page *page
	err  error
}

func newAhead(ctx context.Context, get fetch) *ahead {
	ctx, cancel := context.WithCancel(ctx)
	return &ahead{get: get, ctx: ctx, cancel: cancel, pages: map[int]chan fetched{}}
}

// expect says that pages of size rows follow from the offset next, the last of
// them at the offset end or before.
func (a *ahead) expect(next, size, end int) {
	a.next = max(a.next, next)
	for len(a.pages) < pagesAtOnce && a.next <= end {
		a.start(a.next)
		a.next += size
	}
}

func (a *ahead) start(offset int) {
	result := make(chan fetched, 1)
	a.pages[offset] = result
	a.wait.Go(func() {
		p, err := a.get(a.ctx, offset)
		result <- fetched{p, err}
	})
}

// page gives the page at the offset, fetched already or now.
func (a *ahead) page(offset int) (*page, error) {
	if a.pages[offset] == nil {
		a.start(offset)
	}
	result := <-a.pages[offset]
	delete(a.pages, offset)
	return result.page, result.err
}

// stop gives up what is still under way, and returns when nothing is.
func (a *ahead) stop() {
	a.cancel()
	a.wait.Wait()
}
