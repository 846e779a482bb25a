package report

import (
	"fmt"
	"slices"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
)

// Names of the risks.
const (
	// RiskCreatorDisabled: Datadog is about to delete the connection.
	RiskCreatorDisabled = "creator_disabled"
	// RiskCreatorIsPerson: Datadog deletes the connection when the person leaves. The
	// creator is not disabled yet.
	RiskCreatorIsPerson = "creator_is_a_person"
	// RiskSinkSharesMore: the source keeps everything private, the sink does not.
	RiskSinkSharesMore = "sink_shares_more"
	// RiskNearSinkLimit: the source has four sinks or more.
	RiskNearSinkLimit = "near_sink_limit"
)

const (
	// strictestSharing is an org's sharing setting that allows nothing. How the other
	// settings compare with each other is not documented.
	strictestSharing = "all_private"
	// sinkLimit is how many sinks Datadog allows for a source that is not Enterprise.
	sinkLimit = 5
)

// Risk is what may end a connection, or show its data to more people.
type Risk struct {
	Name string
	Text string // one sentence for people, without line breaks
}

// Risks returns the risks of each connection by its id. What is unknown is no risk.
func Risks(snapshot *inventory.Snapshot) map[string][]Risk {
	sharing := map[string]string{}
	for _, o := range snapshot.Orgs {
		sharing[o.ID] = o.Sharing
	}
	sinks := sinksBySource(snapshot)
	risks := map[string][]Risk{}
	for _, c := range snapshot.Connections {
		found := slices.Concat(
			creatorRisk(c.Creator),
			sharingRisk(sharing[c.SourceID], sharing[c.SinkID]),
			limitRisk(len(sinks[c.SourceID])),
		)
		if found != nil {
			risks[c.ID] = found
		}
	}
	return risks
}

// creatorRisk returns at most one risk: a person who is disabled has already left.
func creatorRisk(creator datadog.Creator) []Risk {
	switch {
	case creator.Disabled == datadog.Yes:
		return []Risk{{RiskCreatorDisabled, "The account that created the connection is disabled: Datadog is about to delete the connection."}}
	case creator.Kind == datadog.CreatorUser:
		return []Risk{{RiskCreatorIsPerson, "A person created the connection: Datadog deletes it when the person leaves, which a service account does not."}}
	}
	return nil
}

func sharingRisk(source, sink string) []Risk {
	if source != strictestSharing || sink == "" || sink == strictestSharing {
		return nil
	}
	return []Risk{{RiskSinkSharesMore, fmt.Sprintf("The sink's sharing is %s, the source's %s: the sink may publish what the source may not.", Escape(sink), source)}}
}

func limitRisk(sinks int) []Risk {
	if sinks < sinkLimit-1 {
		return nil
	}
	return []Risk{{RiskNearSinkLimit, fmt.Sprintf("The source has %d sinks, and an org that is not Enterprise can have %d.", sinks, sinkLimit)}}
}

// sinksBySource returns the ids of each source's sinks. It leaves out connections
// with an end that the API does not return.
func sinksBySource(snapshot *inventory.Snapshot) map[string]map[string]bool {
	sinks := map[string]map[string]bool{}
	for _, c := range snapshot.Connections {
		if c.SourceID == "" || c.SinkID == "" {
			continue
		}
		if sinks[c.SourceID] == nil {
			sinks[c.SourceID] = map[string]bool{}
		}
		sinks[c.SourceID][c.SinkID] = true
	}
	return sinks
}
