// Command backfill writes a day of history into a directory of Prometheus's data: every
// series of the exposition on standard input, with its value once a minute until now. With
// promtool, history of thousands of series would be gigabytes of text.
//
//	backfill DIRECTORY JOB INSTANCE
package main

import (
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"os"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/tsdb"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 4 {
		log.Fatal("usage: backfill DIRECTORY JOB INSTANCE")
	}
	if err := backfill(context.Background(), os.Args[1], os.Args[2], os.Args[3]); err != nil {
		log.Fatal(err)
	}
}

func backfill(ctx context.Context, directory, job, instance string) error {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	const day = 24 * time.Hour
	w, err := tsdb.NewBlockWriter(slog.New(slog.DiscardHandler), directory, 2*day.Milliseconds())
	if err != nil {
		return err
	}
	now := time.Now()
	for parser := textparse.NewPromParser(text, labels.NewSymbolTable(), false); ; {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if entry != textparse.EntrySeries {
			continue
		}
		var exposed labels.Labels
		parser.Labels(&exposed)
		_, _, value := parser.Series()
		series := labels.NewBuilder(exposed).Set("job", job).Set("instance", instance).Labels()
		appender := w.Appender(ctx)
		for at := now.Add(-day); at.Before(now); at = at.Add(time.Minute) {
			if _, err := appender.Append(0, series, at.UnixMilli(), value); err != nil {
				return err
			}
		}
		if err := appender.Commit(); err != nil {
			return err
		}
	}
	if _, err := w.Flush(ctx); err != nil {
		return err
	}
	return w.Close()
}
