package cli

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"datadog_org_connections_exporter/internal/policy"
)

// baseline writes a policy that allows what is there now.
type baseline struct {
	once  *once
	merge string
}

func addBaseline(app *kingpin.Application) command {
	clause := app.Command("baseline", `Write a policy that allows exactly what is there now, to standard output.

  baseline > policy.yml                     begin with what is there
  baseline --merge=policy.yml > new.yml     keep what a person wrote, add what is new

Exit status: 0 written, 2 nothing is written because not all could be listed.`)
	b := &baseline{once: addOnce(clause)}
	clause.Flag("merge", "A policy to keep to the letter, and to add what no rule of it allows.").
		PlaceHolder("FILE").StringVar(&b.merge)
	return b
}

func (b *baseline) run(ctx context.Context, io streams) error {
	text, err := b.write(ctx, io)
	if err != nil {
		return unknown(err)
	}
	_, err = io.out.Write(text)
	return unknown(err)
}

func (b *baseline) write(ctx context.Context, io streams) ([]byte, error) {
	var before []byte
	if b.merge != "" {
		var err error
		if before, err = os.ReadFile(b.merge); err != nil {
			return nil, fmt.Errorf("read the policy to merge: %w", err)
		}
	}
	view, gaps, err := b.once.list(ctx, io)
	if err != nil {
		return nil, err
	}
	if gaps != nil {
		return nil, fmt.Errorf("nothing is written, for a baseline of a part would make the rest unexpected: %w", gaps)
	}
	if b.merge == "" {
		return policy.Baseline(view.Snapshot), nil
	}
	return policy.Merge(b.merge, before, view.Snapshot, time.Now())
}
