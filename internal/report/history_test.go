package report_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/report"
)

const orgC = "cccccccc-0000-4000-8000-000000000000"

func changes() *inventory.History {
	at := func(hour int) time.Time { return time.Date(2026, 3, 4, hour, 5, 6, 0, time.UTC) }
	c := func(source, sink string, types ...string) datadog.Connection {
		return datadog.Connection{ID: source + "-" + sink, SourceID: source, SinkID: sink, Types: types, Creator: datadog.Creator{ID: "u", Kind: datadog.CreatorServiceAccount}}
	}
	change := func(kind inventory.ChangeKind, hour int, c datadog.Connection, types ...string) inventory.Change {
		sink := "=Org\n" + c.SinkID
		if c.SinkID == orgC {
			sink = "Org c"
		}
		return inventory.Change{Kind: kind, At: at(hour), Found: at(hour + 1), Org: "default", Connection: c, Types: types, SourceName: "Org " + c.SourceID, SinkName: sink}
	}
	return &inventory.History{Start: at(0), Changes: []inventory.Change{
		change(inventory.Added, 3, c("a", "b", "logs"), "logs"),
		change(inventory.Discovered, 2, c("b", orgC)),
		change(inventory.Widened, 4, c("a", "b", "audit", "logs"), "audit"),
		change(inventory.Narrowed, 5, c("a", "b", "audit"), "logs"),
		change(inventory.Removed, 6, c("a", "b", "audit"), "audit"),
	}}
}

var historyNow = time.Date(2026, 3, 5, 0, 0, 0, 1, time.UTC)

func historyText(t *testing.T, f report.HistoryFilter, write func(report.History, io.Writer) error) string {
	t.Helper()
	var out bytes.Buffer
	if err := write(report.NewHistory(changes(), f, historyNow), &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func writeHistoryTable(h report.History, w io.Writer) error {
	return h.WriteTable(w, report.TableOptions{})
}

func TestHistory_Table(t *testing.T) {
	want := `TIME                  CHANGE      SOURCE  SINK     TYPES   CREATOR
2026-03-04 06:05:06Z  removed     Org a   =Org\nb  audit   service account
2026-03-04 05:05:06Z  narrowed    Org a   =Org\nb  -logs   service account
2026-03-04 04:05:06Z  widened     Org a   =Org\nb  +audit  service account
2026-03-04 03:05:06Z  added       Org a   =Org\nb  logs    service account
2026-03-04 02:05:06Z  discovered  Org b   Org c    -       service account

5 changes: added 1, removed 1, widened 1, narrowed 1, discovered 1; remembered since 2026-03-04 00:05:06Z
`
	if got := historyText(t, report.HistoryFilter{}, writeHistoryTable); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestHistory_JSON(t *testing.T) {
	f, err := report.NewHistoryFilter(time.Time{}, []string{"removed"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := `{
  "version": 1,
  "time": "2026-03-05T00:00:00Z",
  "start": "2026-03-04T00:05:06Z",
  "changes": [
    {
      "time": "2026-03-04T06:05:06Z",
      "found": "2026-03-04T07:05:06Z",
      "change": "removed",
      "id": "a-b",
      "source": {
        "id": "a",
        "name": "Org a"
      },
      "sink": {
        "id": "b",
        "name": "=Org\nb"
      },
      "types": [
        "audit"
      ],
      "types_now": [],
      "creator": {
        "id": "u",
        "kind": "service_account",
        "disabled": null
      }
    }
  ]
}
`
	if got := historyText(t, f, report.History.WriteJSON); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestHistory_CSV(t *testing.T) {
	f, err := report.NewHistoryFilter(time.Time{}, []string{"widened"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := "time,found,change,connection_id,source_org_id,source_org_name,sink_org_id,sink_org_name,types,types_now,creator_id,creator_kind\r\n" +
		"2026-03-04T04:05:06Z,2026-03-04T05:05:06Z,widened,a-b,a,Org a,b,'=Org\\nb,audit,\"audit, logs\",u,service_account\r\n"
	if got := historyText(t, f, report.History.WriteCSV); got != want {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

func TestHistoryFilter_Selects(t *testing.T) {
	for name, test := range map[string]struct {
		since       time.Time
		kinds, orgs []string
		want        int
	}{
		"all":              {want: 5},
		"since":            {since: time.Date(2026, 3, 4, 4, 5, 6, 0, time.UTC), want: 3},
		"kinds":            {kinds: []string{"added", "removed"}, want: 2},
		"org by id":        {orgs: []string{orgC}, want: 1},
		"org by name":      {orgs: []string{"Org b"}, want: 1},
		"org by glob":      {orgs: []string{"Org *"}, want: 5},
		"all that matches": {kinds: []string{"added"}, orgs: []string{orgC}, want: 0},
	} {
		f, err := report.NewHistoryFilter(test.since, test.kinds, test.orgs)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(report.NewHistory(changes(), f, historyNow).Changes); got != test.want {
			t.Errorf("%s: %d changes, want %d", name, got, test.want)
		}
	}
	if _, err := report.NewHistoryFilter(time.Time{}, nil, []string{"["}); err == nil || !strings.Contains(err.Error(), "not a valid glob") {
		t.Errorf("an invalid glob: %v", err)
	}
}

func TestHistory_WithoutChanges(t *testing.T) {
	var out bytes.Buffer
	if err := report.NewHistory(&inventory.History{}, report.HistoryFilter{}, historyNow).WriteTable(&out, report.TableOptions{}); err != nil {
		t.Fatal(err)
	}
	if want := "0 changes; not every org was listed completely yet\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
