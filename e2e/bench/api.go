package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// api is a simulated one that runs.
type api struct {
	*process
	connections int
}

func (b *bench) startAPI(ctx context.Context, connections int, latency time.Duration) (*api, error) {
	p, err := b.start(ctx, b.programs.api, fmt.Sprint("-connections=", connections), fmt.Sprint("-latency=", latency))
	if err != nil {
		return nil, err
	}
	return &api{process: p, connections: connections}, nil
}

// rename gives the org that takes part in all connections another name, and tells it.
func (a *api) rename(ctx context.Context) (name string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.base+"/rename", nil)
	if err != nil {
		return "", err
	}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("rename an org of the simulated API: %s", response.Status)
	}
	return string(text), err
}
