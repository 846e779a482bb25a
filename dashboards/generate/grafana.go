package main

// What Grafana calls a dashboard, in the classic JSON that Grafana 10 to 13 load:
// the part of it that ours need.

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

// link leads from a dashboard, or from a panel's title, to somewhere else.
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

// prometheus is the data source that the reader of a dashboard chooses.
var prometheus = datasource{Type: "prometheus", UID: "${datasource}"}

// section is a heading with the panels below it, line by line. The first may have
// no heading.
type section struct {
	title string
	lines []line
}

// line are panels beside each other, of one height.
type line struct {
	height int
	panels []panel
}

// arranged gives each panel its place and its number.
func arranged(sections ...section) []panel {
	var all []panel
	y := 0
	add := func(p panel, x, height int) {
		p.ID = len(all) + 1
		p.GridPos.X, p.GridPos.Y, p.GridPos.H = x, y, height
		all = append(all, p)
	}
	for _, s := range sections {
		if s.title != "" {
			add(panel{Type: "row", Title: s.title, GridPos: gridPos{W: 24}}, 0, 1)
			y++
		}
		for _, l := range s.lines {
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
