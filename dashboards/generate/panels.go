package main

import "strings"

// Colours mean the same everywhere: red is not as it should be, orange soon will not
// be, green is as it should be, and blue is new or only for telling things apart.
const (
	red         = "red"
	orange      = "orange"
	green       = "green"
	blue        = "blue"
	grey        = "#8e8e8e"
	plain       = "text"
	transparent = "transparent"
)

// runbooks is where the rules of deploy/prometheus/rules say that they are.
const runbooks = "https://runbooks.example.com/datadog_org_connections_exporter/runbooks.md"

func newPanel(kind string, width int, title, description, unit string) panel {
	return panel{
		Type: kind, Title: title, Description: description, GridPos: gridPos{W: width},
		Datasource: &prometheus, PluginVersion: "10.4.0",
		FieldConfig: &fieldConfig{Defaults: object{"unit": unit}, Overrides: []override{}},
	}
}

func (p panel) with(key string, value any) panel {
	p.FieldConfig.Defaults[key] = value
	return p
}

// where configures the fields of that name.
func (p panel) where(field string, properties ...property) panel {
	p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, override{matcher{"byName", field}, properties})
	return p
}

// runbook links to what to do about an alert.
func (p panel) runbook(alert string) panel {
	p.Links = append(p.Links, link{Title: "Runbook", URL: runbooks + "#" + strings.ToLower(alert), TargetBlank: true})
	return p
}

func (p panel) ask(t target) panel {
	if strings.Contains(t.Expr, "$__rate_interval") {
		t.Interval = "1m" // of scrapes: Grafana takes it for 15s, in which there is no rate
	}
	t.RefID = string(rune('A' + len(p.Targets)))
	t.Datasource, t.EditorMode = prometheus, "code"
	p.Targets = append(p.Targets, t)
	return p
}

// now asks for values as they are at the end of the time range.
func (p panel) now(expr string) panel {
	return p.ask(target{Expr: expr, Format: "table", Instant: true})
}

// over asks for values over the time range.
func (p panel) over(expr, legend string) panel {
	return p.ask(target{Expr: expr, Format: "time_series", Range: true, LegendFormat: legend})
}

// step is a colour, from a value on.
type step struct {
	from  float64
	color string
}

// colored has the first colour below the first step.
func colored(below string, steps ...step) object {
	all := []object{{"value": nil, "color": below}}
	for _, s := range steps {
		all = append(all, object{"value": s.from, "color": s.color})
	}
	return object{"mode": "absolute", "steps": all}
}

// words are shown in place of values.
func words(of map[string]object) []object {
	return []object{{"type": "value", "options": of}}
}

func word(text, color string) object {
	return object{"text": text, "color": color}
}

// stat is one number. none is shown where there is nothing to count.
func stat(width int, title, description, unit, none, expr string) panel {
	p := newPanel("stat", width, title, description, unit).
		with("noValue", none).
		with("color", object{"mode": "thresholds"}).
		with("thresholds", colored(plain)).
		ask(target{Expr: expr, Format: "time_series", Instant: true})
	p.Options = object{
		"reduceOptions": object{"calcs": []string{"lastNotNull"}, "fields": "", "values": false},
		"colorMode":     "value",
		"graphMode":     "none",
		"textMode":      "auto",
		"justifyMode":   "center",
		"orientation":   "auto",
		"wideLayout":    true,
	}
	return p
}

// alarm is a number that should be 0: then it says so, calmly.
func alarm(width int, title, description, color, unknown, expr string) panel {
	return stat(width, title, description, "none", unknown, expr).
		with("thresholds", colored(grey, step{0, green}, step{1, color})).
		with("mappings", words(map[string]object{"0": word("none", green), "-1": word("unknown", grey)}))
}

// series are lines over time.
func series(width int, title, description, unit, none string) panel {
	p := newPanel("timeseries", width, title, description, unit).
		with("noValue", none).
		with("min", 0).
		with("color", object{"mode": "palette-classic"}).
		with("custom", object{
			"drawStyle": "line", "lineInterpolation": "linear", "lineWidth": 1, "fillOpacity": 10,
			"gradientMode": "none", "showPoints": "never", "spanNulls": false,
			"stacking": object{"mode": "none", "group": "A"}, "axisPlacement": "auto",
			"scaleDistribution": object{"type": "linear"}, "thresholdsStyle": object{"mode": "off"},
			"hideFrom": object{"legend": false, "tooltip": false, "viz": false},
		})
	p.Options = object{
		"legend":  object{"showLegend": true, "displayMode": "list", "placement": "bottom", "calcs": []string{}},
		"tooltip": object{"mode": "multi", "sort": "desc"},
	}
	return p
}

// draw sets how lines are drawn.
func (p panel) draw(settings object) panel {
	custom, _ := p.FieldConfig.Defaults["custom"].(object)
	for key, value := range settings {
		custom[key] = value
	}
	return p
}

var (
	lines   = object{"fillOpacity": 0} // many, that would hide each other
	steps   = object{"lineInterpolation": "stepAfter"}
	stacked = object{"lineInterpolation": "stepAfter", "fillOpacity": 30, "stacking": object{"mode": "normal", "group": "A"}}
	bars    = object{"drawStyle": "bars", "fillOpacity": 80, "lineWidth": 0, "stacking": object{"mode": "normal", "group": "A"}}
)

func fixed(color string) property {
	return property{"color", object{"mode": "fixed", "fixedColor": color}}
}
