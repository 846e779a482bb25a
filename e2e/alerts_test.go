package e2e

import (
	"sync"
	"testing"
)

// stories are about one account each, and unfold side by side.
var stories = []struct {
	about string
	tell  func(s *stack)
}{
	{"connections come and go", connectionsComeAndGo},
	{"what is behind connections", whatIsBehindConnections},
	{"the API fails for hours", theAPIFailsForHours},
	{"every org fails in its own way", everyOrgFailsInItsOwnWay},
	{"little goes wrong", littleGoesWrong},
	{"keys are revoked", keysAreRevoked},
	{"exporters come and go", exportersComeAndGo},
	{"others come and go", othersComeAndGo},
	{"an org is taken out", anOrgIsTakenOut},
	{"nobody answers", nobodyAnswers},
	{"orgs are targets", orgsAreTargets},
}

// A real change must never be missed; an outage, a restart, a rename or a rate limit
// must never look like a change.
//
// This test runs before those that run in parallel, and alone: time passes fast here,
// and should not be taken away.
func TestAlerts_MatchEvents(t *testing.T) {
	stacks := make([]*stack, len(stories))
	var all sync.WaitGroup
	for n, story := range stories {
		all.Go(func() {
			t.Run(story.about, func(t *testing.T) {
				s := newStack(t)
				stacks[n] = s
				t.Cleanup(func() { t.Logf("%s:\n%s", story.about, table(s.story)) })
				story.tell(s)
				s.hearsNothing("that is all", 18)
			})
		})
	}
	all.Wait()
	checkThatAllIsHeard(t, stacks)
}

// checkThatAllIsHeard looks for alerts that no story is about.
func checkThatAllIsHeard(t *testing.T, stacks []*stack) {
	t.Helper()
	heard := map[string]bool{}
	for _, s := range stacks {
		if s == nil {
			return // only some of the stories were asked for
		}
		for _, happened := range s.story {
			for _, n := range happened.news {
				heard[n.alert] = true
			}
		}
	}
	for alert := range kinds {
		if !heard[alert] {
			t.Errorf("%s was never told", alert)
		}
	}
}
