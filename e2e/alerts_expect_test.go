package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// quietMinutes is for how many minutes no alert may fire after an event that is not a
// change. The rules report a removal after ten minutes.
const quietMinutes = 13

// alertEvent is an expected notification: an alert fires or is resolved.
type alertEvent struct {
	alert    string            // its name without alertPrefix
	labels   map[string]string // besides alertname, severity and job
	mentions []string          // texts in its summary and in its description
	noJob    bool              // it has no job label
	resolved bool
}

// resolves returns the events that resolve these alerts.
func resolves(all []alertEvent) (resolving []alertEvent) {
	for _, n := range all {
		n.resolved = true
		resolving = append(resolving, n)
	}
	return resolving
}

// matches reports whether n is the event of this notification. It does not compare
// texts.
func (n alertEvent) matches(got notification) bool {
	status := firing
	if n.resolved {
		status = resolved
	}
	labels := map[string]string{"alertname": alertPrefix + n.alert, "severity": alertKinds[n.alert].severity, "job": job}
	if n.noJob {
		delete(labels, "job")
	}
	maps.Copy(labels, n.labels)
	return got.Status == status && got.to == alertKinds[n.alert].to && maps.Equal(labels, got.Labels)
}

// checkText returns an error if summary or description lack something, or have a broken
// template.
func (n alertEvent) checkText(got notification) error {
	summary, description := got.Annotations["summary"], got.Annotations["description"]
	for _, what := range n.mentions {
		if !strings.Contains(summary, what) || !strings.Contains(description, what) {
			return fmt.Errorf("%q is not in summary and description: %q, %q", what, summary, description)
		}
	}
	for _, end := range []string{"source_org_id", "sink_org_id", "org_id"} {
		if id := n.labels[end]; !strings.Contains(description, id) {
			return fmt.Errorf("%q is not in the description: %q", id, description)
		}
	}
	for _, broken := range []string{"<no value>", "<error", "%!", "{{"} {
		if strings.Contains(summary+description, broken) {
			return fmt.Errorf("the template is broken: %q, %q", summary, description)
		}
	}
	return nil
}

func (n alertEvent) String() string {
	if n.resolved {
		return n.alert + " resolved"
	}
	return n.alert
}

// expectAlerts waits for exactly these notifications after an event. One that arrives
// too late to be seen here fails the next step.
func (s *stack) expectAlerts(what string, all ...[]alertEvent) {
	s.t.Helper()
	s.expectAlertsFor(what, 3, all...)
}

// expectNoAlerts waits and fails if there is any notification after an event.
func (s *stack) expectNoAlerts(what string, minutes int) {
	s.t.Helper()
	s.expectAlertsFor(what, minutes)
}

// expectAlertsFor waits for the notifications, and at least for so many minutes. Each
// must arrive once, with the right text, and no other may.
func (s *stack) expectAlertsFor(what string, minutes int, all ...[]alertEvent) {
	s.t.Helper()
	began := s.evaluations()
	expected := slices.Concat(all...)
	after := s.waitForAlerts(what, began, expected)
	eventually(s.t, fmt.Sprintf("%d evaluations after: %s", minutes, what), func() error {
		if passed := s.evaluations() - began; passed < minutes {
			return fmt.Errorf("there were %d", passed)
		}
		return nil
	})
	got := s.receiver.since(s.checked)
	s.checked += len(got)
	s.checkNotifications(what, expected, got)
	s.steps = append(s.steps, step{what: what, alerts: expected, after: after, watched: s.evaluations() - began})
}

// waitForAlerts returns after how many evaluations each notification arrived.
func (s *stack) waitForAlerts(what string, began int, waiting []alertEvent) (after map[string]int) {
	s.t.Helper()
	waiting = slices.Clone(waiting)
	after = map[string]int{}
	eventually(s.t, what, func() error {
		got := s.receiver.since(s.checked)
		waiting = slices.DeleteFunc(waiting, func(n alertEvent) bool {
			arrived := slices.ContainsFunc(got, n.matches)
			if arrived {
				after[n.String()] = s.evaluations() - began
			}
			return arrived
		})
		if len(waiting) > 0 {
			return fmt.Errorf("no notification of %+v, but of %v", waiting, got)
		}
		return nil
	})
	return after
}

// checkNotifications compares the notifications with the expected events.
func (s *stack) checkNotifications(what string, all []alertEvent, got []notification) {
	s.t.Helper()
	all = slices.Clone(all)
	for _, n := range got {
		at := slices.IndexFunc(all, func(expected alertEvent) bool { return expected.matches(n) })
		if at < 0 {
			s.t.Errorf("%s: unexpected or repeated notification: %v: %s", what, n, n.Annotations["description"])
			continue
		}
		if err := all[at].checkText(n); err != nil {
			s.t.Errorf("%s: %v: %v", what, all[at], err)
		}
		all = slices.Delete(all, at, at+1)
	}
}

// step is a row of the table that a scenario logs.
type step struct {
	what    string
	alerts  []alertEvent
	after   map[string]int // evaluations until it arrived
	watched int            // evaluations in total
}

func table(steps []step) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "event\tnotifications, after how many evaluations\tevaluations watched")
	for _, r := range steps {
		got := []string{}
		for _, n := range r.alerts {
			if entry := fmt.Sprintf("%s (%d)", n, r.after[n.String()]); !slices.Contains(got, entry) {
				got = append(got, entry)
			}
		}
		if len(got) == 0 {
			got = []string{"nothing"}
		}
		fmt.Fprintf(w, "%s\t%s\t%d\n", r.what, strings.Join(got, ", "), r.watched)
	}
	_ = w.Flush() // a strings.Builder returns no error
	return text.String()
}
