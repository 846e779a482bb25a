package main

import (
	"context"
	"sync"
	"time"

	"github.com/DataDog/datadog-api-client-go/v2/api/datadogV2"
)

const pageSize = 1000

// listing is all that the pages hold.
type listing struct {
	connections []datadogV2.OrgConnection
	// included are the orgs and users, of which the client knows nothing.
	included map[string]attributes // by id
}

type attributes map[string]any

func (a attributes) text(name string) string {
	text, _ := a[name].(string)
	return text
}

// cache keeps a listing for a while.
type cache struct {
	ctx context.Context //nolint:containedctx // holds the credentials, as the client wants it
	api *datadogV2.OrgConnectionsApi
	ttl time.Duration

	mu     sync.Mutex
	last   *listing
	listed time.Time
}

func (c *cache) get() (*listing, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last != nil && time.Since(c.listed) < c.ttl {
		return c.last, nil
	}
	fresh, err := c.list()
	if err != nil {
		return nil, err
	}
	c.last, c.listed = fresh, time.Now()
	return fresh, nil
}

func (c *cache) list() (*listing, error) {
	all := &listing{included: map[string]attributes{}}
	options := datadogV2.NewListOrgConnectionsOptionalParameters().WithLimit(pageSize)
	for {
		page, _, err := c.api.ListOrgConnections(c.ctx, *options.WithOffset(int64(len(all.connections)))) //nolint:bodyclose // the client has
		if err != nil {
			return nil, err
		}
		all.connections = append(all.connections, page.GetData()...)
		all.include(page.AdditionalProperties["included"])
		meta := page.GetMeta()
		paging := meta.GetPage()
		if len(page.GetData()) == 0 || int64(len(all.connections)) >= paging.GetTotalCount() {
			return all, nil
		}
	}
}

func (l *listing) include(resources any) {
	list, _ := resources.([]any)
	for _, resource := range list {
		r, _ := resource.(map[string]any)
		id, _ := r["id"].(string)
		of, _ := r["attributes"].(map[string]any)
		l.included[id] = of
	}
}
