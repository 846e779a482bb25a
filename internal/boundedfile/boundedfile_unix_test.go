//go:build unix

package boundedfile

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestRead_EndlessDevice(t *testing.T) {
	wantError(t, "/dev/zero", 64<<10, "/dev/zero: the file is larger than 64 KiB")
}

func TestRead_FIFOWithoutWriterIsEmpty(t *testing.T) {
	path := makeFIFO(t)
	if content, err := Read(path, 1<<10); err != nil || len(content) > 0 {
		t.Errorf("%q, %v", content, err)
	}
}

func TestRead_FIFOWithSilentWriter(t *testing.T) {
	path := makeFIFO(t)
	// O_RDWR does not wait for a reader.
	writer, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	if content, err := read(path, 1<<10, time.Millisecond); err == nil || content != nil || !strings.Contains(err.Error(), path) {
		t.Errorf("%q, %v", content, err)
	}
}

// A shell's <(command) is a pipe that is named by its descriptor.
func TestRead_PipeUntilItsEnd(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	go func() {
		defer w.Close()
		_, _ = w.WriteString("two ")
		_, _ = w.WriteString("parts")
	}()
	if content, err := Read(fmt.Sprintf("/dev/fd/%d", r.Fd()), 1<<10); err != nil || string(content) != "two parts" {
		t.Errorf("%q, %v", content, err)
	}
}

func makeFIFO(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
