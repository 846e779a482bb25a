package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"datadog_org_connections_exporter/datadog/fake"
)

// The programs that peers run.
const ours, naive, static, download = "exporter", "naive", "static", "download"

// peer is what takes part in a comparison. The first fields say what it is and does, the others are set by start.
type peer struct {
	program     string
	connections int           // of its API
	latency     time.Duration // of its API
	refresh     bool          // every scrape needs a refresh
	burst       int           // concurrent scrapes during a refresh; the peak of memory is measured then

	process
	api         process
	hub         string    // name of the org that takes part in all connections, once it was renamed
	scraped     time.Time // end of the last scrape: the listing is at least as old
	contentType string
	body        bytes.Buffer // compressed answer to the last scrape; reused, as Prometheus does

	sample  func(context.Context) (float64, error) // takes a sample, in seconds, or in bytes for a burst
	samples []float64                              // sorted
	cpu     float64                                // seconds per sample
	failed  atomic.Int64                           // scrapes of bursts
}

func (p *peer) median() float64 { return p.samples[len(p.samples)/2] }

// refreshTTL is how long the exporters cache a listing where scrapes need a refresh: long enough for concurrent scrapes to
// share it, short enough to wait for its end.
const refreshTTL = time.Second

// start starts a peer and its API, or for static the exporter. Exporters are scraped, so that they have a listing.
func (b *bench) start(ctx context.Context, p *peer) (err error) {
	if p.program == static {
		p.sample = timed(p.scrape)
		exporter := &peer{program: ours, connections: p.connections}
		if err := b.start(ctx, exporter); err != nil {
			return err
		}
		p.process, err = b.exec(ctx, os.Args[0], static, exporter.url)
		return err
	}
	if p.api, err = b.exec(ctx, os.Args[0], "api", fmt.Sprint(p.connections), fmt.Sprint(p.latency.Nanoseconds())); err != nil {
		return err
	}
	ttl := refreshTTL
	switch {
	case p.program == download:
		p.sample = timed(p.download)
		return nil
	case p.burst > 0:
		p.sample = p.sampleBurst
	case p.refresh:
		p.sample = p.sampleRefresh
	default:
		p.sample, ttl = timed(p.scrape), time.Hour
	}
	args := []string{"serve", "--web.listen-address=127.0.0.1:0", "--datadog.api-url=" + p.api.url, "--cache.ttl=" + ttl.String()}
	if p.program == naive {
		args = []string{"-listen-address=127.0.0.1:0", "-api-url=" + p.api.url, "-ttl=" + ttl.String()}
	}
	if p.process, err = b.exec(ctx, filepath.Join(b.dir, p.program), args...); err != nil {
		return err
	}
	if err := p.scrape(ctx); err != nil {
		return err
	}
	return p.check()
}

// timed returns a sampler of the time that run takes.
func timed(run func(context.Context) error) func(context.Context) (float64, error) {
	return func(ctx context.Context) (seconds float64, err error) {
		began := time.Now()
		err = run(ctx)
		return time.Since(began).Seconds(), err
	}
}

// sampleRefresh samples the time of a scrape that needs a refresh.
func (p *peer) sampleRefresh(ctx context.Context) (seconds float64, err error) {
	if err := p.expire(ctx); err != nil {
		return 0, err
	}
	if seconds, err = timed(p.scrape)(ctx); err == nil {
		err = p.check()
	}
	return seconds, err
}

// sampleBurst scrapes concurrently during a refresh and returns the peak of memory, in bytes. A scrape fails if it is not
// answered within 30 seconds, three times Prometheus' default, or if the answer is a tenth shorter than the one before.
func (p *peer) sampleBurst(ctx context.Context) (peak float64, err error) {
	if err := errors.Join(p.scrape(ctx), p.expire(ctx), p.resetPeak()); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var scrapes sync.WaitGroup
	for range p.burst {
		scrapes.Go(func() {
			_, size, err := do(ctx, http.MethodGet, p.url+"/metrics", io.Discard)
			if err != nil || size < int64(p.body.Len())*9/10 {
				p.failed.Add(1)
			}
		})
	}
	scrapes.Wait()
	p.scraped = time.Now()
	return p.peak()
}

// expire waits until the listing is older than refreshTTL, and renames the hub.
func (p *peer) expire(ctx context.Context) error {
	if err := wait(ctx, time.Until(p.scraped.Add(refreshTTL))); err != nil {
		return err
	}
	var name strings.Builder
	_, _, err := do(ctx, http.MethodPost, p.api.url+"/rename", &name)
	p.hub = name.String()
	return err
}

// check returns an error if the last scrape does not show all connections, or not the hub's name.
func (p *peer) check() error {
	text, err := p.text()
	if err != nil {
		return err
	}
	if shown := bytes.Count(text, []byte("\ndatadog_org_connection_info{")); shown != p.connections {
		return fmt.Errorf("shows %d of %d connections", shown, p.connections)
	}
	if !bytes.Contains(text, []byte(p.hub)) {
		return fmt.Errorf("does not show the new name, %s: not refreshed", p.hub)
	}
	return nil
}

// text returns what the last scrape got, decompressed.
func (p *peer) text() ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(p.body.Bytes()))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(reader)
}

var shared = regexp.MustCompile(`(?m)^datadog_org_(connections|connection_info|connection_created_timestamp_seconds|info){.*`)

// checkSame returns an error if the last scrape differs from other's in the metrics that both exporters have.
func (p *peer) checkSame(other *peer) error {
	surplus := map[string]int{} // of p, by series
	for e, n := range map[*peer]int{p: 1, other: -1} {
		text, err := e.text()
		if err != nil {
			return err
		}
		log.Printf("%10s: exposition %s, compressed %s", e.program, mebibytes(float64(len(text))), mebibytes(float64(e.body.Len())))
		for _, line := range shared.FindAllString(string(text), -1) {
			surplus[strings.TrimSuffix(line, ".0")] += n // OpenMetrics writes 1 as 1.0
		}
	}
	for line, n := range surplus {
		if n != 0 {
			return fmt.Errorf("%s and %s do not both show %s", p.program, other.program, line)
		}
	}
	return nil
}

// scrape scrapes and keeps the answer.
func (p *peer) scrape(ctx context.Context) error {
	p.body.Reset()
	header, _, err := do(ctx, http.MethodGet, p.url+"/metrics", &p.body)
	p.scraped = time.Now()
	if encoding := header.Get("Content-Encoding"); err == nil && encoding != "gzip" {
		return fmt.Errorf("the exposition is encoded as %q, not gzip", encoding)
	}
	p.contentType = header.Get("Content-Type")
	return err
}

// download reads and discards the pages of a listing: the first, which says how many there are, then four at once.
func (p *peer) download(ctx context.Context) error {
	page := func(ctx context.Context, offset int) error {
		_, _, err := do(ctx, http.MethodGet, p.api.url+fake.Path+"?"+pageQuery(offset), io.Discard)
		return err
	}
	if err := page(ctx, 0); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for offset := pageSize; offset < p.connections; offset += pageSize {
		group.Go(func() error { return page(ctx, offset) })
	}
	return group.Wait()
}

// client keeps connections open, as Prometheus does, and does not decompress.
var client = &http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 128}}

// accept is the Accept header of Prometheus 3.
const accept = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.7," +
	"application/openmetrics-text;version=0.0.1;q=0.6,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.5," +
	"text/plain;version=0.0.4;q=0.4,*/*;q=0.3"

// do sends a request, copies the body of the answer to w and returns header and size. A status other than 200 is an error.
func do(ctx context.Context, method, url string, w io.Writer) (http.Header, int64, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, 0, err
	}
	request.Header = http.Header{"Accept": {accept}, "Accept-Encoding": {"gzip"}}
	response, err := client.Do(request)
	if err != nil {
		return nil, 0, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, 0, fmt.Errorf("%s %s: %s", method, url, response.Status)
	}
	size, err := io.Copy(w, response.Body)
	return response.Header, size, err
}

// process is a program that runs. The zero value is none.
type process struct {
	url string // http:// and the address that it listens on
	pid int
}

// listeningOn matches what all programs log when they listen.
var listeningOn = regexp.MustCompile(`Listening on.* address=(\S+)`)

// exec runs a program until ctx is done, and returns when it listens. If it exits before, its log is printed. Memory is
// limited to 4 GiB, to protect the machine.
func (b *bench) exec(ctx context.Context, program string, args ...string) (p process, err error) {
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", `ulimit -d 4194304 && exec "$0" "$@"`, program}, args...)...)
	cmd.Env = []string{"DD_API_KEY=any", "DD_APP_KEY=any"} // and nothing of this machine's environment
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return p, err
	}
	p.pid = cmd.Process.Pid
	var logged string
	lines := bufio.NewReader(stderr)
	for err == nil && p.url == "" {
		var line string
		line, err = lines.ReadString('\n')
		logged += line
		if found := listeningOn.FindStringSubmatch(line); found != nil {
			p.url = "http://" + found[1]
		}
	}
	b.running.Go(func() {
		rest, _ := io.ReadAll(lines)
		if err := cmd.Wait(); ctx.Err() == nil {
			log.Printf("%s exited: %v\n%s%s", filepath.Base(program), err, logged, rest)
		}
	})
	return p, err
}

// cpuSeconds returns the CPU time used so far, to the nanosecond, from the clock of clock_getcpuclockid(3). It is NaN
// where there is no process.
func (p process) cpuSeconds() float64 {
	var used unix.Timespec
	if p.pid == 0 || unix.ClockGettime(int32(^p.pid<<3|2), &used) != nil {
		return math.NaN()
	}
	return float64(used.Nano()) / 1e9
}

// resetPeak sets the peak of resident memory to what is resident now.
func (p process) resetPeak() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.pid), []byte("5"), 0)
}

// peak returns the peak of resident memory, in bytes.
func (p process) peak() (float64, error) {
	proc, err := procfs.NewProc(p.pid)
	if err != nil {
		return 0, err
	}
	status, err := proc.NewStatus()
	return float64(status.VmHWM), err
}
