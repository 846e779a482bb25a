package main

import (
	"fmt"
	"slices"
	"strings"
)

// column is a field of a table panel, with its overrides.
type column struct {
	field      string
	properties []property
}

// textColumn returns a column of a label. Unit string keeps Grafana from showing
// digits as a number.
func textColumn(field, title string) column {
	return column{field, []property{{"displayName", title}, {"unit", "string"}, {"noValue", "unknown"}}}
}

// numberColumn returns a column of values.
func numberColumn(field, title, unit string) column {
	return column{field, []property{{"displayName", title}, {"unit", unit}, {"noValue", "unknown"}}}
}

// hiddenColumn returns a column that only data links use. Grafana 12 renamed
// custom.hidden to custom.hideFrom.
func hiddenColumn(field string) column {
	return column{field, []property{{"unit", "string"}, {"custom.hidden", true}, {"custom.hideFrom", object{"viz": true}}}}
}

// withProperty sets a property, or replaces it.
func (c column) withProperty(id string, value any) column {
	c.properties = slices.DeleteFunc(slices.Clone(c.properties), func(p property) bool { return p.ID == id })
	c.properties = append(c.properties, property{id, value})
	return c
}

// withWidth sets the width in pixels.
func (c column) withWidth(pixels int) column { return c.withProperty("custom.width", pixels) }

// withMappings shows texts in place of values, in their colors.
func (c column) withMappings(results map[string]object) column {
	return c.withProperty("mappings", valueMappings(results)).withColoredText()
}

// withColoredText colors the text by thresholds or mappings.
func (c column) withColoredText() column {
	return c.withProperty("custom.cellOptions", object{"type": "color-text"})
}

// withBackground sets the background color of all cells.
func (c column) withBackground(color string) column {
	return c.withProperty("custom.cellOptions", object{"type": "color-background", "mode": "basic"}).
		withProperty("color", object{"mode": "fixed", "fixedColor": color})
}

// withGauge shows a bar behind each number, up to limit, or up to the largest number
// if limit is 0.
func (c column) withGauge(limit int, thresholds object) column {
	c = c.withProperty("custom.cellOptions", object{"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}).
		withProperty("min", 0).withProperty("thresholds", thresholds).withProperty("color", object{"mode": "thresholds"})
	if limit > 0 {
		c = c.withProperty("max", limit)
	}
	return c
}

// withOrgLink adds a data link to the inventory dashboard that sets a variable to the
// value of a field.
func (c column) withOrgLink(variable, field string) column {
	return c.withProperty("links", []object{{
		"title": "Only this " + variable,
		"url": fmt.Sprintf("/d/%s?${datasource:queryparam}&${job:queryparam}&${instance:queryparam}&${type:queryparam}&${__url_time_range}&var-%s=${__data.fields.%s}",
			inventoryUID, variable, field),
	}})
}

// table returns a table panel of these columns. The results of its queries are merged
// by their common labels.
func table(width int, title, description, noValue string, columns ...column) panel {
	p := newPanel("table", width, title, description, "none").
		withDefault("noValue", noValue).
		withDefault("color", object{"mode": "thresholds"}).
		withDefault("thresholds", thresholds(textColor)).
		withDefault("custom", object{"align": "left", "cellOptions": object{"type": "auto"}, "inspect": false, "filterable": false})
	var fields []string
	order := object{}
	for n, c := range columns {
		fields = append(fields, c.field)
		order[c.field] = n
		p = p.withOverride(c.field, c.properties...)
	}
	p.Transformations = []transformation{
		{"merge", object{}},
		{"filterFieldsByName", object{"include": object{"names": fields}}},
		{"organize", object{"indexByName": order, "excludeByName": object{}, "renameByName": object{}}},
	}
	p.Options = object{"showHeader": true, "cellHeight": "sm", "footer": object{"show": false, "reducer": []string{"sum"}, "countRows": false, "fields": ""}}
	return p
}

// sortBy sorts a table by columns with these titles, in descending order where a
// minus precedes the title.
func (p panel) sortBy(titles ...string) panel {
	var by []object
	for _, title := range titles {
		by = append(by, object{"displayName": strings.TrimPrefix(title, "-"), "desc": strings.HasPrefix(title, "-")})
	}
	p.Options["sortBy"] = by
	return p
}
