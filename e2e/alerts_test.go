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
}

// A real change must never be missed; an outage, a restart, a rename or a rate limit
// must never look like a change.
//
// This test runs before those that run in parallel, and alone: time passes fast here,
// and should not be taken away.
func TestAlertsTellTheTruth(t *testing.T) {
	var all sync.WaitGroup
	for _, story := range stories {
		all.Go(func() {
			t.Run(story.about, func(t *testing.T) {
				s := newStack(t)
				t.Cleanup(func() { t.Logf("%s:\n%s", story.about, table(s.story)) })
				story.tell(s)
				s.hearsNothing("that is all", 18)
			})
		})
	}
	all.Wait()
}
