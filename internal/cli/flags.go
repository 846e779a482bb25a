package cli

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/model"
)

// flagGroup is what flags are added to: the application or a command.
type flagGroup interface {
	Flag(name, help string) *kingpin.FlagClause
}

// flagValue is the value of a flag. Its errors name the flag: the value may come
// from the environment, and kingpin does not name the flag then.
type flagValue[T any] struct {
	flag   string
	target *T
	parse  func(text string) (T, error)
}

// Set implements [kingpin.Value].
func (v flagValue[T]) Set(text string) error {
	parsed, err := v.parse(text)
	if err != nil {
		return fmt.Errorf("--%s: %q %w", v.flag, text, err)
	}
	*v.target = parsed
	return nil
}

// String implements [kingpin.Value].
func (v flagValue[T]) String() string { return fmt.Sprint(*v.target) }

// addDuration adds a flag for a duration above zero. It may have the units d, w and y, as
// those of Prometheus.
func addDuration(group flagGroup, target *time.Duration, name string, preset time.Duration, help string) {
	group.Flag(name, help).Default(formatDuration(preset)).SetValue(flagValue[time.Duration]{name, target, func(text string) (time.Duration, error) {
		d, err := time.ParseDuration(text)
		if err != nil {
			var parsed model.Duration
			parsed, err = model.ParseDuration(text)
			d = time.Duration(parsed)
		}
		if err != nil || d <= 0 {
			return 0, errors.New("is not a duration above zero, such as 30s, 5m, 1h30m or 7d")
		}
		return d, nil
	}})
}

// formatDuration returns a whole number of days as such, which Go does not.
func formatDuration(d time.Duration) string {
	if day := 24 * time.Hour; d >= 2*day && d%day == 0 {
		return strconv.Itoa(int(d/day)) + "d"
	}
	return d.String()
}

// addInt adds a flag for a whole number above zero.
func addInt(group flagGroup, target *int, name string, preset int, help string) {
	group.Flag(name, help).Default(strconv.Itoa(preset)).SetValue(flagValue[int]{name, target, func(text string) (int, error) {
		n, err := strconv.Atoi(text)
		if err != nil || n <= 0 {
			return 0, errors.New("is not a whole number above zero")
		}
		return n, nil
	}})
}

// addEnum adds a flag for one of a few words.
func addEnum(group flagGroup, target *string, name, preset, help string, words ...string) *kingpin.FlagClause {
	clause := group.Flag(name, help).Default(preset).HintOptions(words...)
	clause.SetValue(flagValue[string]{name, target, func(text string) (string, error) {
		return text, oneOf(text, words)
	}})
	return clause
}

// oneOf returns an error unless the text is one of the words.
func oneOf(text string, words []string) error {
	if !slices.Contains(words, text) {
		return fmt.Errorf("is not one of %s", strings.Join(words, ", "))
	}
	return nil
}

// addOutput adds the flag for the format of a command's output. The first format is
// the default.
func addOutput(group flagGroup, target *string, formats ...string) {
	last := len(formats) - 1
	help := fmt.Sprintf("Format: %s or %s.", strings.Join(formats[:last], ", "), formats[last])
	addEnum(group, target, "output", formats[0], help, formats...).Short('o')
}
