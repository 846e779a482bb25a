package e2e

import (
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/common/model"
)

// speedup is how many times faster time passes than in a deployment: a minute is a
// second, the interval of scrapes and rules. All durations of rules, Alertmanager,
// Prometheus and exporter that matter are divided by it, so that their proportions stay
// the same.
const speedup = 60

// minute is a scaled minute.
const minute = time.Minute / speedup

// scale divides a duration, as written in a file or a flag, by speedup.
func scale(t *testing.T, written string) string {
	t.Helper()
	d, err := model.ParseDuration(written)
	if err != nil {
		t.Fatal(err)
	}
	return (d / speedup).String()
}

// The durations in a rule file: a setting; a range, the step of a subquery, an offset;
// minutes and hours written as a number of seconds. Days written as seconds are calendar
// dates, and are not scaled.
var (
	timeSettings = regexp.MustCompile(`(?m)^(\s*(?:- )?(?:for|keep_firing_for|interval|query_offset): *)(\w+)()$`)
	timeSteps    = regexp.MustCompile(`(\[\w+:)(\w+)(\])`)
	timeRanges   = regexp.MustCompile(`(\[)(\w+)(\]|:)`)
	timeOffsets  = regexp.MustCompile(`(\boffset +-?)(\w+)()`)
	timeNumbers  = regexp.MustCompile(`\b\d+ \* (?:60|3600)\b`)
)

// scaleRules scales all durations in a rule file.
func scaleRules(t *testing.T, text string) string {
	t.Helper()
	for _, times := range []*regexp.Regexp{timeSettings, timeSteps, timeRanges, timeOffsets} {
		text = times.ReplaceAllStringFunc(text, func(found string) string {
			part := times.FindStringSubmatch(found)
			return part[1] + scale(t, part[2]) + part[3]
		})
	}
	return timeNumbers.ReplaceAllString(text, "$0 / "+strconv.Itoa(speedup))
}
