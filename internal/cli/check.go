package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"

	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/policy"
	"datadog_org_connections_exporter/internal/report"
	"datadog_org_connections_exporter/internal/yamlcheck"
)

// check reports how the inventory differs from a policy.
type check struct {
	lister     *lister
	policyFile string
	format     string
	risks      bool
}

func addCheck(app *kingpin.Application) command {
	clause := app.Command("check", `Check the connections against a policy: reports what is unexpected, what is missing, and which rules have expired.

  check --policy.file=policy.yml
  check --policy.file=policy.yml --risks -o github     in a workflow
  check --policy.file=policy.yml -o sarif > connections.sarif

Exit status: 0 all is as expected, 1 there are findings, 2 unknown: not all could be listed, or a filter hides a part.`)
	c := &check{lister: addLister(clause)}
	clause.Flag("policy.file", "Policy file with the connections that are expected.").
		PlaceHolder("FILE").StringVar(&c.policyFile)
	clause.Flag("risks", "Report risks too: creators that are people or disabled, sinks that share more widely, sources near the limit of five sinks.").
		BoolVar(&c.risks)
	addOutput(clause, &c.format, "text", "json", "github", "sarif")
	return c
}

func (c *check) run(ctx context.Context, io streams) error {
	rules, err := c.rules(io)
	if err != nil {
		return err
	}
	view, err := c.lister.list(ctx, io)
	if err != nil {
		return err
	}
	findings := c.findings(rules, view)
	if err := c.write(io.out, findings); err != nil {
		return fmt.Errorf("write the findings: %w", err)
	}
	gaps := view.Incomplete()
	switch {
	case gaps != nil:
		return fmt.Errorf("there may be more findings: %w", gaps)
	case len(findings) > 0:
		return &exitError{status: exitFindings}
	case c.format == "text":
		fmt.Fprintf(io.err, "All is as expected: %d connections.\n", len(view.Snapshot.Connections))
	}
	return nil
}

// rules returns the policy; nil where only risks are asked for.
func (c *check) rules(io streams) (*policy.Policy, error) {
	if c.policyFile == "" {
		if c.risks {
			return nil, nil
		}
		return nil, fmt.Errorf("there is nothing to check against: write --policy.file=FILE, or --risks; %s baseline makes a first policy", programName)
	}
	content, err := yamlcheck.ReadFile(c.policyFile)
	if err != nil {
		return nil, fmt.Errorf("read the policy: %w", err)
	}
	rules, err := policy.Parse(c.policyFile, content)
	if err != nil {
		return nil, err
	}
	for _, warning := range rules.Warnings {
		fmt.Fprintln(io.err, "warning:", warning)
	}
	return rules, nil
}

func (c *check) findings(rules *policy.Policy, view inventory.View) []report.Finding {
	findings := []report.Finding{}
	if rules != nil {
		findings = report.PolicyFindings(rules.Judge(view.Snapshot, view.Complete(), time.Now()))
	}
	if c.risks {
		findings = append(findings, report.RiskFindings(view.Snapshot)...)
	}
	return findings
}

func (c *check) write(to io.Writer, findings []report.Finding) error {
	switch c.format {
	case "json":
		return report.WriteFindingsJSON(to, findings)
	case "github":
		return report.WriteFindingsGitHub(to, c.policyFile, findings)
	case "sarif":
		return report.WriteFindingsSARIF(to, programName, version.Version, c.policyFile, findings)
	}
	return report.WriteFindingsText(to, findings)
}
