package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
)

// flagGroup is the application or one command: what flags are added to.
type flagGroup interface {
	Flag(name, help string) *kingpin.FlagClause
}

// positiveDuration is the value of a flag that is a time span above zero. Its
// errors name the flag: the value may as well come from the environment, where
// nobody sees which one is meant.
type positiveDuration struct {
	flag string
	to   *time.Duration
}

func (v positiveDuration) Set(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return fmt.Errorf("--%s: %q is not a duration above zero, such as 30s, 5m or 1h30m", v.flag, text)
	}
	*v.to = d
	return nil
}

func (v positiveDuration) String() string { return v.to.String() }

// addDuration adds a flag for a time span above zero.
func addDuration(group flagGroup, to *time.Duration, name string, preset time.Duration, help string) {
	group.Flag(name, help).Default(preset.String()).SetValue(positiveDuration{flag: name, to: to})
}

// positiveInt is the value of a flag that is a whole number above zero.
type positiveInt struct {
	flag string
	to   *int
}

func (v positiveInt) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 {
		return fmt.Errorf("--%s: %q is not a whole number above zero", v.flag, text)
	}
	*v.to = n
	return nil
}

func (v positiveInt) String() string { return strconv.Itoa(*v.to) }

// addInt adds a flag for a whole number above zero.
func addInt(group flagGroup, to *int, name string, preset int, help string) {
	group.Flag(name, help).Default(strconv.Itoa(preset)).SetValue(positiveInt{flag: name, to: to})
}

// choice is the value of a flag that is one of a few words.
type choice struct {
	flag string
	of   []string
	to   *string
}

func (v choice) Set(text string) error {
	if !slices.Contains(v.of, text) {
		return fmt.Errorf("--%s: %q is not one of %s", v.flag, text, strings.Join(v.of, ", "))
	}
	*v.to = text
	return nil
}

func (v choice) String() string { return *v.to }

// addChoice adds a flag for one of a few words.
func addChoice(group flagGroup, to *string, name, preset, help string, of ...string) {
	group.Flag(name, help).Default(preset).HintOptions(of...).SetValue(choice{flag: name, of: of, to: to})
}
