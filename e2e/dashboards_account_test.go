package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"datadog_org_connections_exporter/datadog/fake"
)

// twins is the name of two orgs of the account.
const twins = "Acme Twins"

// changedAccount is an account with a policy and two Prometheus servers: one with one
// target for all orgs, one with one target per org. A connection was added and one
// removed.
type changedAccount struct {
	account
	merged, perOrg prometheus
	twins          []string // ids
	since          time.Time
	added          fake.Connection
	removed        fake.Connection
	queries        []panelQuery
}

// accountPolicy allows logs everywhere, and requires one type that exists and one that
// does not.
const accountPolicy = `rules:
  - {name: logs, source: "*", sink: "*", types: [logs], expires: 2099-01-01}
  - {name: there, source: %s, sink: %s, types: [logs], required: true}
  - {name: not-there, source: "*", sink: "*", types: [carrier-pigeons], required: true}
`

// newChangedAccount changes the account when both servers have scraped it.
func newChangedAccount(t *testing.T) *changedAccount {
	t.Helper()
	j := &changedAccount{account: newAccount(t), queries: readDashboard(t, "inventory.json").queries(t)}
	for _, org := range j.Orgs()[:2] {
		j.twins = append(j.twins, org.ID)
	}
	configuration := j.configure(t, j.Orgs()) // with their names before the renames
	for _, id := range j.twins {
		j.RenameOrg(id, twins)
	}
	j.removed = j.Connections()[0]
	there := j.Connections()[1+slices.IndexFunc(j.Connections()[1:], func(c fake.Connection) bool { return slices.Contains(c.Types, "logs") })]
	policy := filepath.Join(t.TempDir(), "policy.yml")
	write(t, policy, fmt.Sprintf(accountPolicy, there.SourceID, there.SinkID))
	exporter := startExporter(t, configuration, "--policy.file="+policy, "--cache.ttl=1s")
	j.merged = startPrometheus(t, readDeployed(t, "prometheus.yml").from(exporter))
	j.perOrg = startPrometheus(t, readDeployed(t, "prometheus-probe.yml").from(exporter))
	eventually(t, "the account in both", func() error {
		return cmp.Or(j.merged.recent().shows(t, j.account), j.perOrg.recent().shows(t, j.account))
	})

	j.since = time.Now()
	j.RemoveConnection(j.removed.ID)
	j.added = j.connect()
	return j
}

// connect adds a connection to a new org, whose keys are not configured.
func (j *changedAccount) connect() fake.Connection {
	c := fake.Connection{SourceID: j.Orgs()[0].ID, SinkID: j.AddOrg(fake.Org{Name: "Acme Archive"}), Types: []string{"logs"}, CreatedAt: time.Now()}
	c.ID = j.AddConnection(c)
	return c
}

// askOne runs a query over the time since the account began to change.
func (j *changedAccount) askOne(t *testing.T, m moment, q panelQuery) (model.Vector, error) {
	t.Helper()
	return m.query(t, q.expand(m.at.Sub(j.since)))
}

// askBoth runs a query on both servers at the same time. The results must be equal and
// have wantRows rows.
func (j *changedAccount) askBoth(t *testing.T, q panelQuery, wantRows int) (model.Vector, error) {
	t.Helper()
	at := j.merged.recent()
	one, err := j.askOne(t, at, q)
	if err != nil {
		return nil, err
	}
	other, err := j.askOne(t, moment{prometheus: j.perOrg, at: at.at}, q)
	if err != nil {
		return nil, err
	}
	if got, want := sorted(other), sorted(one); !slices.Equal(got, want) {
		return nil, fmt.Errorf("%s: one target per org shows\n%s\none for all\n%s", q.by, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if wantRows >= 0 && len(one) != wantRows {
		return nil, fmt.Errorf("%s returns %d rows, want %d:\n%s", q.by, len(one), wantRows, strings.Join(sorted(one), "\n"))
	}
	return one, nil
}

// waitForAnswer waits until both servers return the same result of this query.
func (j *changedAccount) waitForAnswer(t *testing.T, by string, wantRows int) (answer model.Vector) {
	t.Helper()
	q := findQuery(t, j.queries, by)
	eventually(t, "the same in both", func() (err error) {
		answer, err = j.askBoth(t, q, wantRows)
		return err
	})
	return answer
}

// sorted returns a result's rows as text.
func sorted(answer model.Vector) []string {
	var rows []string
	for _, sample := range answer {
		rows = append(rows, fmt.Sprintf("%s %v", sample.Metric, sample.Value))
	}
	slices.Sort(rows)
	return rows
}

// values returns the sorted, distinct values of a label.
func values(answer model.Vector, label model.LabelName) []string {
	var all []string
	for _, sample := range answer {
		all = append(all, string(sample.Metric[label]))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// The dashboard shows the same, and is right, with one target for all orgs and with one
// target per org.
func TestInventoryDashboard_IsSameForMergedAndPerOrgTargets(t *testing.T) {
	t.Parallel()
	j := newChangedAccount(t)
	// Changes are checked first, so that the rest of the account is stable.
	t.Run("changes", j.testChanges)
	t.Run("every query", j.testAll)
	t.Run("orgs with the same name", j.testTwins)
	t.Run("the node graph is complete", j.testTopology)
	t.Run("every cell of the matrix has a text", j.testMatrix)
	t.Run("an org that is gone", j.testGone)
}

func (j *changedAccount) testChanges(t *testing.T) {
	var want []string
	for _, kind := range j.added.Types {
		want = append(want, j.added.ID+" added "+kind)
	}
	for _, kind := range j.removed.Types {
		want = append(want, j.removed.ID+" removed "+kind)
	}
	slices.Sort(want)
	changes := findQuery(t, j.queries, "Changes (table A)")
	eventually(t, "the changes in both servers", func() error {
		answer, err := j.askBoth(t, changes, -1)
		if err != nil {
			return err
		}
		var got []string
		for _, sample := range answer {
			got = append(got, fmt.Sprintf("%s %s %s", sample.Metric["connection_id"], sample.Metric["change"], sample.Metric["connection_type"]))
			if at := time.UnixMicro(int64(sample.Value * 1000)); at.Before(j.since) || at.After(time.Now()) {
				t.Errorf("a change is of %v: %s", at, sample.Metric)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			return fmt.Errorf("the changes are %q, want %q", got, want)
		}
		return nil
	})
	j.testAnnotation(t, len(want))
	for stat, want := range map[string]model.SampleValue{"A": 1, "B": 0, "C": 0, "D": 0, "E": 1} {
		if answer := j.waitForAnswer(t, "Changes (stat "+stat+")", 1); answer[0].Value != want {
			t.Errorf("stat %s of the changes is %v, want %v", stat, answer[0].Value, want)
		}
	}
}

// testAnnotation checks that each change is annotated once, at its time: Grafana takes
// the time from the value.
func (j *changedAccount) testAnnotation(t *testing.T, want int) {
	t.Helper()
	const step = time.Second // as expand says
	q := findQuery(t, j.queries, "annotation Changes")
	value, _, _, err := j.merged.api.QueryRange(t.Context(), q.expand(time.Hour), v1.Range{Start: j.since, End: time.Now(), Step: step})
	if err != nil {
		t.Fatal(err)
	}
	matrix, _ := value.(model.Matrix)
	if len(matrix) != want {
		t.Errorf("%d changes are annotated, want %d: %v", len(matrix), want, matrix)
	}
	for _, series := range matrix {
		if ago := series.Values[0].Timestamp.Time().Sub(time.UnixMicro(int64(series.Values[0].Value * 1000))); len(series.Values) != 1 || ago < 0 || ago >= step {
			t.Errorf("a change is annotated by %v, want one time within %v before: %s", series.Values, step, series.Metric)
		}
	}
}

// The name of an org is gone with its last connection.
func (j *changedAccount) testGone(t *testing.T) {
	changes := findQuery(t, j.queries, "Changes (table A)")
	if answer, err := j.merged.recent().query(t, changes.expand(time.Second)); err != nil || len(answer) > 0 {
		t.Errorf("the changes of the last second are %v, %v, want none", answer, err)
	}
	j.RemoveConnection(j.added.ID)
	want := []string{"added " + j.added.SinkID, "removed " + j.added.SinkID}
	eventually(t, "the removal in both servers", func() error {
		answer, err := j.askBoth(t, changes, -1)
		if err != nil {
			return err
		}
		var got []string
		for _, sample := range answer {
			if string(sample.Metric["connection_id"]) == j.added.ID {
				got = append(got, fmt.Sprintf("%s %s", sample.Metric["change"], sample.Metric["sink"]))
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			return fmt.Errorf("the changes of the connection are %q, want %q", got, want)
		}
		return nil
	})
}

func (j *changedAccount) testAll(t *testing.T) {
	unexpected := 0
	for kind, count := range j.perType() {
		if kind != "logs" {
			unexpected += int(count)
		}
	}
	// The expected number of rows, for queries where it is known.
	wantRows := map[string]int{
		"Unexpected (table A)":       unexpected,
		"Missing (table A)":          1,
		"Source × sink (table A)":    connections,
		"Topology (nodeGraph edges)": connections,
		"Topology (nodeGraph nodes)": orgs + 1,
		"Connections (table A)":      connections,
		"Connections (table B)":      connections,
		"Connections (table C)":      connections,
		"Connections (table D)":      connections,
		"Connections (table E)":      connections,
		"Orgs (table A)":             orgs + 1,
		"Rule expiry (table A)":      1,
		"Sinks per source (table A)": orgs,
		"Sources per sink (table A)": orgs + 1,
		"variable source":            orgs,
		"variable sink":              orgs + 1,
	}
	for _, q := range j.queries {
		if q.by == "Oldest listing (stat A)" || strings.HasPrefix(q.by, "annotation") {
			continue // differs from scrape to scrape, or has no result any more
		}
		want, counted := wantRows[q.by]
		if !counted {
			want = -1
		}
		j.waitForAnswer(t, q.by, want)
		delete(wantRows, q.by)
	}
	for by := range wantRows {
		t.Errorf("there is no query %q", by)
	}
}

// Two orgs with the same name must be told apart by their ids.
func (j *changedAccount) testTwins(t *testing.T) {
	called := func(id string) string { return twins + " (" + id[:8] + ")" }
	for _, where := range []struct {
		question string
		label    model.LabelName
		orgs     int
	}{
		{"Source × sink (table A)", "source", orgs},
		{"Source × sink (table A)", "sink", orgs + 1},
		{"Connections (table A)", "source", orgs},
		{"Topology (nodeGraph nodes)", "title", orgs + 1},
		{"Orgs (table A)", "org", orgs + 1},
		{"Sinks per source (table A)", "org", orgs},
	} {
		answer := j.waitForAnswer(t, where.question, -1)
		names := values(answer, where.label)
		if len(names) != where.orgs || !slices.Contains(names, "Acme Team 3") {
			t.Errorf("%s has %d orgs in the label %s, want %d, with unique names unchanged: %q", where.question, len(names), where.label, where.orgs, names)
		}
		for _, id := range j.twins {
			if !slices.Contains(names, called(id)) {
				t.Errorf("%s has no org %q: %q", where.question, called(id), names)
			}
		}
	}
	options := j.waitForAnswer(t, "variable source", orgs)
	for _, id := range j.twins {
		if !slices.Contains(values(options, "option"), id+"|"+called(id)) {
			t.Errorf("%s is not an option: %q", id, values(options, "option"))
		}
	}
}

// Grafana does not draw a node graph with an edge to a missing node, and finds fields by
// their names.
func (j *changedAccount) testTopology(t *testing.T) {
	nodes := j.waitForAnswer(t, "Topology (nodeGraph nodes)", orgs+1)
	ids := values(nodes, "id")
	if len(ids) != orgs+1 {
		t.Errorf("there are %d nodes for %d orgs", len(ids), orgs+1)
	}
	const observedColor, unobservedColor = "#5794f2", "#8e8e8e"
	for _, node := range nodes {
		id := string(node.Metric["id"])
		color, sinks, sources := observedColor, 0, 0
		if id == j.added.SinkID {
			color = unobservedColor
		}
		for _, c := range j.Visible(id) {
			if c.SourceID == id {
				sinks++
			} else {
				sources++
			}
		}
		got := []model.LabelValue{node.Metric["color"], node.Metric["mainstat"], node.Metric["secondarystat"]}
		want := []model.LabelValue{model.LabelValue(color), arrowCount("→", sinks), arrowCount("←", sources)}
		if node.Metric["title"] == "" || !slices.Equal(got, want) {
			t.Errorf("a node is %s, want %q", node.Metric, want)
		}
	}
	edges := j.waitForAnswer(t, "Topology (nodeGraph edges)", connections)
	if got := values(edges, "id"); len(got) != connections {
		t.Errorf("%d edges have an id of their own, want %d", len(got), connections)
	}
	for _, edge := range edges {
		for _, end := range []model.LabelName{"source", "target"} {
			if !slices.Contains(ids, string(edge.Metric[end])) {
				t.Errorf("an edge has no node: %s", edge.Metric)
			}
		}
		types := j.types(string(edge.Metric["source"]), string(edge.Metric["target"]))
		if got := strings.Fields(string(edge.Metric["mainstat"])); !slices.Equal(got, types) {
			t.Errorf("an edge has types %q, want %q", got, types)
		}
		if red := edge.Metric["color"] != ""; red == slices.Equal(types, []string{"logs"}) {
			t.Errorf("an edge with %q has the wrong color: %s", types, edge.Metric)
		}
	}
}

// arrowCount returns a number behind an arrow, or "" for 0.
func arrowCount(arrow string, number int) model.LabelValue {
	if number == 0 {
		return ""
	}
	return model.LabelValue(fmt.Sprint(arrow, " ", number))
}

// types returns the types that source shares with sink, in the order of the dashboard.
func (j *changedAccount) types(source, sink string) []string {
	var types []string
	for _, c := range j.Connections() {
		for _, name := range []string{"logs", "metrics", "audit"} {
			if c.SourceID == source && c.SinkID == sink && slices.Contains(c.Types, name) {
				types = append(types, name)
			}
		}
	}
	return types
}

// A cell without a value mapping would show a number whose digits stand for types.
func (j *changedAccount) testMatrix(t *testing.T) {
	words := valueMappings(t, "Source × sink")
	answer := j.waitForAnswer(t, "Source × sink (table A)", connections)
	for _, cell := range answer {
		types := j.types(string(cell.Metric["source_org_id"]), string(cell.Metric["sink_org_id"]))
		word := words[cell.Value.String()]
		if word.Text != strings.Join(types, ", ") {
			t.Errorf("a cell says %q, want %q: %s", word.Text, types, cell.Metric)
		}
		if (word.Color == "red") == slices.Equal(types, []string{"logs"}) {
			t.Errorf("a cell with %q is %s", types, word.Color)
		}
	}
}

type mapping struct{ Text, Color string }

// valueMappings returns the texts that a panel shows in place of values.
func valueMappings(t *testing.T, panel string) map[string]mapping {
	t.Helper()
	content, err := os.ReadFile("../dashboards/inventory.json")
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Panels []struct {
			Title       string
			FieldConfig struct {
				Overrides []struct {
					Properties []struct {
						ID    string
						Value json.RawMessage
					}
				}
			}
		}
	}
	if err := json.Unmarshal(content, &d); err != nil {
		t.Fatal(err)
	}
	for _, p := range d.Panels {
		for _, o := range p.FieldConfig.Overrides {
			for _, property := range o.Properties {
				var mappings []struct{ Options map[string]mapping }
				if p.Title == panel && property.ID == "mappings" && json.Unmarshal(property.Value, &mappings) == nil {
					return mappings[0].Options
				}
			}
		}
	}
	t.Fatalf("%s has no value mappings", panel)
	return nil
}
