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
	KindUnexpected = "unexpected" // no rule allows it
	KindMissing    = "missing"    // a required rule asks for it in vain
	KindExpired    = "expired"    // a rule that no longer counts
	KindRisk       = "risk"       // what the API tells that may go wrong
)

// Finding is one thing to see to.
type Finding struct {
	Kind string `json:"kind"`
	// Text is one line for a person.
	Text string `json:"text"`
	// Type of telemetry, where the finding is about one.
	Type string `json:"connection_type,omitempty"`
	// Source and Sink are the orgs' ids, where the finding is about some.
	Source string `json:"source_org_id,omitempty"`
	Sink   string `json:"sink_org_id,omitempty"`
	// Connections are the ids of those that the finding is about.
	Connections []string `json:"connection_ids,omitempty"`
	// Risk is one of the names of risks, such as [CreatorDisabled].
	Risk string `json:"risk,omitempty"`
	// Rule, Owner and Ticket are those of the rule that the finding is about.
	Rule   string `json:"rule,omitempty"`
	Owner  string `json:"owner,omitempty"`
	Ticket string `json:"ticket,omitempty"`
	// Line of the policy file where that rule begins, 0 where there is none.
	Line int `json:"line,omitempty"`
}

// FindingsOf gives what a judgement finds: what is unexpected, what is missing, and
// rules that have expired, in this order.
func FindingsOf(j policy.Judgement) []Finding {
	findings := []Finding{}
	for _, s := range j.Unexpected {
		text := fmt.Sprintf("%s from %s to %s is allowed by no rule", harmless(s.Type), name(s.Source), name(s.Sink))
		var rule policy.Rule
		if s.Expired != nil {
			rule = *s.Expired
			text += fmt.Sprintf(" since %q expired", rule.Name)
		}
		finding := about(rule, KindUnexpected, text, s.Type)
		finding.Source, finding.Sink, finding.Connections = s.Source.ID, s.Sink.ID, s.Connections
		findings = append(findings, finding)
	}
	for _, m := range j.Missing {
		text := fmt.Sprintf("%s from %q to %q is required by rule %q and is not there", harmless(m.Type), m.Source, m.Sink, m.Rule.Name)
		findings = append(findings, about(m.Rule, KindMissing, text, m.Type))
	}
	for _, rule := range j.Expired {
		text := fmt.Sprintf("rule %q expired on %s and allows nothing any more", rule.Name, rule.Expires.Format(time.DateOnly))
		findings = append(findings, about(rule, KindExpired, text, ""))
	}
	return findings
}

// RiskFindings gives the risks of all connections, in the order of the connections.
func RiskFindings(snapshot *inventory.Snapshot) []Finding {
	findings := []Finding{}
	risks := RisksOf(snapshot)
	for _, c := range snapshot.Connections {
		source := policy.Party{ID: c.SourceID, Name: snapshot.OrgName(c.SourceID)}
		sink := policy.Party{ID: c.SinkID, Name: snapshot.OrgName(c.SinkID)}
		for _, risk := range risks[c.ID] {
			text := fmt.Sprintf("%s from %s to %s: %s", enumerated(harmlessAll(c.Types)), name(source), name(sink), risk.Text)
			findings = append(findings, Finding{Kind: KindRisk, Text: text, Risk: risk.Name, Source: c.SourceID, Sink: c.SinkID, Connections: []string{c.ID}})
		}
	}
	return findings
}

func harmlessAll(texts []string) []string {
	shown := make([]string, len(texts))
	for n, text := range texts {
		shown[n] = harmless(text)
	}
	return shown
}

func about(rule policy.Rule, kind, text, connectionType string) Finding {
	return Finding{Kind: kind, Text: text, Type: connectionType, Rule: rule.Name, Owner: rule.Owner, Ticket: rule.Ticket, Line: rule.Line}
}

// name tells an org to a person, and apart from others of its name.
func name(org policy.Party) string {
	return fmt.Sprintf("%s (%s)", Party(org).label(), harmless(cmp.Or(org.ID, "unknown")))
}

// FindingsText writes a line for each finding, with who to ask.
func FindingsText(w io.Writer, findings []Finding) error {
	for _, f := range findings {
		line := fmt.Sprintf("%-10s  %s", f.Kind, f.Text)
		for _, part := range []struct{ label, value string }{{"owner", f.Owner}, {"ticket", f.Ticket}} {
			if part.value != "" {
				line += fmt.Sprintf("; %s %s", part.label, harmless(part.value))
			}
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

// FindingsJSON writes the findings as a list.
func FindingsJSON(w io.Writer, findings []Finding) error {
	return writeJSON(w, findings)
}

// FindingsGitHub writes workflow commands, which GitHub shows beside the lines of
// the policy file
// (https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands).
func FindingsGitHub(w io.Writer, file string, findings []Finding) error {
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	message := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	for _, f := range findings {
		where := ""
		if file != "" {
			where = fmt.Sprintf("file=%s,line=%d,", property.Replace(file), max(f.Line, 1))
		}
		_, err := fmt.Fprintf(w, "::%s %stitle=%s::%s\n", level(f.Kind), where, property.Replace("Org connections: "+f.Kind), message.Replace(f.Text))
		if err != nil {
			return err
		}
	}
	return nil
}

// level is how loudly a finding is told.
func level(kind string) string {
	switch kind {
	case KindUnexpected, KindMissing:
		return "error"
	}
	return "warning"
}

// FindingsSARIF writes SARIF 2.1.0, which code scanning reads
// (https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html).
func FindingsSARIF(w io.Writer, tool, version, file string, findings []Finding) error {
	type object = map[string]any
	var rules []object
	for _, kind := range []struct{ id, text string }{
		{KindUnexpected, "No rule of the policy allows this org connection."},
		{KindMissing, "A required org connection is not there."},
		{KindExpired, "A rule of the policy has expired."},
		{KindRisk, "Something about an org connection may go wrong."},
	} {
		rules = append(rules, object{"id": kind.id, "shortDescription": object{"text": kind.text}})
	}
	results := []object{}
	for _, f := range findings {
		result := object{
			"ruleId": f.Kind, "level": level(f.Kind), "message": object{"text": f.Text},
			// What tells a finding from others in the next run: not its text, which
			// follows a rename.
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
