// Command naive is an exporter of org connections as somebody would write it in an afternoon, with the official client and
// client_golang as their examples show them: page after page is listed, cached for a while, and made into metrics anew for
// every scrape. It has the main metrics of the real exporter, series for series.
package main

import (
	"context"
	"flag"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/DataDog/datadog-api-client-go/v2/api/datadog"
	"github.com/DataDog/datadog-api-client-go/v2/api/datadogV2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// main reads the keys from DD_API_KEY and DD_APP_KEY.
func main() {
	listenAddress := flag.String("listen-address", ":10187", "Address to listen on.")
	apiURL := flag.String("api-url", "https://api.datadoghq.com", "Address of Datadog's API.")
	ttl := flag.Duration("ttl", time.Minute, "How long a listing is cached.")
	flag.Parse()

	config := datadog.NewConfiguration()
	config.Servers = datadog.ServerConfigurations{{URL: *apiURL}}
	prometheus.MustRegister(&collector{ //nolint:forbidigo // as the examples do
		ctx: datadog.NewDefaultContext(context.Background()),
		api: datadogV2.NewOrgConnectionsApi(datadog.NewAPIClient(config)),
		ttl: *ttl,
	})
	http.Handle("/metrics", promhttp.Handler())
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", *listenAddress)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("Listening on address=%s", listener.Addr())
	log.Fatal(http.Serve(listener, nil))
}

var (
	connections = prometheus.NewDesc("datadog_org_connections", "Number of org connections.",
		[]string{"source_org_id", "source_org_name", "sink_org_id", "sink_org_name", "connection_type"}, nil)
	connectionInfo = prometheus.NewDesc("datadog_org_connection_info", "An org connection and who created it.",
		[]string{"connection_id", "source_org_id", "sink_org_id", "creator_id", "creator_kind"}, nil)
	connectionCreated = prometheus.NewDesc("datadog_org_connection_created_timestamp_seconds", "When the org connection was created.",
		[]string{"connection_id", "source_org_id", "sink_org_id"}, nil)
	orgInfo = prometheus.NewDesc("datadog_org_info", "An org that takes part in a connection.",
		[]string{"org_id", "org_name", "public_id", "sharing"}, nil)
)

type collector struct {
	ctx context.Context //nolint:containedctx // holds the credentials, as the client wants it
	api *datadogV2.OrgConnectionsApi
	ttl time.Duration

	mu     sync.Mutex
	cached *listing
	listed time.Time
}

// Describe implements [prometheus.Collector].
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	ch <- connections
	ch <- connectionInfo
	ch <- connectionCreated
	ch <- orgInfo
}

// Collect implements [prometheus.Collector].
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	listing, err := c.list()
	if err != nil {
		ch <- prometheus.NewInvalidMetric(connectionInfo, err)
		return
	}
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	names := map[string]string{} // of orgs, by id
	for _, connection := range listing.connections {
		id := connection.GetId().String()
		source := connection.Relationships.GetSourceOrg().Data
		sink := connection.Relationships.GetSinkOrg().Data
		creator := connection.Relationships.GetCreatedBy().Data
		names[source.GetId()], names[sink.GetId()] = source.GetName(), sink.GetName()
		kind := "user"
		if listing.included[creator.GetId()]["service_account"] == true {
			kind = "service_account"
		}
		gauge(connectionInfo, 1, id, source.GetId(), sink.GetId(), creator.GetId(), kind)
		gauge(connectionCreated, float64(connection.Attributes.CreatedAt.UnixMicro())/1e6, id, source.GetId(), sink.GetId())
		for _, shared := range connection.Attributes.ConnectionTypes {
			gauge(connections, 1, source.GetId(), source.GetName(), sink.GetId(), sink.GetName(), string(shared))
		}
	}
	for id, name := range names {
		publicID, _ := listing.included[id]["public_id"].(string)
		sharing, _ := listing.included[id]["sharing"].(string)
		gauge(orgInfo, 1, id, name, publicID, sharing)
	}
}

// listing is what all pages contain.
type listing struct {
	connections []datadogV2.OrgConnection
	included    map[string]map[string]any // attributes of orgs and users by id: the client has no types for them
}

// list returns the cached listing or, if that has expired, reads all pages.
func (c *collector) list() (*listing, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.listed) < c.ttl {
		return c.cached, nil
	}
	all := &listing{included: map[string]map[string]any{}}
	options := datadogV2.NewListOrgConnectionsOptionalParameters().WithLimit(1000)
	for {
		page, _, err := c.api.ListOrgConnections(c.ctx, *options.WithOffset(int64(len(all.connections)))) //nolint:bodyclose // the client has
		if err != nil {
			return nil, err
		}
		all.connections = append(all.connections, page.GetData()...)
		included, _ := page.AdditionalProperties["included"].([]any)
		for _, resource := range included {
			r, _ := resource.(map[string]any)
			id, _ := r["id"].(string)
			all.included[id], _ = r["attributes"].(map[string]any)
		}
		meta := page.GetMeta()
		paging := meta.GetPage()
		if len(page.GetData()) == 0 || int64(len(all.connections)) >= paging.GetTotalCount() {
			c.cached, c.listed = all, time.Now()
			return all, nil
		}
	}
}
