package main

// The part of Grafana's classic dashboard JSON model that these dashboards use.
// Grafana 10 to 13 load it.

type object = map[string]any

type dashboard struct {
	UID           string    `json:"uid"`
	Title         string    `json:"title"`
	Description   string    `json:"description"`
	Tags          []string  `json:"tags"`
	SchemaVersion int       `json:"schemaVersion"`
	Editable      bool      `json:"editable"`
	GraphTooltip  int       `json:"graphTooltip"`
	Timezone      string    `json:"timezone"`
	Time          timeRange `json:"time"`
	Refresh       string    `json:"refresh"`
	Links         []link    `json:"links"`
	Templating    list      `json:"templating"`
	Annotations   list      `json:"annotations"`
	Panels        []panel   `json:"panels"`
}

type timeRange struct {
	From string `json:"from"`
	To   string `json:"to"`
}

type list struct {
	List []object `json:"list"`
}

// link is a dashboard link or a panel link.
type link struct {
	Title       string `json:"title"`
	Type        string `json:"type,omitempty"`
	URL         string `json:"url"`
	Icon        string `json:"icon,omitempty"`
	Tooltip     string `json:"tooltip,omitempty"`
	KeepTime    bool   `json:"keepTime,omitempty"`
	IncludeVars bool   `json:"includeVars,omitempty"`
	TargetBlank bool   `json:"targetBlank,omitempty"`
}

type panel struct {
	ID              int              `json:"id"`
	Type            string           `json:"type"`
	Title           string           `json:"title"`
	Description     string           `json:"description,omitempty"`
	GridPos         gridPos          `json:"gridPos"`
	Datasource      *datasource      `json:"datasource,omitempty"`
	PluginVersion   string           `json:"pluginVersion,omitempty"`
	Targets         []target         `json:"targets,omitempty"`
	Transformations []transformation `json:"transformations,omitempty"`
	FieldConfig     *fieldConfig     `json:"fieldConfig,omitempty"`
	Options         object           `json:"options,omitempty"`
	Links           []link           `json:"links,omitempty"`
}

type gridPos struct {
	X int `json:"x"`
	Y int `json:"y"`
	W int `json:"w"`
	H int `json:"h"`
}

type datasource struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

type target struct {
	RefID        string     `json:"refId"`
	Datasource   datasource `json:"datasource"`
	EditorMode   string     `json:"editorMode"`
	Expr         string     `json:"expr"`
	Format       string     `json:"format"`
	Instant      bool       `json:"instant"`
	Range        bool       `json:"range"`
	LegendFormat string     `json:"legendFormat,omitempty"`
	Interval     string     `json:"interval,omitempty"`
}

type transformation struct {
	ID      string `json:"id"`
	Options object `json:"options"`
}

type fieldConfig struct {
	Defaults  object     `json:"defaults"`
	Overrides []override `json:"overrides"`
}

type override struct {
	Matcher    matcher    `json:"matcher"`
	Properties []property `json:"properties"`
}

type matcher struct {
	ID      string `json:"id"`
	Options string `json:"options"`
}

type property struct {
	ID    string `json:"id"`
	Value any    `json:"value"`
}

// prometheus is the data source that the variable of that name selects.
var prometheus = datasource{Type: "prometheus", UID: "${datasource}"}

// row is a row panel with the panels below it. The first row of a dashboard may have
// no title, and then has no row panel.
type row struct {
	title string
	lines []line
}

// line is a number of panels side by side, of the same height in grid units.
type line struct {
	height int
	panels []panel
}

// layOut returns all panels with their IDs and grid positions set.
func layOut(rows ...row) []panel {
	var all []panel
	y := 0
	add := func(p panel, x, height int) {
		p.ID = len(all) + 1
		p.GridPos.X, p.GridPos.Y, p.GridPos.H = x, y, height
		all = append(all, p)
	}
	for _, r := range rows {
		if r.title != "" {
			add(panel{Type: "row", Title: r.title, GridPos: gridPos{W: 24}}, 0, 1)
			y++
		}
		for _, l := range r.lines {
			x := 0
			for _, p := range l.panels {
				add(p, x, l.height)
				x += p.GridPos.W
			}
			y += l.height
		}
	}
	return all
}

// newDashboard returns d with the settings that all dashboards share.
func newDashboard(d dashboard) dashboard {
	d.Tags = []string{"datadog", "org-connections"}
	d.SchemaVersion = 39
	d.GraphTooltip = 1 // shared crosshair
	d.Timezone = "utc"
	d.Time.To = "now"
	d.Refresh = "1m"
	return d
}

// setRunbookURL completes the links to runbooks, which are fragments until then.
func (d dashboard) setRunbookURL(url string) {
	for i, l := range d.Links {
		if l.Title == runbooksTitle {
			d.Links[i].URL = url
		}
	}
	for _, p := range d.Panels {
		for i := range p.Links {
			p.Links[i].URL = url + p.Links[i].URL
		}
	}
}
