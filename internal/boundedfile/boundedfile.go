// Package boundedfile reads files that people name: keys, configurations, policies.
// Whatever the path leads to, reading it neither blocks for long nor fills the memory.
package boundedfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

// maxWait bounds the wait for what a pipe or a terminal delivers. A command that asks a
// password store, as in --datadog.api-key-file=<(pass show datadog), needs a second or two.
const maxWait = 5 * time.Second

// Read returns the content of a file of at most limit bytes, a whole number of KiB. It
// reads a pipe until its end, 5 s at most; a FIFO that nobody writes to is empty. On
// macOS only regular files and FIFOs are bound in time: a pipe in /dev/fd is not.
//
// Errors contain the path.
func Read(path string, limit int) ([]byte, error) { return read(path, limit, maxWait) }

func read(path string, limit int, wait time.Duration) ([]byte, error) {
	// With O_NONBLOCK, opening a FIFO does not wait for a writer.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	// Fails for files whose reads do not wait, such as regular ones.
	_ = file.SetReadDeadline(time.Now().Add(wait))
	content, err := io.ReadAll(io.LimitReader(file, int64(limit)+1))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, fmt.Errorf("%s: no end of file within %v", path, wait)
	case err != nil:
		return nil, err
	case len(content) > limit:
		return nil, fmt.Errorf("%s: the file is larger than %s", path, size(limit))
	}
	return content, nil
}

func size(bytes int) string {
	if bytes%(1<<20) == 0 {
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%d KiB", bytes>>10)
}
