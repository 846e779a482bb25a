package inventory_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
)

// inForce returns the last good listing of each entry that is not stale. The lock is held.
func (m *model) inForce() map[*modelLister]outcome {
	last := map[*modelLister]outcome{}
	for _, l := range m.entries {
		for _, o := range m.outcomes[l.entry] {
			if o.err == nil && time.Since(o.listing.Began) <= modelMaxStale {
				last[l] = o
			}
		}
	}
	return last
}

// checkView checks what is shown.
func (m *model) checkView() {
	v := m.inv.View()
	m.checkOrgViews()
	m.mu.Lock()
	defer m.mu.Unlock()
	listings := m.inForce()
	shown := map[string]datadog.Connection{}
	for _, c := range v.Snapshot.Connections {
		shown[c.ID] = c
	}
	seen := map[string][]outcome{}
	for _, o := range listings {
		for _, c := range o.listing.Connections {
			seen[c.ID] = append(seen[c.ID], o)
		}
	}
	for id, sightings := range seen {
		c := m.account.find(id).Connection
		believable := slices.DeleteFunc(slices.Clone(sightings), func(o outcome) bool {
			for _, other := range listings {
				if other.disproves(c, o) {
					return true
				}
			}
			return o.restored
		})
		if _, ok := shown[id]; !ok && len(believable) > 0 {
			m.report("%s is not shown, but listed by %s, and nobody has later listed without it", id, believable[0].org)
		}
		certainlyGone := func(o outcome) bool {
			for l, other := range listings {
				if other.disproves(c, o) && (other.tellsItsOrg() || other.stated != "" && l.stated == other.org) {
					return true
				}
			}
			return false
		}
		if _, ok := shown[id]; ok && !slices.ContainsFunc(sightings, func(o outcome) bool { return !certainlyGone(o) }) {
			m.report("%s is shown, but an end of it has later listed without it", id)
		}
	}
	for id, c := range shown {
		var latestBegan time.Time
		for _, o := range seen[id] {
			if o.listing.Began.After(latestBegan) {
				latestBegan = o.listing.Began
			}
		}
		isTrue := func(o outcome) bool {
			listed, _ := row(o.listing, id)
			return o.restored || slices.Equal(listed.Types, c.Types) && !o.at.Before(latestBegan)
		}
		if !slices.ContainsFunc(seen[id], isTrue) {
			m.report("%s is shown with types %v, which no listing has that may be the latest", id, c.Types)
		}
	}
	m.checkComplete(v, listings)
	for _, o := range v.Snapshot.Orgs {
		for _, l := range m.entries {
			last := m.outcomes[l.entry]
			if l.stated == o.ID && len(last) > 0 && last[len(last)-1].err == nil && last[len(last)-1].stated == o.ID && o.Observed != datadog.Yes {
				m.report("org %s is not observed, though its keys work", o.ID)
			}
		}
	}
}

// checkOrgViews checks that each org's own view has its last good listing.
func (m *model) checkOrgViews() {
	for _, l := range m.entries {
		org, _ := m.inv.ForOrg(l.entry)
		shown := org.View().Snapshot.Connections
		m.mu.Lock()
		o, isInForce := m.inForce()[l]
		var listed []datadog.Connection
		if isInForce {
			listed = o.listing.Connections
		}
		if !o.restored && fmt.Sprint(shown) != fmt.Sprint(listed) {
			m.report("%s has listed %v, but %v is shown", l.entry, listed, shown)
		}
		m.mu.Unlock()
	}
}

// checkComplete checks that the view is complete if all that the entries see is known.
func (m *model) checkComplete(v inventory.View, listings map[*modelLister]outcome) {
	complete := true
	for _, l := range m.entries {
		o, isInForce := listings[l]
		if !isInForce || !o.listing.Complete || o.listing.Filtered() {
			complete = false
			continue
		}
		switch last := m.outcomes[l.entry][len(m.outcomes[l.entry])-1]; {
		case last.err != nil && last.restored:
			return // whether the keys were rejected is not remembered
		case errors.Is(last.err, datadog.Forbidden) || errors.Is(last.err, datadog.WrongOrg):
			complete = false
		}
	}
	if v.Complete() != complete {
		m.report("the view is complete: %v, gaps: %v", v.Complete(), v.Gaps)
	}
}

// replayLister returns outcomes one after the other.
type replayLister struct{ outcomes []outcome }

func (l *replayLister) Stats() datadog.Stats { return datadog.Stats{} }

func (l *replayLister) List(context.Context) (*datadog.Listing, error) {
	next := l.outcomes[0]
	l.outcomes = l.outcomes[1:]
	return next.listing, next.err
}

// checkReplay gives the same listings to other inventories in other orders. All must
// have the same snapshot. No listing begins or ends meanwhile.
func (m *model) checkReplay(ctx context.Context) {
	if m.restarted {
		return // what is restored is not quite the listings
	}
	want := m.inv.View().Snapshot
	longest := 0
	for _, l := range m.entries {
		longest = max(longest, len(m.outcomes[l.entry]))
	}
	if longest == 0 {
		return // and no refresh to start a discovery
	}
	forward := slices.Clone(m.entries)
	backward := slices.Clone(forward)
	slices.Reverse(backward)
	for name, order := range map[string]func(refresh func(*modelLister)){
		"one after the other, the first one first": func(refresh func(*modelLister)) {
			for _, l := range forward {
				for range m.outcomes[l.entry] {
					refresh(l)
				}
			}
		},
		"in rounds, the last one first": func(refresh func(*modelLister)) {
			for round := range longest {
				for _, l := range backward {
					if round < len(m.outcomes[l.entry]) {
						refresh(l)
					}
				}
			}
		},
	} {
		var orgs []inventory.Org
		for _, l := range m.entries {
			orgs = append(orgs, inventory.Org{Name: l.entry, Lister: &replayLister{m.outcomes[l.entry]}, OrgID: l.stated})
		}
		var discoveries []inventory.Discovery
		for _, d := range m.discoveries {
			discoveries = append(discoveries, inventory.Discovery{Name: d.Name, Discoverer: replayDiscoverer{d.Discoverer.(*modelDiscoverer)}}) //nolint:forcetypeassert // a test may panic
		}
		inv := inventory.New(ctx, orgs, inventory.Options{TTL: time.Nanosecond, MaxStale: modelMaxStale, Discoveries: discoveries})
		state := func(l *modelLister, id string) {
			n := slices.Index(m.entries, l)
			if orgs[n].OrgID != id {
				orgs[n].OrgID = id
				inv.Configure(orgs, discoveries...)
			}
		}
		order(func(l *modelLister) {
			n := slices.Index(m.entries, l)
			state(l, orgs[n].Lister.(*replayLister).outcomes[0].stated) //nolint:forcetypeassert // a test may panic
			org, _ := inv.ForOrg(l.entry)
			org.Refresh(ctx)
			advance(100 * time.Nanosecond)
		})
		for _, l := range m.entries {
			state(l, l.stated)
		}
		if got := inv.View().Snapshot; fmt.Sprint(got.Connections, got.Orgs) != fmt.Sprint(want.Connections, want.Orgs) {
			m.mu.Lock()
			m.report("the same listings have another snapshot %s:\n%+v\nwant\n%+v", name, got, want)
			m.mu.Unlock()
		}
	}
}

// lookedBefore reports whether a complete listing, one of those that count, would have had
// the connection and ended before the time.
func (m *model) lookedBefore(c *connectionJournal, before time.Time, counts func(o outcome) bool) bool {
	return slices.ContainsFunc(m.all, func(o outcome) bool {
		return o.listing.Complete && (c.SourceID == o.org || c.SinkID == o.org) && o.listing.Filter.Matches(&c.Connection) && before.After(o.at) && counts(o)
	})
}

// notBefore returns the time since which the connection was created as far as listings
// tell: where they have no creation time, it may have been there when the first one with it
// began.
func (m *model) notBefore(c *connectionJournal) time.Time {
	for _, o := range m.all {
		if _, found := row(o.listing, c.ID); found && c.CreatedAt.IsZero() && o.listing.Began.Before(c.created) {
			return o.listing.Began
		} else if found {
			break
		}
	}
	return c.created
}

// checkTold checks that the changes that were told are true.
func (m *model) checkTold() {
	m.mu.Lock()
	defer m.mu.Unlock()
	byID := map[string][]toldChange{}
	for _, told := range m.told {
		byID[told.id] = append(byID[told.id], told)
	}
	for id, changes := range byID {
		j := m.account.find(id)
		position := 0 // in the journal, of what is known
		reach := func(types []string, told toldChange) {
			for ; position < len(j.states); position++ {
				s := j.states[position]
				if !s.removed && !s.from.After(told.logged) && slices.Equal(s.types, types) {
					return
				}
			}
			m.report("%s is told as %s, %v, now %v, but it did not have the types %v then: %v", id, told.kind, told.types, told.now, types, j.states)
		}
		for i := 0; i < len(changes); i++ {
			told := changes[i]
			if i > 0 && (told.kind == "added" || told.kind == "discovered" || changes[i-1].kind == "removed") {
				m.report("%s is told as %s after it was told as %s", id, told.kind, changes[i-1].kind)
			}
			switch told.kind {
			case "added":
				reach(told.types, told)
				first := func(o outcome) bool { return o.listing.Began.Before(j.created) }
				if !m.lookedBefore(j, told.logged, first) {
					m.report("%s is told as added, but it was there when it could first have been seen", id)
				}
				if d := told.at.Sub(j.created.Truncate(time.Second)); !j.CreatedAt.IsZero() && d != 0 {
					m.report("%s is told as added %v after it was", id, d)
				}
			case "discovered":
				reach(told.types, told)
				if m.lookedBefore(j, m.notBefore(j), func(o outcome) bool { return o.stated != "" }) {
					m.report("%s is told as discovered, but it was created after one of its ends was listed", id)
				}
			case "removed":
				if last := j.last(); !last.removed || last.from.After(told.logged) {
					m.report("%s is told as removed, but it is there", id)
				} else if told.at.Before(last.from.Truncate(time.Second)) {
					m.report("%s is told as removed at %v, but it was at %v", id, told.at, last.from)
				}
			default:
				var gained, lost []string
				if told.kind == "widened" {
					gained = told.types
					if i+1 < len(changes) && changes[i+1].kind == "narrowed" && changes[i+1].logged.Equal(told.logged) {
						i++
						lost = changes[i].types
					}
				} else {
					lost = told.types
				}
				before := slices.DeleteFunc(slices.Clone(told.now), func(s string) bool { return slices.Contains(gained, s) })
				before = append(before, lost...)
				slices.Sort(before)
				reach(before, told)
				reach(told.now, told)
			}
		}
	}
	m.checkRenames()
}

// checkRenames checks that the renames that were told are true.
func (m *model) checkRenames() {
	for id := range m.account.names {
		names := []string{"Org " + id}
		for _, n := range m.account.names[id] {
			names = append(names, n.name)
		}
		position := 0
		for _, r := range m.renames {
			if r.id != id {
				continue
			}
			before, after := slices.Index(names, r.before), slices.Index(names, r.after)
			if before < position || after <= before {
				m.report("org %s is told as renamed from %s to %s", id, r.before, r.after)
			}
			position = after
		}
	}
}

// checkAllIsTold checks after some rounds in which nothing happened and every listing was
// complete that what is known is what is there, and that all changes were told once.
func (m *model) checkAllIsTold() {
	v := m.inv.View()
	m.mu.Lock()
	defer m.mu.Unlock()
	shown := map[string]datadog.Connection{}
	for _, c := range v.Snapshot.Connections {
		shown[c.ID] = c
	}
	for _, j := range m.account.connections {
		var told []toldChange
		for _, change := range m.told {
			if change.id == j.ID {
				told = append(told, change)
			}
		}
		count := func(kind string) int {
			n := 0
			for _, change := range told {
				if change.kind == kind {
					n++
				}
			}
			return n
		}
		var seenAs []string // its types when it was first listed
		wasSeen, inSight, certainly := false, false, false
		for _, o := range m.all {
			if c, found := row(o.listing, j.ID); found {
				wasSeen, seenAs = true, c.Types
				break
			}
		}
		for l, o := range m.inForce() {
			if o.err == nil && (j.SourceID == o.org || j.SinkID == o.org) && o.listing.Filter.Matches(&j.Connection) {
				inSight = true
				certainly = certainly || o.tellsItsOrg() || o.stated != "" && l.stated == o.org
			}
		}
		if !inSight {
			if _, ok := shown[j.ID]; ok {
				m.report("%s is shown, but nobody sees it", j.ID)
			}
			continue
		}
		last := j.last()
		c, isShown := shown[j.ID]
		if isShown == last.removed || isShown && !slices.Equal(c.Types, last.types) {
			m.report("%s is shown: %v, with %v, but it is: %+v", j.ID, isShown, c.Types, last)
		}
		if last.removed {
			if wasSeen && certainly && count("removed") != 1 {
				m.report("%s is removed, which was told %d times", j.ID, count("removed"))
			}
			continue
		}
		for l := range m.inForce() {
			sameScope := func(o outcome) bool {
				return o.org == l.org && o.listing.Filter == l.filter && (o.stated != "" || o.tellsItsOrg())
			}
			if m.lookedBefore(j, m.notBefore(j), sameScope) && count("added") != 1 {
				m.report("%s was added after %s had looked, which was told %d times", j.ID, l.org, count("added"))
			}
		}
		known := seenAs
		for _, change := range told {
			known = change.now
			if change.kind == "added" || change.kind == "discovered" {
				known = change.types
			}
		}
		if !slices.Equal(known, last.types) {
			m.report("%s has the types %v, but is known with %v", j.ID, last.types, known)
		}
	}
}
