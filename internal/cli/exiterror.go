package cli

import (
	"errors"
	"fmt"
	"io"
)

// Exit statuses besides 0.
const (
	exitFailure  = 1 // of commands that do not judge
	exitFindings = 1 // of those that do: something was found
	exitUnknown  = 2 // of those that do: the answer is not known
)

// exitError is an error with an exit status. Without a cause nothing is printed:
// the command has written its findings already.
type exitError struct {
	status int
	cause  error
}

// Error implements error.
func (e *exitError) Error() string {
	if e.cause == nil {
		return fmt.Sprintf("exit status %d", e.status)
	}
	return e.cause.Error()
}

// Unwrap returns the cause.
func (e *exitError) Unwrap() error { return e.cause }

// statusOf prints what run returned to stderr and returns its exit status.
func statusOf(err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	e := &exitError{status: exitFailure, cause: err}
	errors.As(err, &e)
	if e.cause != nil {
		fmt.Fprintf(stderr, "%s: error: %v\n", programName, err)
	}
	return e.status
}
