package main

import (
	"github.com/DataDog/datadog-api-client-go/v2/api/datadogV2"
	"github.com/prometheus/client_golang/prometheus"
)

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
	cache *cache
}

// Describe implements [prometheus.Collector].
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{connections, connectionInfo, connectionCreated, orgInfo} {
		ch <- desc
	}
}

// Collect implements [prometheus.Collector].
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	listing, err := c.cache.get()
	if err != nil {
		ch <- prometheus.NewInvalidMetric(connectionInfo, err)
		return
	}
	names := map[string]string{}
	for _, connection := range listing.connections {
		listing.collect(connection, names, ch)
	}
	for id, name := range names {
		org := listing.included[id]
		ch <- prometheus.MustNewConstMetric(orgInfo, prometheus.GaugeValue, 1, id, name, org.text("public_id"), org.text("sharing"))
	}
}

// collect shows one connection, and takes note of its orgs' names.
func (l *listing) collect(connection datadogV2.OrgConnection, names map[string]string, ch chan<- prometheus.Metric) {
	id := connection.GetId().String()
	source := connection.Relationships.GetSourceOrg().Data
	sink := connection.Relationships.GetSinkOrg().Data
	creator := connection.Relationships.GetCreatedBy().Data
	names[source.GetId()], names[sink.GetId()] = source.GetName(), sink.GetName()

	kind := "user"
	if l.included[creator.GetId()]["service_account"] == true {
		kind = "service_account"
	}
	ch <- prometheus.MustNewConstMetric(connectionInfo, prometheus.GaugeValue, 1,
		id, source.GetId(), sink.GetId(), creator.GetId(), kind)
	ch <- prometheus.MustNewConstMetric(connectionCreated, prometheus.GaugeValue,
		float64(connection.Attributes.CreatedAt.UnixMicro())/1e6, id, source.GetId(), sink.GetId())
	for _, shared := range connection.Attributes.ConnectionTypes {
		ch <- prometheus.MustNewConstMetric(connections, prometheus.GaugeValue, 1,
			source.GetId(), source.GetName(), sink.GetId(), sink.GetName(), string(shared))
	}
}
