package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
)

// accepted is what Prometheus 3 says by default that it understands.
const accepted = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.7," +
	"application/openmetrics-text;version=0.0.1;q=0.6,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.5," +
	"text/plain;version=0.0.4;q=0.4,*/*;q=0.3"

// client keeps its connections, as Prometheus does, and leaves alone what comes.
var client = &http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 128}}

// scrape asks an exporter for its metrics and copies what comes.
func scrape(ctx context.Context, base string, into io.Writer) (contentType string, size int64, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/metrics", nil)
	if err != nil {
		return "", 0, err
	}
	request.Header.Set("Accept", accepted)
	request.Header.Set("Accept-Encoding", "gzip")
	response, err := client.Do(request)
	if err != nil {
		return "", 0, err
	}
	defer response.Body.Close()
	size, err = io.Copy(into, response.Body)
	if err != nil {
		return "", 0, fmt.Errorf("scrape %s: %w", base, err)
	}
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Encoding") != "gzip" {
		return "", 0, fmt.Errorf("scrape %s: %s, encoded as %q", base, response.Status, response.Header.Get("Content-Encoding"))
	}
	return response.Header.Get("Content-Type"), size, nil
}

// answer is one to a scrape, as it came over the wire.
type answer struct {
	contentType string
	body        bytes.Buffer // compressed
}

// scrape replaces the answer by a new one. It holds on to the memory, as Prometheus
// does: what the client does is to weigh little.
func (a *answer) scrape(ctx context.Context, base string) (err error) {
	a.body.Reset()
	a.contentType, _, err = scrape(ctx, base, &a.body)
	return err
}

// text is what the answer says.
func (a *answer) text() ([]byte, error) {
	unzip, err := gzip.NewReader(bytes.NewReader(a.body.Bytes()))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(unzip)
}
