package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

const repository = "../../.."

func TestGenerate_FilesAreUpToDate(t *testing.T) {
	want, err := generate(os.DirFS(repository))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range want {
		if got, err := os.ReadFile(filepath.Join(repository, name)); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s is not up to date: run make generate (%v)", name, err)
		}
	}
	for _, dir := range []string{chartFiles, monitoring} {
		err := fs.WalkDir(os.DirFS(repository), dir, func(path string, entry fs.DirEntry, err error) error {
			if _, ok := want[path]; err == nil && !entry.IsDir() && !ok {
				t.Errorf("%s has no source: run make generate", path)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}
