package fake_test

import (
	"reflect"
	"regexp"
	"testing"

	"datadog_org_connections_exporter/datadog/fake"
)

func TestStar_ConnectsHub(t *testing.T) {
	s, hub := fake.Star(fake.Options{}, 1001, 7)
	outgoing := 0
	for _, c := range s.Visible(hub) {
		if c.SourceID == hub {
			outgoing++
		}
	}
	if all := len(s.Visible(hub)); all != 1001 || outgoing != 501 {
		t.Errorf("%d of %d connections are outgoing", outgoing, all)
	}
	c := connect(t, s, hub)
	if got := c.get("?offset=1000").page(t); len(got.IDs) != 1 || got.Total != 1001 {
		t.Errorf("the last page is %+v", got)
	}
}

func TestMesh_ConnectsEveryPairOnce(t *testing.T) {
	s := fake.Mesh(fake.Options{}, 6, 30, 7) // all pairs
	type pair struct{ source, sink string }
	pairs := map[pair]bool{}
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	for _, c := range s.Connections() {
		pairs[pair{c.SourceID, c.SinkID}] = true
		if c.SourceID == c.SinkID || len(c.Types) == 0 || !uuid.MatchString(c.ID) {
			t.Errorf("connection %+v", c)
		}
	}
	if len(pairs) != 30 || len(s.Orgs()) != 6 {
		t.Errorf("%d pairs of %d orgs", len(pairs), len(s.Orgs()))
	}
}

func TestMesh_DependsOnSeed(t *testing.T) {
	account := func(seed uint64) []any {
		s := fake.Mesh(fake.Options{}, 5, 10, seed)
		return []any{s.Orgs(), s.Connections(), s.Keys(s.Orgs()[0].ID)}
	}
	if !reflect.DeepEqual(account(1), account(1)) {
		t.Error("one seed generates different accounts")
	}
	if reflect.DeepEqual(account(1), account(2)) {
		t.Error("two seeds generate the same account")
	}
}
