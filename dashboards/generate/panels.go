package main

import (
	"maps"
	"strings"
)

// Colors have one meaning in all panels: red is wrong, orange needs attention soon,
// green is good, blue is new or neutral.
const (
	red         = "red"
	orange      = "orange"
	green       = "green"
	blue        = "blue"
	grey        = "#8e8e8e"
	textColor   = "text" // of the theme
	transparent = "transparent"
)

// newPanel returns a panel without targets. width is in grid units, of 24.
func newPanel(kind string, width int, title, description, unit string) panel {
	return panel{
		Type: kind, Title: title, Description: description, GridPos: gridPos{W: width},
		Datasource: &prometheus, PluginVersion: "10.4.0",
		FieldConfig: &fieldConfig{Defaults: object{"unit": unit}, Overrides: []override{}},
	}
}

// withDefault sets a property of all fields.
func (p panel) withDefault(id string, value any) panel {
	p.FieldConfig.Defaults[id] = value
	return p
}

// withCustom sets custom properties of all fields, such as graph styles.
func (p panel) withCustom(properties object) panel {
	custom, _ := p.FieldConfig.Defaults["custom"].(object)
	maps.Copy(custom, properties)
	return p
}

// withOverride sets properties of the field with that name.
func (p panel) withOverride(field string, properties ...property) panel {
	p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, override{matcher{"byName", field}, properties})
	return p
}

// withRunbook adds a panel link to the runbook of an alert.
func (p panel) withRunbook(alert string) panel {
	p.Links = append(p.Links, link{Title: "Runbook of " + alert, URL: "#" + strings.ToLower(alert), TargetBlank: true})
	return p
}

// withTarget adds a query, whose refId is the next letter.
func (p panel) withTarget(t target) panel {
	if strings.Contains(t.Expr, "$__rate_interval") {
		// The scrape interval of deploy/prometheus. By default Grafana assumes 15s, and
		// rate() has too few samples.
		t.Interval = "1m"
	}
	t.RefID = string(rune('A' + len(p.Targets)))
	t.Datasource, t.EditorMode = prometheus, "code"
	p.Targets = append(p.Targets, t)
	return p
}

// withInstantQuery adds a query for the end of the time range, in table format.
func (p panel) withInstantQuery(expr string) panel {
	return p.withTarget(target{Expr: expr, Format: "table", Instant: true})
}

// withRangeQuery adds a query over the time range.
func (p panel) withRangeQuery(expr, legend string) panel {
	return p.withTarget(target{Expr: expr, Format: "time_series", Range: true, LegendFormat: legend})
}

// threshold is the color of values from a lower bound on.
type threshold struct {
	value float64
	color string
}

// thresholds returns absolute thresholds. base is the color below the first of them.
func thresholds(base string, above ...threshold) object {
	steps := []object{{"value": nil, "color": base}}
	for _, t := range above {
		steps = append(steps, object{"value": t.value, "color": t.color})
	}
	return object{"mode": "absolute", "steps": steps}
}

// valueMappings returns mappings of exact values to texts and colors.
func valueMappings(results map[string]object) []object {
	return []object{{"type": "value", "options": results}}
}

// upToMapping returns the mapping of all values up to limit to one text and color.
func upToMapping(limit int, result object) []object {
	return []object{{"type": "range", "options": object{"from": nil, "to": limit, "result": result}}}
}

// mapped returns the result of a mapping.
func mapped(text, color string) object {
	return object{"text": text, "color": color}
}

// stat returns a stat panel of one instant query. It shows noValue where the query
// returns nothing.
func stat(width int, title, description, unit, noValue, expr string) panel {
	p := newPanel("stat", width, title, description, unit).
		withDefault("noValue", noValue).
		withDefault("color", object{"mode": "thresholds"}).
		withDefault("thresholds", thresholds(textColor)).
		withTarget(target{Expr: expr, Format: "time_series", Instant: true})
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

// zeroStat returns a stat panel of a number that should be 0: it is green then, and
// has the color from 1 on. -1 is shown as unknown.
func zeroStat(width int, title, description, color, noValue, expr string) panel {
	return stat(width, title, description, "none", noValue, expr).
		withDefault("thresholds", thresholds(grey, threshold{0, green}, threshold{1, color})).
		withDefault("mappings", valueMappings(map[string]object{"0": mapped("none", green), "-1": mapped("unknown", grey)}))
}

// timeSeries returns a time series panel.
func timeSeries(width int, title, description, unit, noValue string) panel {
	p := newPanel("timeseries", width, title, description, unit).
		withDefault("noValue", noValue).
		withDefault("min", 0).
		withDefault("color", object{"mode": "palette-classic"}).
		withDefault("custom", object{
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

// Graph styles of time series panels, for withCustom.
var (
	unfilled  = object{"fillOpacity": 0} // for many series, which would hide each other
	stepAfter = object{"lineInterpolation": "stepAfter"}
	// stacked is without lines: a stacked 0 would have one on top of the others.
	stacked = object{"lineInterpolation": "stepAfter", "fillOpacity": 60, "lineWidth": 0, "stacking": object{"mode": "normal", "group": "A"}}
	bars    = object{"drawStyle": "bars", "fillOpacity": 80, "lineWidth": 0, "stacking": object{"mode": "normal", "group": "A"}}
)

// fixedColor returns the property that sets the color of a field.
func fixedColor(color string) property {
	return property{"color", object{"mode": "fixed", "fixedColor": color}}
}

// withTypeColors sets the color of each connection type.
func (p panel) withTypeColors() panel {
	return p.withOverride("logs", fixedColor("blue")).
		withOverride("metrics", fixedColor("purple")).
		withOverride("audit", fixedColor("#2aa198"))
}

// withReasonColors sets the color of each reason of failed listings.
func (p panel) withReasonColors() panel {
	return p.withOverride("unauthorized", fixedColor("red")).
		withOverride("forbidden", fixedColor("dark-red")).
		withOverride("rate_limited", fixedColor("orange")).
		withOverride("server_error", fixedColor("purple")).
		withOverride("client_error", fixedColor("yellow")).
		withOverride("timeout", fixedColor("blue")).
		withOverride("network", fixedColor("dark-blue")).
		withOverride("malformed", fixedColor("dark-purple")).
		withOverride("incomplete", fixedColor("dark-yellow")).
		withOverride("wrong_org", fixedColor("dark-orange"))
}
