package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"datadog_org_connections_exporter/internal/policy"
	"datadog_org_connections_exporter/internal/yamlcheck"
)

// baseline writes a policy that allows what the inventory holds.
type baseline struct {
	lister *lister
	merge  string
}

func addBaseline(app *kingpin.Application) command {
	clause := app.Command("baseline", `Write a policy that allows exactly what is there now, to standard output.

  baseline > policy.yml                     begin with what is there
  baseline --merge=policy.yml > new.yml     keep what a person wrote, add what is new

Exit status: 0 written, 2 nothing is written because not all could be listed, or a filter hides a part.`)
	b := &baseline{lister: addLister(clause)}
	clause.Flag("merge", "A policy to keep to the letter, and to add what no rule of it allows.").
		PlaceHolder("FILE").StringVar(&b.merge)
	return b
}

func (b *baseline) run(ctx context.Context, io streams) error {
	var base []byte
	if b.merge != "" {
		var err error
		if base, err = yamlcheck.ReadFile(b.merge); err != nil {
			return fmt.Errorf("read the policy to merge: %w", err)
		}
	}
	view, err := b.lister.list(ctx, io)
	if err != nil {
		return err
	}
	if gaps := view.Incomplete(); gaps != nil {
		return fmt.Errorf("nothing is written, because a baseline of a part would make the rest unexpected: %w", gaps)
	}
	text := policy.Baseline(view.Snapshot)
	if b.merge != "" {
		if text, err = policy.Merge(b.merge, base, view.Snapshot, time.Now()); err != nil {
			return err
		}
	}
	_, err = io.out.Write(text)
	return err
}
