package main

import (
	"context"
	"fmt"
	"io"
	"time"
)

// bench is one run.
type bench struct {
	programs programs
	dir      string // for files
	size     int    // connections of the ordinary account
	rounds   int
	atMost   time.Duration // for one comparison, unless its first rounds take longer
	progress io.Writer

	started []*process
	results results

	// Every exporter has an API of its own, because it changes the account for itself.
	small, late, large, naives *api
}

// results are what the goals are about.
type results struct {
	shown struct { // of the ordinary account, in bytes
		plain, compressed int
	}
	warm struct{ static, oursByStatic, naive, oursByNaive figures }
	cold struct{ download, naive, ours figures }
	late struct{ download, ours figures }
	// Peaks of memory are those of some scrapes at once.
	crowd  struct{ naive, ours crowd }
	growth struct{ warmSmall, warmLarge, coldSmall, coldLarge figures }
	large  struct{ some, many crowd }
	binary struct{ naive, ours int64 }
}

// run measures everything, one after the other: nothing but those who take turns is to
// be at work.
func (b *bench) run(ctx context.Context) error {
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"Building", b.build},
		{"Drawing the simulated accounts", b.startAPIs},
		{"Warm scrapes", b.warm},
		{"Cold refreshes and scrapes", b.cold},
		{"The same with latency", b.coldAndLate},
		{"Some scrapes at once while refreshing", b.crowded},
		{"The large account", b.grown},
		{"Scrapes of the large account at once while refreshing", b.crowdedLarge},
	} {
		began := time.Now()
		fmt.Fprintf(b.progress, "%s…", step.what)
		err := step.do(ctx)
		fmt.Fprintf(b.progress, " %.1fs\n", time.Since(began).Seconds())
		if err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return nil
}
