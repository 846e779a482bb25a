// Command bench measures the exporter beside its peers and prints, as a Markdown table, their ratios and the goals:
//
//   - naive is an exporter as somebody would write it in an afternoon with the official client: it lists page after page,
//     and makes and encodes all metrics anew for every scrape;
//   - static sends the exporter's own compressed exposition from memory: the lower bound of a scrape;
//   - download reads the API's pages, four at once, and discards them: the lower bound of a refresh.
//
// All but the download are processes of their own, and each peer has a simulated API of its own, which encodes its pages
// before it listens. In a comparison the peers run in turn, round after round, so that what else the machine does meets
// all of them. Medians are compared; CPU time is a mean.
// Before a refresh is timed, the org that takes part in all connections is renamed, which changes every row of the API
// and most series: nothing of the listing before can be used again. The exposition must then show the new name and every
// connection. Both exporters must show the same series. Scrapes send Prometheus' Accept header, read the compressed
// answer and do not decompress it. The peak of memory is that of resident memory while scrapes come at once.
// Run it with "go run ./bench" in the module e2e. It needs Linux, for /proc, and the go command, which builds the exporters.
//
// comparison.go has the rows of the table and compares, peer.go starts the peers and takes samples of them, servers.go has
// static and the simulated API, as which this program starts itself again.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) > 1 && servers[os.Args[1]] != nil {
		log.Fatal(servers[os.Args[1]](os.Args[2:]))
	}
	connections := flag.Int("connections", 10_000, "Connections of the account. The large account has ten times as many.")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *connections)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

// bench is one run of the benchmark.
type bench struct {
	dir     string // for the exporters
	running sync.WaitGroup
}

// run builds the exporters, compares and prints the table. It logs what the ratios are made of.
func run(ctx context.Context, connections int) error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is a temporary directory
	b := &bench{dir: dir}
	log.Printf("%d cores, %s", runtime.NumCPU(), runtime.Version())
	sizes, err := b.build(ctx)
	if err != nil {
		return err
	}
	table := "| | this exporter | beside it | ratio | goal |\n| --- | ---: | ---: | ---: | ---: |\n"
	for _, c := range comparisons(connections) {
		rows, err := b.compare(ctx, c)
		if err != nil {
			return fmt.Errorf("%s: %w", c.what, err)
		}
		table += rows
	}
	_, err = fmt.Fprint(os.Stdout, table, goal{atMost: 1}.row("binary", naive, mebibytes, sizes[0], sizes[1], ""))
	return err
}

// build builds the exporters as the Makefile does, but for the version, and returns their sizes in bytes.
func (b *bench) build(ctx context.Context) (sizes [2]float64, err error) {
	for i, program := range []struct{ name, dir, pkg string }{{ours, "..", "."}, {naive, ".", "./bench/naive"}} {
		file := filepath.Join(b.dir, program.name)
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", file, program.pkg)
		cmd.Dir = program.dir
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return sizes, fmt.Errorf("build %s: %w\n%s", program.name, err, out)
		}
		info, err := os.Stat(file)
		if err != nil {
			return sizes, err
		}
		sizes[i] = float64(info.Size())
	}
	return sizes, nil
}
