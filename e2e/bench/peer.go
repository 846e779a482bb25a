package main

import (
	"bytes"
	"context"
	"fmt"
	"time"
)

const (
	// shortTTL is that of those who are to refresh: long enough for scrapes that come
	// at once to share a refresh, short enough to wait for its end.
	shortTTL = time.Second
	// longTTL is that of those who are not to refresh again.
	longTTL = time.Hour
)

// peer is an exporter under measurement.
type peer struct {
	*process
	name  string
	api   *api
	asked time.Time // when it was scraped last, so that it listed no later

	// A scrape that is timed leaves here what there is to check.
	renamed string
	got     answer
}

// startOurs starts the exporter.
func (b *bench) startOurs(ctx context.Context, api *api, ttl time.Duration) (*peer, error) {
	return b.startPeer(ctx, "ours", api, b.programs.ours, "serve", "--web.listen-address=127.0.0.1:0",
		"--datadog.api-url="+api.base, fmt.Sprint("--cache.ttl=", ttl))
}

// startNaive starts the naive exporter.
func (b *bench) startNaive(ctx context.Context, api *api, ttl time.Duration) (*peer, error) {
	return b.startPeer(ctx, "naive", api, b.programs.naive, "-api-url="+api.base, fmt.Sprint("-ttl=", ttl))
}

// startPeer starts an exporter and scrapes it, so that it has done its first listing.
func (b *bench) startPeer(ctx context.Context, name string, api *api, program string, args ...string) (*peer, error) {
	running, err := b.start(ctx, program, args...)
	if err != nil {
		return nil, err
	}
	p := &peer{process: running, name: name, api: api}
	return p, p.scrape(ctx)
}

// scrape keeps what comes.
func (p *peer) scrape(ctx context.Context) error {
	err := p.got.scrape(ctx, p.base)
	p.asked = time.Now()
	if err != nil {
		return p.failed(err)
	}
	return nil
}

// warm is a scrape that needs no refresh.
func (p *peer) warm() turn { return turn{name: p.name, process: p.process, act: p.scrape} }

// cold is a scrape that needs a refresh, because what is known is too old, and not true
// any more.
func (p *peer) cold() turn {
	return turn{name: p.name, process: p.process, prepare: p.overdue, act: p.scrape, check: p.refreshed}
}

// overdue waits until what the exporter knows is too old, and changes the account.
func (p *peer) overdue(ctx context.Context) error {
	select {
	case <-time.After(time.Until(p.asked.Add(shortTTL))):
	case <-ctx.Done():
		return ctx.Err()
	}
	name, err := p.api.rename(ctx)
	if err == nil && name == p.renamed {
		err = fmt.Errorf("an org is still %s: %s has nothing new to show", name, p.name)
	}
	p.renamed = name
	return err
}

// refreshed tells whether the last scrape shows the account as it is now.
func (p *peer) refreshed() error {
	text, err := p.got.text()
	if err != nil {
		return err
	}
	if !bytes.Contains(text, []byte(p.renamed)) {
		return fmt.Errorf("%s does not show that an org is %s now: it did not refresh", p.name, p.renamed)
	}
	return nil
}
