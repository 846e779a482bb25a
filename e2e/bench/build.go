package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// programs are the paths of those that take part.
type programs struct{ ours, naive, static, api string }

// build makes the programs, all as the Makefile makes the exporter but for the version
// that is written into it. It runs in the module e2e.
func build(ctx context.Context, into string) (programs, error) {
	made := programs{
		ours:   filepath.Join(into, "datadog_org_connections_exporter"),
		naive:  filepath.Join(into, "naive"),
		static: filepath.Join(into, "static"),
		api:    filepath.Join(into, "api"),
	}
	if err := goBuild(ctx, "..", made.ours, "."); err != nil {
		return programs{}, err
	}
	return made, goBuild(ctx, ".", into, "./bench/naive", "./bench/static", "./bench/api")
}

func goBuild(ctx context.Context, dir, into string, packages ...string) error {
	args := append([]string{"build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", into}, packages...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the programs to compare, in %s: %v: %w\n%s", dir, cmd.Args, err, out)
	}
	return nil
}
