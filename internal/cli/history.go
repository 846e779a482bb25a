package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/model"

	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/report"
	"datadog_org_connections_exporter/internal/storage"
)

// history prints what has changed.
type history struct {
	storagePath   string
	format, since string
	changes, orgs []string
}

func addHistory(app *kingpin.Application) command {
	clause := app.Command("history", `Print which connections were added, removed, widened, narrowed or discovered, the latest first, from the state directory of an exporter, which may be running.

  history --storage.path=DIR
  history --storage.path=DIR --since=7d --change=widened --org='Payments *'
  history --storage.path=DIR -o csv > changes.csv

Exit status: 0 printed, 2 the state directory cannot be read.`)
	h := &history{}
	clause.Flag("storage.path", "State directory of the exporter.").PlaceHolder("DIR").Required().StringVar(&h.storagePath)
	clause.Flag("since", "Only changes that happened since: a duration such as 12h, 7d or 2w, a day, or a time such as 2026-03-04T05:06:07Z.").
		PlaceHolder("TIME").StringVar(&h.since)
	clause.Flag("change", "Only changes of this kind: "+strings.Join(changeKinds(), ", ")+". Repeatable.").
		PlaceHolder("KIND").HintOptions(changeKinds()...).StringsVar(&h.changes)
	clause.Flag("org", "Only changes of connections with this org at either end: its UUID, its name, or a glob over names. Repeatable.").
		PlaceHolder("ORG").StringsVar(&h.orgs)
	addOutput(clause, &h.format, "table", "json", "csv")
	return h
}

func changeKinds() []string {
	var kinds []string
	for _, kind := range inventory.ChangeKinds() {
		kinds = append(kinds, string(kind))
	}
	return kinds
}

func (h *history) run(_ context.Context, io streams) error {
	now := time.Now()
	filter, err := h.filter(now)
	if err != nil {
		return err
	}
	state, err := storage.Read(h.storagePath)
	if err != nil {
		return err
	}
	changed := report.NewHistory(&inventory.History{Start: state.Start, Changes: state.Changes}, filter, now)
	if err := h.write(io.out, changed); err != nil {
		return fmt.Errorf("write the history: %w", err)
	}
	return nil
}

func (h *history) filter(now time.Time) (report.HistoryFilter, error) {
	since, err := parseSince(h.since, now)
	if err != nil {
		return report.HistoryFilter{}, fmt.Errorf("--since: %q %w", h.since, err)
	}
	for _, kind := range h.changes {
		if err := oneOf(kind, changeKinds()); err != nil {
			return report.HistoryFilter{}, fmt.Errorf("--change: %q %w", kind, err)
		}
	}
	return report.NewHistoryFilter(since, h.changes, h.orgs)
}

// parseSince returns the time that a duration before now, a day or a time is. An empty
// text is the zero time.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := model.ParseDuration(text); err == nil {
		return now.Add(-time.Duration(d)), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errors.New("is neither a duration such as 12h, 7d or 2w nor a day such as 2026-03-04 nor a time such as 2026-03-04T05:06:07Z")
}

func (h *history) write(to io.Writer, changed report.History) error {
	switch h.format {
	case "json":
		return changed.WriteJSON(to)
	case "csv":
		return changed.WriteCSV(to)
	}
	return changed.WriteTable(to, report.TableOptions{Color: colored(to)})
}
