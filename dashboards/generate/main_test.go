package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"datadog_org_connections_exporter/collector"
	"datadog_org_connections_exporter/datadog"
)

func TestTheFilesAreWhatIsWritten(t *testing.T) {
	for file, d := range files() {
		got, err := os.ReadFile("../" + file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, written(d)) {
			t.Errorf("%s is not what the code beside it writes: run make generate", file)
		}
	}
}

// Links between the dashboards, bookmarks and people's own links go by these.
func TestADashboardIsFoundUnderTheSameAddressForEver(t *testing.T) {
	for file, uid := range map[string]string{
		"inventory.json": "datadog-org-connections",
		"exporter.json":  "datadog-org-connections-exporter",
	} {
		if d := files()[file]; d.UID != uid {
			t.Errorf("%s has the uid %q, want %q", file, d.UID, uid)
		}
	}
}

// Grafana 10 to 13 load the classic schema of these versions.
func TestGrafanaLoadsTheDashboards(t *testing.T) {
	for file, d := range files() {
		if d.SchemaVersion < 39 || d.SchemaVersion > 42 {
			t.Errorf("%s: schema version %d", file, d.SchemaVersion)
		}
		if d.Title == "" || d.Description == "" || len(d.Tags) == 0 || d.Editable || d.GraphTooltip != 1 || d.Timezone != "utc" {
			t.Errorf("%s: title %q, description %q, tags %q, editable %v, tooltip %d, timezone %q", file, d.Title, d.Description, d.Tags, d.Editable, d.GraphTooltip, d.Timezone)
		}
		ids, refs := map[int]bool{}, map[string]bool{}
		for _, p := range d.Panels {
			if p.ID == 0 || ids[p.ID] {
				t.Errorf("%s: %q has the id %d, like another", file, p.Title, p.ID)
			}
			ids[p.ID] = true
			clear(refs)
			for _, target := range p.Targets {
				if target.RefID == "" || refs[target.RefID] {
					t.Errorf("%s: %q has two queries %q", file, p.Title, target.RefID)
				}
				refs[target.RefID] = true
				if target.Instant == target.Range {
					t.Errorf("%s: query %s of %q is both or neither for a moment and for a time range", file, target.RefID, p.Title)
				}
			}
		}
	}
}

func TestEveryPanelExplainsItself(t *testing.T) {
	for file, d := range files() {
		for _, p := range d.Panels {
			if p.Type == "row" {
				if !strings.HasSuffix(p.Title, "?") {
					t.Errorf("%s: the heading %q asks nothing", file, p.Title)
				}
				continue
			}
			unit, _ := p.FieldConfig.Defaults["unit"].(string)
			if p.Title == "" || !strings.HasSuffix(p.Description, ".") || unit == "" || len(p.Targets) == 0 {
				t.Errorf("%s: %q has the unit %q, %d queries and the description %q", file, p.Title, unit, len(p.Targets), p.Description)
			}
			none, _ := p.FieldConfig.Defaults["noValue"].(string)
			if none == "" && p.Type != "nodeGraph" { // which cannot say it
				t.Errorf("%s: %q does not say what it means when it is empty", file, p.Title)
			}
		}
	}
}

func TestPanelsLieBesideEachOther(t *testing.T) {
	for file, d := range files() {
		taken := map[[2]int]string{}
		for _, p := range d.Panels {
			if p.GridPos.X+p.GridPos.W > 24 || p.GridPos.W == 0 || p.GridPos.H == 0 {
				t.Errorf("%s: %q lies at %+v, beyond the 24 columns of a dashboard", file, p.Title, p.GridPos)
			}
			for x := range p.GridPos.W {
				for y := range p.GridPos.H {
					cell := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
					if other, is := taken[cell]; is {
						t.Fatalf("%s: %q lies upon %q", file, p.Title, other)
					}
					taken[cell] = p.Title
				}
			}
		}
		for cell := range taken {
			if _, filled := taken[[2]int{(cell[0] + 1) % 24, cell[1]}]; !filled {
				t.Errorf("%s: there is a hole right of %q", file, taken[cell])
			}
		}
	}
}

// Whoever has several Prometheus servers chooses one for everything.
func TestEverythingIsAskedOfTheDataSourceThatWasChosen(t *testing.T) {
	chosen := regexp.MustCompile(`^{"type":"prometheus","uid":"\$\{datasource\}"}$`)
	for file, d := range files() {
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		asked := 0
		for _, source := range regexp.MustCompile(`"datasource":({[^}]*}"?}?)`).FindAllSubmatch(text, -1) {
			switch {
			case chosen.Match(source[1]):
				asked++
			case !bytes.Contains(source[1], []byte("-- Grafana --")): // its own annotations
				t.Errorf("%s asks %s", file, source[1])
			}
		}
		queries := 0
		for _, p := range d.Panels {
			queries += len(p.Targets)
		}
		if asked <= queries {
			t.Errorf("%s: %d queries and %d data sources: is this test about anything?", file, queries, asked)
		}
	}
}

func TestQueriesKeepToTheTargetsThatWereChosen(t *testing.T) {
	selector := regexp.MustCompile(`(\w+){([^}]*)}`)
	for file, d := range files() {
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				found := selector.FindAllStringSubmatch(target.Expr, -1)
				if found == nil {
					t.Errorf("%s: %q asks for nothing: %s", file, p.Title, target.Expr)
				}
				for _, s := range found {
					chosen := `job=~"$job", instance=~"$instance"`
					if strings.Contains(target.Expr, "datadog_org_connections_missing") {
						chosen = `job=~"$job"` // what is missing is what every target misses
					}
					if !strings.HasPrefix(s[2], chosen) {
						t.Errorf("%s: %q asks for %s", file, p.Title, s[0])
					}
				}
			}
		}
	}
}

// query_result of Grafana finds no end in a query of several lines.
func TestOrgsAreChosenByIdAndCalledByName(t *testing.T) {
	asked := map[string]object{}
	for _, v := range inventory().Templating.List {
		name, _ := v["name"].(string)
		asked[name] = v
	}
	for _, name := range []string{"source", "sink"} {
		query, _ := asked[name]["definition"].(string)
		if !regexp.MustCompile(`^query_result\((.+)\)\s*$`).MatchString(query) {
			t.Errorf("Grafana does not understand the query of %s: %s", name, query)
		}
		pattern, _ := asked[name]["regex"].(string)
		regex := regexp.MustCompile(strings.Trim(pattern, "/"))
		// As Grafana writes a series: nothing is escaped.
		got := regex.FindStringSubmatch(`{option="5e1f0a6b-3c2d|Acme "Skunk|works" Labs, {EU}"} 1 1700000000000`)
		if got == nil || got[regex.SubexpIndex("value")] != "5e1f0a6b-3c2d" || got[regex.SubexpIndex("text")] != `Acme "Skunk|works" Labs, {EU}` {
			t.Errorf("%s finds %q", pattern, got)
		}
	}
}

func TestEachCombinationOfTypesHasWords(t *testing.T) {
	of := typeWords()
	if len(of) != 2*15 {
		t.Errorf("there are %d", len(of))
	}
	for number, want := range map[string]string{"1": "logs", "10": "metrics", "111": "logs, metrics, audit", "1000": "others", "1101": "logs, audit, others"} {
		calm, loud := of[number], of["10000"[:5-len(number)]+number]
		if calm["text"] != want || calm["color"] == red {
			t.Errorf("%s is %v, want %s", number, calm, want)
		}
		if loud["text"] != want || loud["color"] != red {
			t.Errorf("%s with something unexpected is %v, want %s in red", number, loud, want)
		}
	}
}

// The same colour in all panels, and none left to chance.
func TestEveryReasonHasAColour(t *testing.T) {
	for _, p := range []panel{failures(), retries()} {
		for _, reason := range datadog.Reasons() {
			if !slices.ContainsFunc(p.FieldConfig.Overrides, func(o override) bool { return o.Matcher.Options == string(reason) }) {
				t.Errorf("%s has no colour in %q", reason, p.Title)
			}
		}
	}
}

// Rates count from the scrapes that deploy/prometheus recommends.
func TestRatesSpanSeveralScrapes(t *testing.T) {
	for file, d := range files() {
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				if strings.Contains(target.Expr, "$__rate_interval") != (target.Interval == "1m") {
					t.Errorf("%s: query %s of %q has the interval %q", file, target.RefID, p.Title, target.Interval)
				}
			}
		}
	}
}

// A link to a runbook is one that an alert has.
func TestRunbooksAreThoseOfTheAlerts(t *testing.T) {
	files, err := filepath.Glob("../../deploy/prometheus/rules/*.yml")
	if err != nil {
		t.Fatal(err)
	}
	var rules strings.Builder
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		rules.Write(content)
	}
	links := 0
	for _, d := range []dashboard{inventory(), exporter()} {
		for _, p := range d.Panels {
			for _, l := range p.Links {
				links++
				if !strings.Contains(rules.String(), "runbook_url: "+l.URL+"\n") {
					t.Errorf("%q links to %s, which no alert does", p.Title, l.URL)
				}
			}
		}
	}
	if links == 0 {
		t.Error("there are no links: is this test about anything?")
	}
}

// What a metric of ours is called is for the contract to say. That its labels and the
// metrics of others are there is tested against a real Prometheus.
func TestTheMetricsAreThoseOfTheContract(t *testing.T) {
	known := map[string]bool{"datadog_org_connections_exporter_build_info": true}
	for _, m := range collector.Metrics() {
		known[m.Name] = true
		if m.Type == "histogram" {
			known[m.Name+"_bucket"] = true
		}
	}
	used := map[string]bool{}
	for file, d := range files() {
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`\bdatadog_\w+\b[{,]`).FindAllString(string(text), -1) {
			name = name[:len(name)-1]
			used[name] = true
			if !known[name] {
				t.Errorf("%s asks for %s, which there is not", file, name)
			}
		}
	}
	for _, m := range collector.Metrics() {
		if !used[m.Name] {
			t.Errorf("no dashboard shows %s", m.Name)
		}
	}
}
