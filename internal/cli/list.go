package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/report"
)

// list prints the inventory.
type list struct {
	lister              *lister
	format              string
	source, sink, types []string
}

func addList(app *kingpin.Application) command {
	clause := app.Command("list", `List the connections: who shares what with whom.

  list                                   a table, with what may go wrong
  list --source='Payments *' --type=audit
  list -o json > yesterday.json          to compare with later: diff
  list -o dot | dot -Tsvg > orgs.svg     a picture of the topology

Exit status: 0 all is there, or all that the filters select; 2 not all could be listed (what could is shown).`)
	l := &list{lister: addLister(clause)}
	addOutput(clause, &l.format, "table", "json", "csv", "dot", "mermaid")
	clause.Flag("source", "Only connections from this org: its UUID, its name, or a glob over names. Repeatable.").
		PlaceHolder("ORG").StringsVar(&l.source)
	clause.Flag("sink", "Only connections to this org: its UUID, its name, or a glob over names. Repeatable.").
		PlaceHolder("ORG").StringsVar(&l.sink)
	clause.Flag("type", "Only connections that share this type of telemetry. Repeatable.").
		PlaceHolder("TYPE").StringsVar(&l.types)
	return l
}

func (l *list) run(ctx context.Context, io streams) error {
	filter, err := report.NewFilter(l.source, l.sink, l.types)
	if err != nil {
		return err
	}
	view, err := l.lister.list(ctx, io)
	if err != nil {
		return err
	}
	now := time.Now()
	if err := l.write(io.out, report.NewDocument(view, now).Select(filter), now); err != nil {
		return fmt.Errorf("write the list: %w", err)
	}
	// A filtered listing is what was asked for.
	view.Gaps = slices.DeleteFunc(view.Gaps, func(g inventory.Gap) bool { return g.Reason == inventory.Filtered })
	return view.Incomplete()
}

func (l *list) write(to io.Writer, document report.Document, now time.Time) error {
	switch l.format {
	case "json":
		return report.WriteJSON(to, document)
	case "csv":
		return report.WriteCSV(to, document)
	case "dot":
		return report.WriteDOT(to, document)
	case "mermaid":
		return report.WriteMermaid(to, document)
	}
	return report.WriteTable(to, document, report.TableOptions{Color: colored(to), Now: now})
}

// colored reports whether to use colours (https://no-color.org).
func colored(to io.Writer) bool { return os.Getenv("NO_COLOR") == "" && isTerminal(to) }
