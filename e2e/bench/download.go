package main

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"golang.org/x/sync/errgroup"

	"datadog_org_connections_exporter/datadog/fake"
)

const (
	pageSize    = 1000
	pagesAtOnce = 4
)

// download reads the pages that a listing takes, and nothing of what they say: the
// first alone, because only it tells how many there are, then four at once.
func (a *api) download(ctx context.Context) error {
	if err := a.downloadPage(ctx, 0); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(pagesAtOnce)
	for offset := pageSize; offset < a.connections; offset += pageSize {
		group.Go(func() error { return a.downloadPage(ctx, offset) })
	}
	return group.Wait()
}

func (a *api) downloadPage(ctx context.Context, offset int) error {
	target := fmt.Sprintf("%s%s?limit=%d&offset=%d", a.base, fake.Path, pageSize, offset)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", target, response.Status)
	}
	_, err = io.Copy(io.Discard, response.Body)
	return err
}
