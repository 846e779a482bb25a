package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
)

// report prints what was measured as Markdown.
func (b *bench) report(out io.Writer, command string) {
	fmt.Fprintf(out, "`%s` on %s, %d cores, %s %s/%s.\n", command, cpuModel(), runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	fmt.Fprintf(out, "%s connections; the exposition takes %s, compressed %s.\n\n",
		thousands(b.size), memory(int64(b.results.shown.plain)), memory(int64(b.results.shown.compressed)))

	fmt.Fprintln(out, "| Goal | ours | beside | measured | should be | met |")
	fmt.Fprintln(out, "| --- | ---: | ---: | ---: | ---: | --- |")
	for _, g := range b.results.goals() {
		met := "no"
		if g.met {
			met = "yes"
		}
		fmt.Fprintf(out, "| %s | %s | %s | %s | %s | %s |\n", g.what, g.ours, g.beside, g.ratio, g.should, met)
	}
	b.reportTimes(out)
}

// reportTimes prints what the goals were made of.
func (b *bench) reportTimes(out io.Writer) {
	r := b.results
	fmt.Fprintln(out, "\n| Times | rounds | median | least | CPU, mean |")
	fmt.Fprintln(out, "| --- | ---: | ---: | ---: | ---: |")
	for _, line := range []struct {
		what string
		figures
	}{
		{"warm scrape, static", r.warm.static},
		{"warm scrape, ours, beside static", r.warm.oursByStatic},
		{"warm scrape, naive", r.warm.naive},
		{"warm scrape, ours, beside naive", r.warm.oursByNaive},
		{"download", r.cold.download},
		{"cold refresh and scrape, naive", r.cold.naive},
		{"cold refresh and scrape, ours", r.cold.ours},
		{"download, API late", r.late.download},
		{"cold refresh and scrape, API late, ours", r.late.ours},
		{"warm scrape, ours, beside the large account", r.growth.warmSmall},
		{"warm scrape, ours, large account", r.growth.warmLarge},
		{"cold refresh and scrape, ours, beside the large account", r.growth.coldSmall},
		{"cold refresh and scrape, ours, large account", r.growth.coldLarge},
	} {
		used := "" // the download is none of the processes
		if line.cpu > 0 {
			used = cpu(line.figures).String()
		}
		fmt.Fprintf(out, "| %s | %d | %s | %s | %s |\n", line.what, len(line.times),
			span(line.figures), duration(line.least().Seconds()), used)
	}
}

// cpuModel is what the kernel calls the processor.
func cpuModel() string {
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "an unknown processor"
	}
	defer file.Close() //nolint:errcheck // it was only read
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if key, value, _ := strings.Cut(lines.Text(), ":"); strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "an unknown processor"
}
