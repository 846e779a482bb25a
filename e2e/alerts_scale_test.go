package e2e

import (
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/common/model"
)

// faster is how many times faster than deployed time passes in a stack: a minute
// is a second, which scrapes and rules have for an interval. All times of rules, of
// Alertmanager, of Prometheus and of the exporter that have a say are cut by it, so
// that they are to each other what they are where they are deployed.
const faster = 60

// minute is what a deployed one is in a stack.
const minute = time.Minute / faster

// quick is a time as a file or a flag says it, cut.
func quick(t *testing.T, written string) string {
	t.Helper()
	d, err := model.ParseDuration(written)
	if err != nil {
		t.Fatal(err)
	}
	return (d / faster).String()
}

// What is a time in a file of rules: a setting; a range, the step of a subquery, an
// offset; so many minutes or hours that are written as a number of seconds. Days
// written so are dates of the calendar, which stay.
var (
	timeSettings = regexp.MustCompile(`(?m)^(\s*(?:- )?(?:for|keep_firing_for|interval|query_offset): *)(\w+)()$`)
	timeSteps    = regexp.MustCompile(`(\[\w+:)(\w+)(\])`)
	timeRanges   = regexp.MustCompile(`(\[)(\w+)(\]|:)`)
	timeOffsets  = regexp.MustCompile(`(\boffset +-?)(\w+)()`)
	timeNumbers  = regexp.MustCompile(`\b\d+ \* (?:60|3600)\b`)
)

// quickRules cuts all times in a file of rules.
func quickRules(t *testing.T, text string) string {
	t.Helper()
	for _, times := range []*regexp.Regexp{timeSettings, timeSteps, timeRanges, timeOffsets} {
		text = times.ReplaceAllStringFunc(text, func(found string) string {
			part := times.FindStringSubmatch(found)
			return part[1] + quick(t, part[2]) + part[3]
		})
	}
	return timeNumbers.ReplaceAllString(text, "$0 / "+strconv.Itoa(faster))
}
