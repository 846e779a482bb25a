package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// quiet is for how many minutes of the rules nothing may be told after something
// that is no change: they believe in a removal after ten.
const quiet = 13

// news is an alert that begins, or ends.
type news struct {
	alert  string            // its name, but for alertPrefix
	labels map[string]string // besides those that all have
	says   []string          // in its summary and in its description
	nobody bool              // there is no account yet that it could be about
	ends   bool
}

// ends makes the end of alerts of them.
func ends(all []news) (ended []news) {
	for _, n := range all {
		n.ends = true
		ended = append(ended, n)
	}
	return ended
}

// is tells whether this is what was told, whatever the words.
func (n news) is(told notification) bool {
	status := firing
	if n.ends {
		status = resolved
	}
	labels := map[string]string{"alertname": alertPrefix + n.alert, "severity": kinds[n.alert].severity, "job": job}
	if n.nobody {
		delete(labels, "job")
	}
	maps.Copy(labels, n.labels)
	return told.Status == status && told.to == kinds[n.alert].to && maps.Equal(labels, told.Labels)
}

// misses tells what is wrong with the words.
func (n news) misses(told notification) error {
	summary, description := told.Annotations["summary"], told.Annotations["description"]
	for _, what := range n.says {
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

func (n news) String() string {
	if n.ends {
		return n.alert + " ends"
	}
	return n.alert
}

// hears waits until all is told of what has just happened, and judges it. What is
// told too much may come later: then it is found below what happens next.
func (s *stack) hears(what string, all ...[]news) {
	s.t.Helper()
	s.listen(what, 3, all...)
}

// hearsNothing listens to the silence after what has just happened.
func (s *stack) hearsNothing(what string, minutes int) {
	s.t.Helper()
	s.listen(what, minutes)
}

// listen waits until all is told, and for so many minutes at least. Each news must
// be told once, in good words, and nothing else.
func (s *stack) listen(what string, minutes int, all ...[]news) {
	s.t.Helper()
	began := s.evaluations()
	expected := slices.Concat(all...)
	after := s.await(what, began, expected)
	eventually(s.t, fmt.Sprintf("%d evaluations after: %s", minutes, what), func() error {
		if passed := s.evaluations() - began; passed < minutes {
			return fmt.Errorf("there were %d", passed)
		}
		return nil
	})
	told := s.told.since(s.heard)
	s.heard += len(told)
	s.judge(what, expected, told)
	s.story = append(s.story, row{what: what, news: expected, after: after, watched: s.evaluations() - began})
}

// await gives after how many evaluations each news was told.
func (s *stack) await(what string, began int, waiting []news) (after map[string]int) {
	s.t.Helper()
	waiting = slices.Clone(waiting)
	after = map[string]int{}
	eventually(s.t, what, func() error {
		told := s.told.since(s.heard)
		waiting = slices.DeleteFunc(waiting, func(n news) bool {
			came := slices.ContainsFunc(told, n.is)
			if came {
				after[n.String()] = s.evaluations() - began
			}
			return came
		})
		if len(waiting) > 0 {
			return fmt.Errorf("nobody told %+v, but %v", waiting, told)
		}
		return nil
	})
	return after
}

// judge holds what was told against what should have been: each once, in good words.
func (s *stack) judge(what string, all []news, told []notification) {
	s.t.Helper()
	all = slices.Clone(all)
	for _, n := range told {
		at := slices.IndexFunc(all, func(expected news) bool { return expected.is(n) })
		if at < 0 {
			s.t.Errorf("%s: this is not so, or was told before: %v: %s", what, n, n.Annotations["description"])
			continue
		}
		if err := all[at].misses(n); err != nil {
			s.t.Errorf("%s: %v: %v", what, all[at], err)
		}
		all = slices.Delete(all, at, at+1)
	}
}

// row is one of the table that tells how a story went.
type row struct {
	what    string
	news    []news
	after   map[string]int // evaluations until it was told
	watched int            // evaluations in all
}

func table(story []row) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "event\twhat was told, after how many evaluations\twatched for")
	for _, r := range story {
		told := []string{}
		for _, n := range r.news {
			if entry := fmt.Sprintf("%s (%d)", n, r.after[n.String()]); !slices.Contains(told, entry) {
				told = append(told, entry)
			}
		}
		if len(told) == 0 {
			told = []string{"nothing"}
		}
		fmt.Fprintf(w, "%s\t%s\t%d\n", r.what, strings.Join(told, ", "), r.watched)
	}
	_ = w.Flush() // a string takes everything
	return text.String()
}
