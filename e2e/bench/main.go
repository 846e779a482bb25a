package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := measure(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "\nbench:", err)
		os.Exit(1)
	}
}

// measure does one run and prints it.
func measure(ctx context.Context) error {
	b := &bench{progress: os.Stderr}
	flag.IntVar(&b.size, "connections", 10_000, "Connections of the ordinary account. The large one has ten times as many.")
	flag.IntVar(&b.rounds, "rounds", 11, "How many rounds a comparison takes; those of warm scrapes take more.")
	flag.DurationVar(&b.atMost, "at-most", 12*time.Second, "Time after which a comparison is not given another round.")
	flag.Parse()

	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is only a temporary one
	b.dir = dir
	ctx, end := context.WithCancel(ctx)
	defer b.ended()
	defer end()
	if err := b.run(ctx); err != nil {
		return err
	}
	b.report(os.Stdout, strings.Join(append([]string{"go run ./bench"}, os.Args[1:]...), " "))
	return nil
}
