// Command static serves one answer, held in memory as it goes over the wire: no
// exporter can be faster.
package main

import (
	"flag"
	"log"
	"net/http"
	"os"
	"strconv"

	"datadog_org_connections_exporter/e2e/bench/loopback"
)

func main() {
	contentType := flag.String("content-type", "text/plain", "Content-Type of the answer.")
	contentEncoding := flag.String("content-encoding", "gzip", "Content-Encoding of the answer.")
	file := flag.String("file", "", "File with the answer, encoded already.")
	flag.Parse()

	body, err := os.ReadFile(*file)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(loopback.Serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", *contentType)
		w.Header().Set("Content-Encoding", *contentEncoding)
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.Write(body)
	})))
}
