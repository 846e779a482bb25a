package report

import (
	"fmt"
	"slices"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
)

// Names of the risks.
const (
	// CreatorDisabled connections are about to be deleted by Datadog.
	CreatorDisabled = "creator_disabled"
	// CreatorIsAPerson connections are deleted when the person leaves. The creator
	// is not disabled yet.
	CreatorIsAPerson = "creator_is_a_person"
	// SinkSharesMore connections lead from an org that keeps everything private to
	// one that does not.
	SinkSharesMore = "sink_shares_more"
	// NearSinkLimit connections have a source with four sinks or more.
	NearSinkLimit = "near_sink_limit"
)

const (
	// strictest is the one value of an org's sharing whose place among the others
	// is known.
	strictest = "all_private"
	// sinkLimit is how many sinks Datadog allows a source that is not Enterprise.
	sinkLimit = 5
	nearLimit = sinkLimit - 1
)

// Risk is what may end a connection, or show its data to more people.
type Risk struct {
	Name string
	// Text is one sentence for people.
	Text string
}

// RisksOf finds the risks of each connection, by its id. What is not known is no
// risk. A connection without risks is not there.
func RisksOf(snapshot *inventory.Snapshot) map[string][]Risk {
	sharing := map[string]string{}
	for _, o := range snapshot.Orgs {
		sharing[o.ID] = o.Sharing
	}
	sinks := sinksOf(snapshot)
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

// creatorRisk gives one risk at most: a person who is disabled has left already.
func creatorRisk(creator datadog.Creator) []Risk {
	switch {
	case creator.Disabled == datadog.Yes:
		return []Risk{{CreatorDisabled, "The account that created the connection is disabled: Datadog is about to delete the connection."}}
	case creator.Kind == datadog.CreatorUser:
		return []Risk{{CreatorIsAPerson, "A person created the connection: Datadog deletes it when the person leaves, which a service account does not."}}
	}
	return nil
}

func sharingRisk(source, sink string) []Risk {
	if source != strictest || sink == "" || sink == strictest {
		return nil
	}
	return []Risk{{SinkSharesMore, fmt.Sprintf("The sink's sharing is %s, the source's %s: the sink may publish what the source may not.", harmless(sink), source)}}
}

func limitRisk(sinks int) []Risk {
	if sinks < nearLimit {
		return nil
	}
	return []Risk{{NearSinkLimit, fmt.Sprintf("The source has %d sinks, and an org that is not Enterprise can have %d.", sinks, sinkLimit)}}
}

// sinksOf gives the sinks of each source, by their ids. Ends that the API does not
// tell do not count.
func sinksOf(snapshot *inventory.Snapshot) map[string]map[string]bool {
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
