package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// Exit statuses besides 0. Of commands that judge, 1 says that there is something
// to see to, and 2 that it could not be told.
const (
	exitFailure  = 1
	exitFindings = 1
	exitUnknown  = 2
)

// exit is an error with the status that scripts go by. Without a cause there is
// nothing to say that has not been said.
type exit struct {
	status int
	cause  error
}

func (e *exit) Error() string {
	if e.cause == nil {
		return fmt.Sprintf("exit status %d", e.status)
	}
	return e.cause.Error()
}

func (e *exit) Unwrap() error { return e.cause }

// unknown makes any error one with the status of what could not be told.
func unknown(err error) error {
	if err == nil {
		return nil
	}
	return &exit{status: exitUnknown, cause: err}
}

// usageError gives the status of a command line that cannot be understood. Those
// who judge must not seem to have found something.
func usageError(args []string, err error) error {
	if slices.ContainsFunc(args, func(arg string) bool { return slices.Contains([]string{"list", "check", "baseline", "diff"}, arg) }) {
		return unknown(err)
	}
	return err
}

// statusOf gives the exit status for what run returned, after telling the person.
func statusOf(err error, stderr io.Writer) int {
	status := exitFailure
	var e *exit
	if errors.As(err, &e) {
		status = e.status
	}
	switch {
	case err == nil:
		return 0
	case e == nil || e.cause != nil:
		fmt.Fprintf(stderr, "%s: error: %v\n", programName, err)
	}
	return status
}
