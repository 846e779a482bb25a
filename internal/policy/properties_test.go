package policy_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
	"datadog_org_connections_exporter/internal/policy"
)

// account is a random account that a test changes.
type account struct {
	random      *rand.Rand
	names       map[string]string // by org id
	connections []datadog.Connection
}

var kinds = []string{"logs", "metrics", "audit", "of-tomorrow"}

func newAccount(seed uint64, orgs, connections int) *account {
	a := &account{random: rand.New(rand.NewPCG(seed, 1)), names: map[string]string{}}
	var ids []string
	for n := range orgs {
		id := fmt.Sprintf("%08x-0000-4000-8000-%012x", n, a.random.Uint64()>>16)
		ids = append(ids, id)
		a.names[id] = strings.Repeat(string(rune('A'+a.random.IntN(4))), 1+a.random.IntN(2)) // many share one
	}
	taken := map[[2]int]bool{}
	for len(a.connections) < min(connections, orgs*(orgs-1)) {
		pair := [2]int{a.random.IntN(orgs), a.random.IntN(orgs)}
		if pair[0] == pair[1] || taken[pair] {
			continue
		}
		taken[pair] = true
		types := slices.Clone(kinds[:len(kinds)-1])
		a.random.Shuffle(len(types), func(a, b int) { types[a], types[b] = types[b], types[a] })
		types = types[:1+a.random.IntN(len(types))]
		slices.Sort(types)
		a.connections = append(a.connections, datadog.Connection{ID: fmt.Sprint(len(a.connections)), SourceID: ids[pair[0]], SinkID: ids[pair[1]], Types: types})
	}
	return a
}

func (a *account) snapshot() *inventory.Snapshot {
	var orgs []inventory.OrgInfo
	for id, name := range a.names {
		orgs = append(orgs, inventory.OrgInfo{Org: datadog.Org{ID: id, Name: name}})
	}
	return inventory.NewSnapshot(slices.Clone(a.connections), orgs)
}

// FuzzBaseline checks that a baseline allows exactly what is in its snapshot.
func FuzzBaseline(f *testing.F) {
	for seed := range uint64(4) {
		f.Add(seed, uint8(8), uint8(20))
	}
	f.Fuzz(func(t *testing.T, seed uint64, orgs, connections uint8) {
		if orgs < 2 || connections == 0 {
			return
		}
		a := newAccount(seed, int(orgs), int(connections))
		text := string(policy.Baseline(a.snapshot()))
		if again := string(policy.Baseline(a.snapshot())); again != text {
			t.Fatal("two baselines of one snapshot differ")
		}
		// Each rule of it is required, so that what goes is missed.
		p, err := policy.Parse("baseline.yml", []byte(strings.ReplaceAll(text, "\n    types:", "\n    required: true\n    types:")))
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		clean := func(when string) {
			t.Helper()
			if j := p.Judge(a.snapshot(), true, today); len(j.Unexpected)+len(j.Missing)+len(j.Expired) > 0 {
				t.Errorf("%s: %+v", when, j)
			}
		}
		clean("a baseline and what it was made of")

		for id := range a.names {
			a.names[id] += " renamed"
		}
		clean("after renames")

		changed := &a.connections[a.random.IntN(len(a.connections))]
		before := changed.Types
		changed.Types = append(slices.Clone(before), kinds[len(kinds)-1])
		j := p.Judge(a.snapshot(), true, today)
		if len(j.Unexpected) != 1 || len(j.Missing) != 0 || j.Unexpected[0].Type != kinds[len(kinds)-1] || j.Unexpected[0].Connections[0] != changed.ID {
			t.Errorf("another type: %+v", j)
		}
		changed.Types = before[1:]
		j = p.Judge(a.snapshot(), true, today)
		if len(j.Unexpected) != 0 || len(j.Missing) != 1 || j.Missing[0].Type != before[0] {
			t.Errorf("a type less: %+v", j)
		}
		changed.Types = before

		a.names["ffffffff-0000-4000-8000-000000000000"] = "Newcomer"
		a.connections = append(a.connections, datadog.Connection{
			ID: "new", SourceID: "ffffffff-0000-4000-8000-000000000000", SinkID: a.connections[0].SinkID, Types: []string{"logs"},
		})
		if j := p.Judge(a.snapshot(), true, today); len(j.Unexpected) != 1 || j.Unexpected[0].Connections[0] != "new" || len(j.Missing) != 0 {
			t.Errorf("another connection: %+v", j)
		}

		merged, err := policy.Merge("policy.yml", []byte(text), a.snapshot(), today)
		if err != nil || !strings.HasPrefix(string(merged), text) {
			t.Fatalf("merge: %v\n%s", err, merged)
		}
		if p, err = policy.Parse("policy.yml", merged); err != nil {
			t.Fatal(err)
		}
		clean("what was merged")
	})
}

// BenchmarkJudge judges 100,000 connections among 2,000 orgs by 5,000 rules.
func BenchmarkJudge(b *testing.B) {
	a := newAccount(1, 2000, 100_000)
	var rules strings.Builder
	rules.WriteString("rules:\n")
	for n := range 5000 {
		c := a.connections[n]
		switch n % 10 {
		case 0:
			fmt.Fprintf(&rules, "  - {name: r%d, source: 'A%d*', sink: '*B', types: [logs]}\n", n, n)
		case 1:
			fmt.Fprintf(&rules, "  - {name: r%d, source: %s, sink: '*', types: [logs], required: true}\n", n, c.SourceID)
		default:
			fmt.Fprintf(&rules, "  - {name: r%d, source: %s, sink: %s, types: [logs, metrics]}\n", n, c.SourceID, c.SinkID)
		}
	}
	p, err := policy.Parse("policy.yml", []byte(rules.String()))
	if err != nil {
		b.Fatal(err)
	}
	snapshot := a.snapshot()
	b.ReportAllocs()
	for b.Loop() {
		p.Judge(snapshot, true, today)
	}
}
