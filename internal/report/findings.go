package report

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/policy"
)

// Kinds of findings.
const (
	KindUnexpected = "unexpected" // no rule allows the connection
	KindMissing    = "missing"    // a required connection does not exist
	KindExpired    = "expired"    // a rule has expired
	KindRisk       = "risk"       // a connection has a [Risk]
)

// Finding is a violation of the policy, an expired rule, or a risk.
type Finding struct {
	Kind string `json:"kind"`
	// Text is one line for people.
	Text string `json:"text"`
	// Type is the connection type, if the finding is about one.
	Type string `json:"connection_type,omitempty"`
	// Source and Sink are the orgs' ids, if the finding is about connections.
	Source string `json:"source_org_id,omitempty"`
	Sink   string `json:"sink_org_id,omitempty"`
	// Connections are the ids of the connections that the finding is about.
	Connections []string `json:"connection_ids,omitempty"`
	// Risk is the name of a risk, such as [RiskCreatorDisabled].
	Risk string `json:"risk,omitempty"`
	// Rule, Owner and Ticket are those of the rule that the finding is about.
	Rule   string `json:"rule,omitempty"`
	Owner  string `json:"owner,omitempty"`
	Ticket string `json:"ticket,omitempty"`
	// Line of the policy file where that rule begins, 0 if there is no rule.
	Line int `json:"line,omitempty"`
}

// PolicyFindings returns what is unexpected, what is missing, and the rules that have
// expired, in this order.
func PolicyFindings(j policy.Judgement) []Finding {
	findings := []Finding{}
	for _, s := range j.Unexpected {
		text := fmt.Sprintf("%s from %s to %s is allowed by no rule", Escape(s.Type), orgLabel(s.Source), orgLabel(s.Sink))
		var rule policy.Rule
		if s.Expired != nil {
			rule = *s.Expired
			text += fmt.Sprintf(" since %q expired", rule.Name)
		}
		finding := ruleFinding(rule, KindUnexpected, text, s.Type)
		finding.Source, finding.Sink, finding.Connections = s.Source.ID, s.Sink.ID, s.Connections
		findings = append(findings, finding)
	}
	for _, m := range j.Missing {
		text := fmt.Sprintf("%s from %q to %q is required by rule %q and does not exist", Escape(m.Type), m.Source, m.Sink, m.Rule.Name)
		findings = append(findings, ruleFinding(m.Rule, KindMissing, text, m.Type))
	}
	for _, rule := range j.Expired {
		text := fmt.Sprintf("rule %q expired on %s and allows nothing any more", rule.Name, rule.Expires.Format(time.DateOnly))
		findings = append(findings, ruleFinding(rule, KindExpired, text, ""))
	}
	return findings
}

func ruleFinding(rule policy.Rule, kind, text, connectionType string) Finding {
	return Finding{Kind: kind, Text: text, Type: connectionType, Rule: rule.Name, Owner: rule.Owner, Ticket: rule.Ticket, Line: rule.Line}
}

// RiskFindings returns the risks of all connections, in the order of the connections.
func RiskFindings(snapshot *inventory.Snapshot) []Finding {
	findings := []Finding{}
	risks := Risks(snapshot)
	for _, c := range snapshot.Connections {
		source, sink := policy.Org(newOrgRef(snapshot, c.SourceID)), policy.Org(newOrgRef(snapshot, c.SinkID))
		for _, risk := range risks[c.ID] {
			text := fmt.Sprintf("%s from %s to %s: %s", Escape(joined(c.Types)), orgLabel(source), orgLabel(sink), risk.Text)
			findings = append(findings, Finding{Kind: KindRisk, Text: text, Risk: risk.Name, Source: c.SourceID, Sink: c.SinkID, Connections: []string{c.ID}})
		}
	}
	return findings
}

// orgLabel returns the name and the id of an org, escaped.
func orgLabel(org policy.Org) string {
	return fmt.Sprintf("%s (%s)", OrgRef(org).Label(), Escape(cmp.Or(org.ID, "unknown")))
}

// WriteFindingsText writes one line per finding, with the owner and the ticket of its
// rule.
func WriteFindingsText(w io.Writer, findings []Finding) error {
	for _, f := range findings {
		line := fmt.Sprintf("%-10s  %s", f.Kind, f.Text)
		if f.Owner != "" {
			line += "; owner " + Escape(f.Owner)
		}
		if f.Ticket != "" {
			line += "; ticket " + Escape(f.Ticket)
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

// WriteFindingsJSON writes the findings as a list.
func WriteFindingsJSON(w io.Writer, findings []Finding) error { return writeJSON(w, findings) }

// WriteFindingsGitHub writes workflow commands, which GitHub shows as annotations of
// the policy file
// (https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands).
func WriteFindingsGitHub(w io.Writer, file string, findings []Finding) error {
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	message := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	for _, f := range findings {
		location := ""
		if file != "" {
			location = fmt.Sprintf("file=%s,line=%d,", property.Replace(file), max(f.Line, 1))
		}
		_, err := fmt.Fprintf(w, "::%s %stitle=%s::%s\n", level(f.Kind), location, property.Replace("Org connections: "+f.Kind), message.Replace(f.Text))
		if err != nil {
			return err
		}
	}
	return nil
}

// level returns the severity of a kind, by the name that GitHub and SARIF share.
func level(kind string) string {
	switch kind {
	case KindUnexpected, KindMissing:
		return "error"
	}
	return "warning"
}

// WriteFindingsSARIF writes SARIF 2.1.0, which code scanning reads
// (https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html).
func WriteFindingsSARIF(w io.Writer, tool, version, file string, findings []Finding) error {
	type object = map[string]any
	var rules []object
	for _, kind := range []struct{ id, text string }{
		{KindUnexpected, "No rule of the policy allows this org connection."},
		{KindMissing, "A required org connection does not exist."},
		{KindExpired, "A rule of the policy has expired."},
		{KindRisk, "An org connection is at risk, or its data is."},
	} {
		rules = append(rules, object{"id": kind.id, "shortDescription": object{"text": kind.text}})
	}
	results := []object{}
	for _, f := range findings {
		result := object{
			"ruleId": f.Kind, "level": level(f.Kind), "message": object{"text": f.Text},
			// Identifies the finding in later runs. The text cannot: it changes with names.
			"partialFingerprints": object{"finding/v1": strings.Join([]string{f.Kind, f.Source, f.Sink, f.Type, f.Rule, f.Risk}, "|")},
		}
		if file != "" {
			result["locations"] = []object{{"physicalLocation": object{
				"artifactLocation": object{"uri": file}, "region": object{"startLine": max(f.Line, 1)},
			}}}
		}
		results = append(results, result)
	}
	return writeJSON(w, object{
		"$schema": "https://json.schemastore.org/sarif-2.1.0.json",
		"version": "2.1.0",
		"runs": []object{{
			"tool":    object{"driver": object{"name": tool, "version": version, "rules": rules}},
			"results": results,
		}},
	})
}
