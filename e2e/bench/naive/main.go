// Command naive is an exporter of org connections as somebody would write it in an
// afternoon, with the official client and client_golang as their examples show
// them: page after page, kept for a while, made into metrics anew for every scrape.
// It shows the main part of the exporter's inventory, series for series.
package main

import (
	"context"
	"flag"
	"log"
	"net/http"
	"time"

	"github.com/DataDog/datadog-api-client-go/v2/api/datadog"
	"github.com/DataDog/datadog-api-client-go/v2/api/datadogV2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"datadog_org_connections_exporter/e2e/bench/loopback"
)

// The keys come from DD_API_KEY and DD_APP_KEY.
func main() {
	apiURL := flag.String("api-url", "https://api.datadoghq.com", "Address of Datadog's API.")
	ttl := flag.Duration("ttl", time.Minute, "How long a listing is kept.")
	flag.Parse()

	config := datadog.NewConfiguration()
	config.Servers = datadog.ServerConfigurations{{URL: *apiURL}}
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		&collector{cache: &cache{
			ctx: datadog.NewDefaultContext(context.Background()),
			api: datadogV2.NewOrgConnectionsApi(datadog.NewAPIClient(config)),
			ttl: *ttl,
		}},
	)
	http.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	log.Fatal(loopback.Serve(http.DefaultServeMux))
}
