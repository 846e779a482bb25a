package report_test

import (
	"fmt"
	"strings"
	"testing"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/report"
)

func namesOf(risks []report.Risk) string {
	var names []string
	for _, r := range risks {
		names = append(names, r.Name)
	}
	return strings.Join(names, " ")
}

func TestRisks_Creator(t *testing.T) {
	for _, test := range []struct {
		kind     datadog.CreatorKind
		disabled datadog.Ternary
		want     string
	}{
		{datadog.CreatorUser, datadog.Unknown, report.RiskCreatorIsPerson},
		{datadog.CreatorUser, datadog.No, report.RiskCreatorIsPerson},
		{datadog.CreatorUser, datadog.Yes, report.RiskCreatorDisabled},
		{datadog.CreatorServiceAccount, datadog.No, ""},
		{datadog.CreatorServiceAccount, datadog.Yes, report.RiskCreatorDisabled},
		{datadog.CreatorUnknown, datadog.Unknown, ""},
		{"", datadog.Unknown, ""},
	} {
		snapshot := inventory.NewSnapshot([]datadog.Connection{{ID: "c", Creator: datadog.Creator{Kind: test.kind, Disabled: test.disabled}}}, nil)
		if got := namesOf(report.Risks(snapshot)["c"]); got != test.want {
			t.Errorf("%s, disabled %d: %q", test.kind, test.disabled, got)
		}
	}
}

func TestRisks_Sharing(t *testing.T) {
	for _, test := range []struct {
		source, sink string
		want         string
	}{
		{"all_private", "all_private", ""},
		{"all_private", "public", report.RiskSinkSharesMore},
		{"all_private", "tomorrow's", report.RiskSinkSharesMore},
		{"all_private", "", ""},
		{"", "public", ""},
		{"public", "all_private", ""},
		{"public", "tomorrow's", ""},
	} {
		snapshot := inventory.NewSnapshot([]datadog.Connection{{ID: "c", SourceID: "a", SinkID: "b"}}, []inventory.OrgInfo{
			{Org: datadog.Org{ID: "a", Sharing: test.source}}, {Org: datadog.Org{ID: "b", Sharing: test.sink}},
		})
		if got := namesOf(report.Risks(snapshot)["c"]); got != test.want {
			t.Errorf("from %q to %q: %q", test.source, test.sink, got)
		}
	}
}

func TestRisks_SinkLimit(t *testing.T) {
	for sinks, want := range map[int]string{3: "", 4: report.RiskNearSinkLimit, 6: report.RiskNearSinkLimit} {
		connections := []datadog.Connection{
			{ID: "again", SourceID: "a", SinkID: "0"}, // no other sink
			{ID: "lost", SourceID: "a"},
			{ID: "other", SourceID: "0", SinkID: "a"},
		}
		for n := range sinks {
			connections = append(connections, datadog.Connection{ID: fmt.Sprint("c", n), SourceID: "a", SinkID: fmt.Sprint(n)})
		}
		for n := range 5 {
			connections = append(connections, datadog.Connection{ID: fmt.Sprint("sourceless", n), SinkID: fmt.Sprint(n)})
		}
		risks := report.Risks(inventory.NewSnapshot(connections, nil))
		if got := namesOf(risks["c1"]); got != want {
			t.Errorf("%d sinks: %q", sinks, got)
		}
		if got := namesOf(risks["sourceless1"]) + namesOf(risks["other"]); got != "" {
			t.Errorf("%d sinks of another org: %q", sinks, got)
		}
	}
}

func TestRisks_AllAtOnce(t *testing.T) {
	var connections []datadog.Connection
	for _, sink := range []string{"1", "2", "3", "4"} {
		connections = append(connections, datadog.Connection{ID: sink, SourceID: "a", SinkID: sink, Creator: datadog.Creator{Kind: datadog.CreatorUser, Disabled: datadog.Yes}})
	}
	view := viewOf(connections, []inventory.OrgInfo{
		{Org: datadog.Org{ID: "a", Sharing: "all_private"}},
		{Org: datadog.Org{ID: "1", Sharing: "public\n"}},
	})
	got := report.Risks(view.Snapshot)["1"]
	if namesOf(got) != "creator_disabled sink_shares_more near_sink_limit" {
		t.Errorf("risks %v", got)
	}
	for _, risk := range got {
		if !strings.HasSuffix(risk.Text, ".") || strings.ContainsAny(risk.Text, "\n%") {
			t.Errorf("%q is not a sentence", risk.Text)
		}
	}
	for _, c := range report.NewDocument(view, now).Connections {
		if want := namesOf(report.Risks(view.Snapshot)[c.ID]); strings.Join(c.Risks, " ") != want {
			t.Errorf("the document says %v, want %v", c.Risks, want)
		}
	}
}
