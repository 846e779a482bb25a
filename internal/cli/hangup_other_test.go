//go:build !unix

package cli

import "testing"

// hangUp ends the test where no process can be sent a SIGHUP.
func hangUp(t *testing.T) {
	t.Helper()
	t.Skip("there is no SIGHUP to send here")
}
