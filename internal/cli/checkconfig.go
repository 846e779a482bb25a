package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"datadog_org_connections_exporter/internal/config"
	"datadog_org_connections_exporter/internal/policy"
	"datadog_org_connections_exporter/internal/yamlcheck"
)

// checkConfig validates files without starting the exporter.
type checkConfig struct{ configFile, policyFile string }

func addCheckConfig(app *kingpin.Application) command {
	clause := app.Command("check-config", "Check a configuration file, a policy file or both without starting: prints every mistake in them, and fails if there is one.")
	c := &checkConfig{}
	clause.Arg("file", "The configuration file.").StringVar(&c.configFile)
	clause.Flag("policy.file", "The policy file.").PlaceHolder("FILE").StringVar(&c.policyFile)
	return c
}

func (c *checkConfig) run(_ context.Context, io streams) error {
	if c.configFile == "" && c.policyFile == "" {
		return fmt.Errorf("there is nothing to check: write %s check-config FILE, or check-config --policy.file=FILE", programName)
	}
	return errors.Join(c.checkOrgs(io), c.checkRules(io))
}

func (c *checkConfig) checkOrgs(io streams) error {
	if c.configFile == "" {
		return nil
	}
	loaded, err := config.Load(c.configFile)
	if err != nil {
		return err
	}
	io.valid(c.configFile, loaded.Warnings, "orgs", len(loaded.Orgs))
	if names := withoutID(loaded.Orgs); len(names) > 0 {
		fmt.Fprintf(io.out, "orgs without org_id: %s; whose credentials they have is inferred from their connections, and the log suggests the line to add\n", strings.Join(names, ", "))
	}
	return nil
}

// withoutID returns the names of the orgs without an org_id.
func withoutID(orgs []config.Org) (names []string) {
	for _, o := range orgs {
		if o.OrgID == "" {
			names = append(names, o.Name)
		}
	}
	return names
}

func (c *checkConfig) checkRules(io streams) error {
	if c.policyFile == "" {
		return nil
	}
	content, err := yamlcheck.ReadFile(c.policyFile)
	if err != nil {
		return fmt.Errorf("read the policy: %w", err)
	}
	loaded, err := policy.Parse(c.policyFile, content)
	if err != nil {
		return err
	}
	io.valid(c.policyFile, loaded.Warnings, "rules", len(loaded.Rules))
	return nil
}

// valid reports that a file is valid, after its warnings.
func (io streams) valid(file string, warnings []string, what string, count int) {
	for _, warning := range warnings {
		fmt.Fprintln(io.err, "warning:", warning)
	}
	fmt.Fprintf(io.out, "%s is valid: %s: %d\n", file, what, count)
}
