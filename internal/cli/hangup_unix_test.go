//go:build unix

package cli

import (
	"os"
	"syscall"
	"testing"
)

// hangUp sends this process a SIGHUP, as a person or a service manager would.
func hangUp(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}
