package main

import (
	"fmt"
	"slices"
	"strings"
)

// column is a field of a table.
type column struct {
	field      string
	properties []property
}

// text is a column of labels, which are not taken for numbers.
func text(field, title string) column {
	return column{field, []property{{"displayName", title}, {"unit", "string"}, {"noValue", "not told"}}}
}

func number(field, title, unit string) column {
	return column{field, []property{{"displayName", title}, {"unit", unit}, {"noValue", "not told"}}}
}

// hidden is a column for links to use: it has two names, before and after Grafana 12.
func hidden(field string) column {
	return column{field, []property{{"unit", "string"}, {"custom.hidden", true}, {"custom.hideFrom", object{"viz": true}}}}
}

// with sets a property, in place of what it was.
func (c column) with(id string, value any) column {
	c.properties = slices.DeleteFunc(slices.Clone(c.properties), func(p property) bool { return p.ID == id })
	c.properties = append(c.properties, property{id, value})
	return c
}

func (c column) wide(pixels int) column { return c.with("custom.width", pixels) }

// worded shows words in place of values, in their colours.
func (c column) worded(of map[string]object) column {
	return c.with("mappings", words(of)).inColor()
}

func (c column) inColor() column { return c.with("custom.cellOptions", object{"type": "color-text"}) }

func (c column) onColor(color string) column {
	return c.with("custom.cellOptions", object{"type": "color-background", "mode": "basic"}).with("color", object{"mode": "fixed", "fixedColor": color})
}

// gauge is a bar behind each number; max is that of all where it is 0.
func (c column) gauge(most int, thresholds object) column {
	c = c.with("custom.cellOptions", object{"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}).
		with("min", 0).with("thresholds", thresholds).with("color", object{"mode": "thresholds"})
	if most > 0 {
		c = c.with("max", most)
	}
	return c
}

// table shows these columns of queries, which are merged by the labels they have in
// common. none is shown in place of an empty one.
func table(width int, title, description, none string, columns ...column) panel {
	p := newPanel("table", width, title, description, "none").
		with("noValue", none).
		with("color", object{"mode": "thresholds"}).
		with("thresholds", colored(plain)).
		with("custom", object{"align": "left", "cellOptions": object{"type": "auto"}, "inspect": false, "filterable": false})
	var fields []string
	order := object{}
	for n, c := range columns {
		fields = append(fields, c.field)
		order[c.field] = n
		p = p.where(c.field, c.properties...)
	}
	p.Transformations = []transformation{
		{"merge", object{}},
		{"filterFieldsByName", object{"include": object{"names": fields}}},
		{"organize", object{"indexByName": order, "excludeByName": object{}, "renameByName": object{}}},
	}
	p.Options = object{"showHeader": true, "cellHeight": "sm", "footer": object{"show": false, "reducer": []string{"sum"}, "countRows": false, "fields": ""}}
	return p
}

// sorted sorts by columns, by their titles: those with a minus from the most down.
func (p panel) sorted(titles ...string) panel {
	var by []object
	for _, title := range titles {
		by = append(by, object{"displayName": strings.TrimPrefix(title, "-"), "desc": strings.HasPrefix(title, "-")})
	}
	p.Options["sortBy"] = by
	return p
}

// choose links a column's values to the inventory with only one org.
func (c column) choose(variable, field string) column {
	return c.with("links", []object{{
		"title": "Only this " + variable,
		"url": fmt.Sprintf("/d/%s?${datasource:queryparam}&${job:queryparam}&${instance:queryparam}&${type:queryparam}&${__url_time_range}&var-%s=${__data.fields.%s}",
			inventoryUID, variable, field),
	}})
}
