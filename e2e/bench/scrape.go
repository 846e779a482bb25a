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

// answer is one to a scrape, as it came over the wire.
type answer struct {
	contentType string
	body        []byte // compressed
}

// scrape asks an exporter for its metrics.
func scrape(ctx context.Context, base string) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/metrics", nil)
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Accept", accepted)
	request.Header.Set("Accept-Encoding", "gzip")
	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, fmt.Errorf("scrape %s: %w", base, err)
	}
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Encoding") != "gzip" {
		return answer{}, fmt.Errorf("scrape %s: %s, encoded as %q", base, response.Status, response.Header.Get("Content-Encoding"))
	}
	return answer{contentType: response.Header.Get("Content-Type"), body: body}, nil
}

// text is what the answer says.
func (a answer) text() ([]byte, error) {
	unzip, err := gzip.NewReader(bytes.NewReader(a.body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(unzip)
}
