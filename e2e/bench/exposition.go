package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
)

// shared are the metrics that the naive exporter has too.
var shared = []string{
	"datadog_org_connections",
	"datadog_org_connection_info",
	"datadog_org_connection_created_timestamp_seconds",
	"datadog_org_info",
}

// inventory is what an exposition shows in the shared metrics: values by series.
type inventory map[string]float64

// inventory reads an answer as Prometheus does.
func (a *answer) inventory() (inventory, error) {
	text, err := a.text()
	if err != nil {
		return nil, err
	}
	parser, err := textparse.New(text, a.contentType, labels.NewSymbolTable(), textparse.ParserOptions{})
	if err != nil {
		return nil, err
	}
	shown := inventory{}
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			return shown, nil
		}
		if err != nil {
			return nil, err
		}
		if entry == textparse.EntrySeries {
			shown.add(parser)
		}
	}
}

func (i inventory) add(parser textparse.Parser) {
	series, _, value := parser.Series()
	for _, metric := range shared {
		if strings.HasPrefix(string(series), metric+"{") {
			var all labels.Labels
			parser.Labels(&all)
			i[all.String()] = value
			return
		}
	}
}

// connections is how many there are.
func (i inventory) connections() int {
	count := 0
	for series := range i {
		if strings.Contains(series, `__name__="datadog_org_connection_info"`) {
			count++
		}
	}
	return count
}

// same tells the first difference.
func (i inventory) same(other inventory) error {
	for series, value := range i {
		if there, found := other[series]; !found || there != value {
			return fmt.Errorf("%s is %v here and %v (%v) there", series, value, there, found)
		}
	}
	if len(i) != len(other) {
		return fmt.Errorf("%d series here, %d there", len(i), len(other))
	}
	return nil
}
