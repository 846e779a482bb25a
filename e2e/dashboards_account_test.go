package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"datadog_org_connections_exporter/datadog/fake"
)

// twins is what two orgs of the account are called.
const twins = "Acme Twins"

// judged is an account under a policy, with one target for all orgs and with one
// target per org, and what happened to it.
type judged struct {
	account
	merged, perOrg prometheus
	twins          []string // ids
	since          time.Time
	added          fake.Connection
	removed        fake.Connection
	questions      []question
}

// judgedPolicy expects logs everywhere, and requires what is there and what is not.
const judgedPolicy = `rules:
  - {name: logs, source: "*", sink: "*", types: [logs], expires: 2099-01-01}
  - {name: there, source: %s, sink: %s, types: [logs], required: true}
  - {name: not-there, source: "*", sink: "*", types: [carrier-pigeons], required: true}
`

// newJudged changes the account after both servers have known it for a while.
func newJudged(t *testing.T) *judged {
	t.Helper()
	j := &judged{account: newAccount(t), questions: readDashboard(t, "inventory.json").questions(t)}
	for _, org := range j.Orgs()[:2] {
		j.twins = append(j.twins, org.ID)
	}
	configuration := j.configure(t, j.Orgs()) // by the names that they had
	for _, id := range j.twins {
		j.RenameOrg(id, twins)
	}
	j.removed = j.Connections()[0]
	there := j.Connections()[1+slices.IndexFunc(j.Connections()[1:], func(c fake.Connection) bool { return slices.Contains(c.Types, "logs") })]
	policy := filepath.Join(t.TempDir(), "policy.yml")
	write(t, policy, fmt.Sprintf(judgedPolicy, there.SourceID, there.SinkID))
	exporter := startExporter(t, configuration, "--policy.file="+policy, "--cache.ttl=1s")
	j.merged = startPrometheus(t, readDeployed(t, "prometheus.yml").from(exporter))
	j.perOrg = startPrometheus(t, readDeployed(t, "prometheus-probe.yml").from(exporter))
	eventually(t, "the account in both", func() error {
		return cmp.Or(j.merged.lately().shows(t, j.account), j.perOrg.lately().shows(t, j.account))
	})

	j.since = time.Now()
	j.RemoveConnection(j.removed.ID)
	j.added = j.connect()
	return j
}

// connect adds a connection to an org that had none, and of which nobody has keys.
func (j *judged) connect() fake.Connection {
	c := fake.Connection{SourceID: j.Orgs()[0].ID, SinkID: j.AddOrg(fake.Org{Name: "Acme Archive"}), Types: []string{"logs"}, CreatedAt: time.Now()}
	c.ID = j.AddConnection(c)
	return c
}

// asked puts a question, over the time since the account began to change.
func (j *judged) asked(t *testing.T, m moment, q question) (model.Vector, error) {
	t.Helper()
	return m.query(t, q.about(fmt.Sprintf("%.0fs", math.Ceil(m.at.Sub(j.since).Seconds()))))
}

// both asks both servers about the same moment, which must give the same, and as
// many rows as said.
func (j *judged) both(t *testing.T, q question, wantRows int) (model.Vector, error) {
	t.Helper()
	at := j.merged.lately()
	one, err := j.asked(t, at, q)
	if err != nil {
		return nil, err
	}
	other, err := j.asked(t, moment{prometheus: j.perOrg, at: at.at}, q)
	if err != nil {
		return nil, err
	}
	if got, want := sorted(other), sorted(one); !slices.Equal(got, want) {
		return nil, fmt.Errorf("%s: one target per org shows\n%s\none for all\n%s", q.by, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if wantRows >= 0 && len(one) != wantRows {
		return nil, fmt.Errorf("%s gives %d rows, want %d:\n%s", q.by, len(one), wantRows, strings.Join(sorted(one), "\n"))
	}
	return one, nil
}

// settled is the answer to a question of that name, once both give it.
func (j *judged) settled(t *testing.T, by string, wantRows int) (answer model.Vector) {
	t.Helper()
	q := one(t, j.questions, by)
	eventually(t, "the same in both", func() (err error) {
		answer, err = j.both(t, q, wantRows)
		return err
	})
	return answer
}

// sorted are an answer's rows as text.
func sorted(answer model.Vector) []string {
	var rows []string
	for _, sample := range answer {
		rows = append(rows, fmt.Sprintf("%s %v", sample.Metric, sample.Value))
	}
	slices.Sort(rows)
	return rows
}

// values are those of a label, each once.
func values(answer model.Vector, label model.LabelName) []string {
	var all []string
	for _, sample := range answer {
		all = append(all, string(sample.Metric[label]))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Whether one target shows all orgs or each org has a target of its own, the dashboard
// is the same, and right.
func TestInventoryDashboard_IsSameForMergedAndPerOrgTargets(t *testing.T) {
	t.Parallel()
	j := newJudged(t)
	// What happened is found out first, so that nothing changes any more.
	t.Run("what is new and what is gone", j.testNews)
	t.Run("every question", j.testAll)
	t.Run("orgs of one name are told apart", j.testTwins)
	t.Run("the node graph has what it needs", j.testTopology)
	t.Run("every cell of the matrix has words", j.testMatrix)
}

func (j *judged) testNews(t *testing.T) {
	eventually(t, "what happened, in both", func() error {
		gone, err := j.both(t, one(t, j.questions, "No longer seen (table A)"), len(j.removed.Types))
		if err != nil {
			return err
		}
		if got, want := values(gone, "connection_type"), slices.Sorted(slices.Values(j.removed.Types)); !slices.Equal(got, want) {
			return fmt.Errorf("no longer seen is %q, want %q", got, want)
		}
		_, err = j.both(t, one(t, j.questions, "New in the time range (table A)"), len(j.added.Types))
		return err
	})
}

func (j *judged) testAll(t *testing.T) {
	unexpected := 0
	for kind, count := range j.perType() {
		if kind != "logs" {
			unexpected += int(count)
		}
	}
	// How many rows there are, where that is worth to be said.
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
		"When rules end (table A)":   1,
		"Sinks per source (table A)": orgs,
		"Sources per sink (table A)": orgs + 1,
		"variable source":            orgs,
		"variable sink":              orgs + 1,
	}
	for _, q := range j.questions {
		if q.by == "Oldest listing (stat A)" || strings.HasPrefix(q.by, "annotation") {
			continue // each scrape finds another, and what happened is over
		}
		want, said := wantRows[q.by]
		if !said {
			want = -1
		}
		j.settled(t, q.by, want)
		delete(wantRows, q.by)
	}
	for by := range wantRows {
		t.Errorf("nothing asks as %q", by)
	}
}

// Two orgs of one name are one only for people.
func (j *judged) testTwins(t *testing.T) {
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
		answer := j.settled(t, where.question, -1)
		names := values(answer, where.label)
		if len(names) != where.orgs || !slices.Contains(names, "Acme Team 3") {
			t.Errorf("%s calls %d orgs by the label %s, want %d, and those as they are called whose name is their own: %q", where.question, len(names), where.label, where.orgs, names)
		}
		for _, id := range j.twins {
			if !slices.Contains(names, called(id)) {
				t.Errorf("%s does not call an org %q: %q", where.question, called(id), names)
			}
		}
	}
	options := j.settled(t, "variable source", orgs)
	for _, id := range j.twins {
		if !slices.Contains(values(options, "option"), id+"|"+called(id)) {
			t.Errorf("%s cannot be chosen: %q", id, values(options, "option"))
		}
	}
}

// Grafana draws no node graph in which an arrow leads to nowhere, and takes fields
// by their names.
func (j *judged) testTopology(t *testing.T) {
	nodes := j.settled(t, "Topology (nodeGraph nodes)", orgs+1)
	ids := values(nodes, "id")
	if len(ids) != orgs+1 {
		t.Errorf("there are %d nodes for %d orgs", len(ids), orgs+1)
	}
	const known, blind = "#5794f2", "#8e8e8e"
	for _, node := range nodes {
		id := string(node.Metric["id"])
		color, sinks, sources := known, 0, 0
		if id == j.added.SinkID {
			color = blind
		}
		for _, c := range j.Visible(id) {
			if c.SourceID == id {
				sinks++
			} else {
				sources++
			}
		}
		got := []model.LabelValue{node.Metric["color"], node.Metric["mainstat"], node.Metric["secondarystat"]}
		want := []model.LabelValue{model.LabelValue(color), counted("→", sinks), counted("←", sources)}
		if node.Metric["title"] == "" || !slices.Equal(got, want) {
			t.Errorf("a node is %s, want %q", node.Metric, want)
		}
	}
	edges := j.settled(t, "Topology (nodeGraph edges)", connections)
	if got := values(edges, "id"); len(got) != connections {
		t.Errorf("%d edges have an id of their own, want %d", len(got), connections)
	}
	for _, edge := range edges {
		for _, end := range []model.LabelName{"source", "target"} {
			if !slices.Contains(ids, string(edge.Metric[end])) {
				t.Errorf("an edge leads to no node: %s", edge.Metric)
			}
		}
		types := j.types(string(edge.Metric["source"]), string(edge.Metric["target"]))
		if got := strings.Fields(string(edge.Metric["mainstat"])); !slices.Equal(got, types) {
			t.Errorf("an edge tells of %q, want %q", got, types)
		}
		if red := edge.Metric["color"] != ""; red == slices.Equal(types, []string{"logs"}) {
			t.Errorf("an edge with %q is red, or not: %s", types, edge.Metric)
		}
	}
}

// counted is a number behind an arrow, and nothing where there is none.
func counted(arrow string, number int) model.LabelValue {
	if number == 0 {
		return ""
	}
	return model.LabelValue(fmt.Sprint(arrow, " ", number))
}

// types are what a source shares with a sink, in the order in which people name them.
func (j *judged) types(source, sink string) []string {
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

// A cell without words would show a number whose digits stand for types.
func (j *judged) testMatrix(t *testing.T) {
	words := wordsOf(t, "Source × sink")
	answer := j.settled(t, "Source × sink (table A)", connections)
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

type word struct{ Text, Color string }

// wordsOf are what a panel shows in place of values.
func wordsOf(t *testing.T, panel string) map[string]word {
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
				var mappings []struct{ Options map[string]word }
				if p.Title == panel && property.ID == "mappings" && json.Unmarshal(property.Value, &mappings) == nil {
					return mappings[0].Options
				}
			}
		}
	}
	t.Fatalf("%s has no words", panel)
	return nil
}
