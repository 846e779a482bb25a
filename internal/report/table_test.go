package report_test

import (
	"strings"
	"testing"
	"time"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/report"
)

func TestWriteTable_Age(t *testing.T) {
	const day = 24 * time.Hour
	for passed, want := range map[time.Duration]string{
		-time.Hour:         "0m",
		59 * time.Second:   "0m",
		119 * time.Minute:  "119m",
		2 * time.Hour:      "2h",
		47 * time.Hour:     "47h",
		3 * day:            "3d",
		60 * day:           "60d",
		61 * day:           "2mo",
		153 * day:          "5mo",
		2*365*day - 1:      "23mo",
		2 * 365 * day:      "2y",
		10*365*day + 5*day: "10y",
	} {
		d := report.NewDocument(viewOf([]datadog.Connection{{ID: "c", CreatedAt: now.Add(-passed)}}, nil), now)
		row := strings.Split(written(t, formats["list.txt"], d), "\n")[1]
		if got := strings.Fields(row)[3]; got != want {
			t.Errorf("after %v: %s, want %s", passed, got, want)
		}
	}
}

func TestWriteTable_AgeIsRelativeToTheDocument(t *testing.T) {
	d := report.NewDocument(viewOf([]datadog.Connection{{ID: "c", CreatedAt: now.Add(-time.Hour * 5)}}, nil), now)
	var out strings.Builder
	if err := report.WriteTable(&out, d, report.TableOptions{}); err != nil || !strings.Contains(out.String(), " 4h ") {
		t.Errorf("%v\n%s", err, out.String()) // the document's time is without the nanoseconds
	}
}

// Each name takes eight columns of a terminal.
func TestWriteTable_AlignsWideCharacters(t *testing.T) {
	for _, name := range []string{"eight ab", "東京東京", "ＡＢＣＤ", "한국한국", "e\u0301i\u0308ght ab", "🦴🦴 bon", "عكميعكمي", `\x1b bel`, "\x1b bel", "\u202e b"} {
		d := report.NewDocument(viewOf(
			[]datadog.Connection{{ID: "c", SourceID: "a", SinkID: "SINK"}},
			[]inventory.OrgInfo{{Org: datadog.Org{ID: "a", Name: name}}},
		), now)
		got := strings.Split(written(t, formats["list.txt"], d), "\n")
		if !strings.HasPrefix(got[0], "SOURCE    SINK ") {
			t.Errorf("%q: the head is %q", name, got[0])
		}
		if !strings.Contains(got[1], "  SINK ") || strings.Contains(got[1], "   SINK ") {
			t.Errorf("%q: the row is %q", name, got[1])
		}
	}
}

func TestWriteTable_SummarySingular(t *testing.T) {
	d := report.NewDocument(viewOf(
		[]datadog.Connection{{ID: "c", SourceID: "a", SinkID: "a", Types: []string{"logs"}}},
		[]inventory.OrgInfo{{Org: datadog.Org{ID: "a"}}},
	), now)
	if got := written(t, formats["list.txt"], d); !strings.HasSuffix(got, "\n1 connection, 1 org: logs 1\n") {
		t.Error(got)
	}
}
