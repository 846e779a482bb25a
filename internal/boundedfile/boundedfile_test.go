package boundedfile

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRead_LimitsTheSize(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for limit, says := range map[int]string{64 << 10: "64 KiB", 4 << 20: "4 MiB"} {
		for _, size := range []int{0, 1, limit} {
			want := bytes.Repeat([]byte("x"), size)
			write(t, path, want)
			if content, err := Read(path, limit); err != nil || !bytes.Equal(content, want) {
				t.Errorf("%d of %d bytes: %d read, %v", size, limit, len(content), err)
			}
		}
		write(t, path, bytes.Repeat([]byte("x"), limit+1))
		wantError(t, path, limit, "file: the file is larger than "+says)
	}
}

func TestRead_OddFiles(t *testing.T) {
	dir := t.TempDir()
	huge := filepath.Join(dir, "huge") // sparse
	write(t, huge, nil)
	if err := os.Truncate(huge, 1<<40); err != nil {
		t.Fatal(err)
	}
	wantError(t, huge, 1<<10, "larger than 1 KiB")
	wantError(t, dir, 1<<10, dir)
	gone := filepath.Join(dir, "gone")
	wantError(t, gone, 1<<10, gone)
	if _, err := Read(gone, 1<<10); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

func wantError(t *testing.T, path string, limit int, says string) {
	t.Helper()
	content, err := Read(path, limit)
	if err == nil || content != nil || !strings.Contains(err.Error(), says) {
		t.Errorf("%s: %d bytes, and the error %v; want %q in it", path, len(content), err, says)
	}
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
