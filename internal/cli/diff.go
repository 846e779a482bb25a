package cli

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"datadog_org_connections_exporter/internal/report"
)

// diff compares the inventory with an earlier one.
type diff struct {
	lister *lister
	before string
	format string
}

func addDiff(app *kingpin.Application) command {
	clause := app.Command("diff", `Report what has changed since an earlier "list -o json".

  list -o json > yesterday.json
  diff yesterday.json

The filters --source, --sink and --type of that list are used again.

  + added, or discovered: there before, but no org was listed that would have shown it
  - removed
  ~ widened, narrowed, renamed, or about to be deleted with its creator
  ? out of sight: the orgs that showed it are no longer listed; this is no change

Exit status: 0 nothing has changed, 1 something has, 2 unknown: not all could be listed, or a filter hides a part.`)
	d := &diff{lister: addLister(clause)}
	clause.Arg("old", "The earlier list, as list -o json wrote it.").Required().StringVar(&d.before)
	addOutput(clause, &d.format, "text", "json")
	return d
}

func (d *diff) run(ctx context.Context, io streams) error {
	before, err := d.read()
	if err != nil {
		return err
	}
	if len(before.Gaps) > 0 {
		gap := before.Gaps[0]
		return fmt.Errorf("nothing is compared: %s is incomplete (org %s: %s), and what it lacks would look added; write a new one with list -o json", d.before, gap.Org, gap.Reason)
	}
	view, err := d.lister.list(ctx, io)
	if err != nil {
		return err
	}
	if gaps := view.Incomplete(); gaps != nil {
		return fmt.Errorf("nothing is compared, because what is not listed would look removed: %w", gaps)
	}
	difference := report.Compare(before, report.NewDocument(view, time.Now()))
	write := difference.WriteText
	if d.format == "json" {
		write = difference.WriteJSON
	}
	if err := write(io.out); err != nil {
		return fmt.Errorf("write the difference: %w", err)
	}
	if difference.Changed() {
		return &exitError{status: exitFindings}
	}
	return nil
}

func (d *diff) read() (report.Document, error) {
	file, err := os.Open(d.before)
	if err != nil {
		return report.Document{}, fmt.Errorf("read the earlier list: %w", err)
	}
	defer file.Close() //nolint:errcheck // it was only read
	document, err := report.Read(file)
	if err != nil {
		return report.Document{}, fmt.Errorf("read the earlier list %s: %w", d.before, err)
	}
	return document, nil
}
