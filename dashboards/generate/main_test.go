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

func generated(t *testing.T) map[string]dashboard {
	t.Helper()
	url, err := alertRunbookURL()
	if err != nil {
		t.Fatal(err)
	}
	return dashboards(url)
}

// panels returns all panels, with the file before their titles.
func panels(t *testing.T) (all []panel) {
	t.Helper()
	for file, d := range generated(t) {
		for _, p := range d.Panels {
			p.Title = file + ": " + p.Title
			all = append(all, p)
		}
	}
	return all
}

func TestDashboards_FilesAreUpToDate(t *testing.T) {
	for file, d := range generated(t) {
		got, err := os.ReadFile(filepath.Join(outputDir, file))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, encode(d)) {
			t.Errorf("%s is not up to date: run make generate", file)
		}
	}
}

// Grafana 10 to 13 load the classic schema of these versions.
func TestDashboards_HaveValidSchema(t *testing.T) {
	uids := map[string]string{"inventory.json": "datadog-org-connections", "exporter.json": "datadog-org-connections-exporter"}
	for file, d := range generated(t) {
		if d.UID != uids[file] {
			t.Errorf("%s has the uid %q, which links and bookmarks do not contain", file, d.UID)
		}
		if d.SchemaVersion < 39 || d.SchemaVersion > 42 {
			t.Errorf("%s: schema version %d", file, d.SchemaVersion)
		}
		if d.Title == "" || d.Description == "" || len(d.Tags) == 0 || d.Editable || d.GraphTooltip != 1 || d.Timezone != "utc" {
			t.Errorf("%s: title %q, description %q, tags %q, editable %v, tooltip %d, timezone %q", file, d.Title, d.Description, d.Tags, d.Editable, d.GraphTooltip, d.Timezone)
		}
		ids, refs := map[int]bool{}, map[string]bool{}
		for _, p := range d.Panels {
			if p.ID == 0 || ids[p.ID] {
				t.Errorf("%s: %q has the id 0 or that of another panel: %d", file, p.Title, p.ID)
			}
			ids[p.ID] = true
			clear(refs)
			for _, target := range p.Targets {
				if target.RefID == "" || refs[target.RefID] {
					t.Errorf("%s: %q has two queries %q", file, p.Title, target.RefID)
				}
				refs[target.RefID] = true
				if target.Instant == target.Range {
					t.Errorf("%s: query %s of %q is both or neither of instant and range", file, target.RefID, p.Title)
				}
			}
		}
	}
}

func TestPanels_HaveDescriptionUnitAndNoValue(t *testing.T) {
	for _, p := range panels(t) {
		if p.Type == "row" {
			if !strings.HasSuffix(p.Title, "?") {
				t.Errorf("%s: the row title is no question", p.Title)
			}
			continue
		}
		unit, _ := p.FieldConfig.Defaults["unit"].(string)
		if strings.HasSuffix(p.Title, ": ") || !strings.HasSuffix(p.Description, ".") || unit == "" || len(p.Targets) == 0 {
			t.Errorf("%s has the unit %q, %d queries and the description %q", p.Title, unit, len(p.Targets), p.Description)
		}
		none, _ := p.FieldConfig.Defaults["noValue"].(string)
		if none == "" && p.Type != "nodeGraph" { // has no noValue
			t.Errorf("%s has no text for an empty result (noValue)", p.Title)
		}
	}
}

func TestPanels_FillTheGrid(t *testing.T) {
	for file, d := range generated(t) {
		taken := map[[2]int]string{}
		for _, p := range d.Panels {
			if p.GridPos.X+p.GridPos.W > 24 || p.GridPos.W == 0 || p.GridPos.H == 0 {
				t.Errorf("%s: %q is at %+v, outside of the 24 columns", file, p.Title, p.GridPos)
			}
			for x := range p.GridPos.W {
				for y := range p.GridPos.H {
					cell := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
					if other, found := taken[cell]; found {
						t.Fatalf("%s: %q overlaps %q", file, p.Title, other)
					}
					taken[cell] = p.Title
				}
			}
		}
		for cell := range taken {
			if _, filled := taken[[2]int{(cell[0] + 1) % 24, cell[1]}]; !filled {
				t.Errorf("%s: there is a gap to the right of %q", file, taken[cell])
			}
		}
	}
}

// Otherwise the variable would not select the Prometheus server of all queries.
func TestDashboards_UseTheDatasourceVariable(t *testing.T) {
	variable := regexp.MustCompile(`^{"type":"prometheus","uid":"\$\{datasource\}"}$`)
	for file, d := range generated(t) {
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, source := range regexp.MustCompile(`"datasource":({[^}]*}"?}?)`).FindAllSubmatch(text, -1) {
			switch {
			case variable.Match(source[1]):
				found++
			case !bytes.Contains(source[1], []byte("-- Grafana --")): // built-in annotations
				t.Errorf("%s has the data source %s", file, source[1])
			}
		}
		queries := 0
		for _, p := range d.Panels {
			queries += len(p.Targets)
		}
		if found <= queries {
			t.Errorf("%s: found %d data sources of %d queries", file, found, queries)
		}
	}
}

func TestQueries_FilterByTargetVariablesAndRateOverTheScrapeInterval(t *testing.T) {
	selector := regexp.MustCompile(`(\w+){([^}]*)}`)
	for _, p := range panels(t) {
		for _, target := range p.Targets {
			found := selector.FindAllStringSubmatch(target.Expr, -1)
			if found == nil {
				t.Errorf("%s selects nothing: %s", p.Title, target.Expr)
			}
			for _, s := range found {
				want := targetMatchers
				if strings.Contains(target.Expr, "datadog_org_connections_missing") {
					want = jobMatcher // only what all instances miss is missing
				}
				if !strings.HasPrefix(s[2], want) {
					t.Errorf("%s selects %s", p.Title, s[0])
				}
			}
			// 1m is the scrape interval of deploy/prometheus.
			if strings.Contains(target.Expr, "$__rate_interval") != (target.Interval == "1m") {
				t.Errorf("%s: query %s has the interval %q", p.Title, target.RefID, target.Interval)
			}
		}
	}
}

// Grafana's query_result does not match a query of several lines.
func TestOrgVariable_ValueIsIDAndTextIsName(t *testing.T) {
	variables := map[string]object{}
	for _, v := range inventoryDashboard().Templating.List {
		name, _ := v["name"].(string)
		variables[name] = v
	}
	for _, name := range []string{"source", "sink"} {
		query, _ := variables[name]["definition"].(string)
		if !regexp.MustCompile(`^query_result\((.+)\)\s*$`).MatchString(query) {
			t.Errorf("Grafana does not understand the query of %s: %s", name, query)
		}
		pattern, _ := variables[name]["regex"].(string)
		regex := regexp.MustCompile(strings.Trim(pattern, "/"))
		// As Grafana writes a series: nothing is escaped.
		got := regex.FindStringSubmatch(`{option="5e1f0a6b-3c2d|Acme "Skunk|works" Labs, {EU}"} 1 1700000000000`)
		if got == nil || got[regex.SubexpIndex("value")] != "5e1f0a6b-3c2d" || got[regex.SubexpIndex("text")] != `Acme "Skunk|works" Labs, {EU}` {
			t.Errorf("%s matches %q", pattern, got)
		}
	}
}

func TestTypeCodeMappings_CoverAllCombinations(t *testing.T) {
	mappings := typeCodeMappings()
	if len(mappings) != 2*15 {
		t.Errorf("got %d mappings, want 30", len(mappings))
	}
	for code, want := range map[string]string{"1": "logs", "10": "metrics", "111": "logs, metrics, audit", "1000": "others", "1101": "logs, audit, others"} {
		expected, unexpected := mappings[code], mappings["10000"[:5-len(code)]+code]
		if expected["text"] != want || expected["color"] == red {
			t.Errorf("%s is %v, want %s", code, expected, want)
		}
		if unexpected["text"] != want || unexpected["color"] != red {
			t.Errorf("%s with an unexpected type is %v, want %s in red", code, unexpected, want)
		}
	}
}

func TestPanels_HaveAColorForEveryReason(t *testing.T) {
	for _, p := range []panel{failuresSeries(), retriesSeries()} {
		for _, reason := range datadog.Reasons() {
			if !slices.ContainsFunc(p.FieldConfig.Overrides, func(o override) bool { return o.Matcher.Options == string(reason) }) {
				t.Errorf("%s has no color in %q", reason, p.Title)
			}
		}
	}
}

func TestPanels_RunbookLinksAreThoseOfAlerts(t *testing.T) {
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
	for _, p := range panels(t) {
		for _, l := range p.Links {
			links++
			if !strings.Contains(rules.String(), "runbook_url: "+l.URL+"\n") {
				t.Errorf("%s links to %s, which is the runbook of no alert", p.Title, l.URL)
			}
		}
	}
	if links == 0 {
		t.Error("no panel links to a runbook")
	}
}

// Labels, and metrics of Prometheus and Go, are tested against a real Prometheus in e2e.
func TestQueries_UseAllMetricsAndNoOthers(t *testing.T) {
	metrics := map[string]bool{"datadog_org_connections_exporter_build_info": true}
	for _, m := range collector.Metrics() {
		metrics[m.Name] = true
		if m.Type == "histogram" {
			metrics[m.Name+"_bucket"] = true
		}
	}
	used := map[string]bool{}
	for file, d := range generated(t) {
		for _, name := range regexp.MustCompile(`\bdatadog_\w+\b[{,]`).FindAllString(string(encode(d)), -1) {
			name = name[:len(name)-1]
			used[name] = true
			if !metrics[name] {
				t.Errorf("%s queries %s, which does not exist", file, name)
			}
		}
	}
	for _, m := range collector.Metrics() {
		if !used[m.Name] {
			t.Errorf("no dashboard queries %s", m.Name)
		}
	}
}
