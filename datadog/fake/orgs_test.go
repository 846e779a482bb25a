package fake_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"datadog_org_connections_exporter/datadog/fake"
)

// The body was written by hand after the API reference.
func TestServer_ListsOrgsAsInTheReference(t *testing.T) {
	const want = `{"data":{"type":"managed_orgs","id":"o-1","relationships":{` +
		`"current_org":{"data":{"type":"orgs","id":"o-1"}},` +
		`"managed_orgs":{"data":[{"type":"orgs","id":"o-2"}]}}},` +
		`"included":[` +
		`{"type":"orgs","id":"o-1","attributes":{"public_id":"abc","name":"Acme","description":"","sharing":"all_private","url":"","disabled":false,` +
		`"created_at":"2019-08-13T19:50:19.001015+00:00","modified_at":"2019-08-13T19:50:19.001015+00:00"}},` +
		`{"type":"orgs","id":"o-2","attributes":{"public_id":"def","name":"Acme Security","description":"","sharing":"all_public","url":"","disabled":true,` +
		`"created_at":"2019-08-13T19:50:19.001015+00:00","modified_at":"2022-03-21T13:04:08.711734+00:00"}}]}` + "\n"
	created := time.Date(2019, 8, 13, 19, 50, 19, 1015000, time.UTC)
	s := fake.New(fake.Options{})
	s.AddOrg(fake.Org{ID: "o-1", Name: "Acme", PublicID: "abc", CreatedAt: created})
	s.AddOrg(fake.Org{ID: "o-2", Name: "Acme Security", PublicID: "def", Sharing: "all_public", Disabled: true,
		CreatedAt: created, ModifiedAt: time.Date(2022, 3, 21, 13, 4, 8, 711734000, time.UTC)})
	if got := connect(t, s, "o-1").getOrgs(""); got.body != want || got.status != 200 {
		t.Errorf("got %d %s\nwant %s", got.status, got.body, want)
	}
}

// orgs returns the ids of the current org, of those that it manages, and of those that are included.
func (a answer) orgs(t *testing.T) (current, managed, included string) {
	t.Helper()
	type reference struct{ ID string }
	var body struct {
		Data struct {
			ID            string
			Relationships struct {
				Managed struct{ Data []reference } `json:"managed_orgs"`
			}
		}
		Included []reference
	}
	if err := json.Unmarshal([]byte(a.body), &body); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	join := func(references []reference) string {
		var ids []string
		for _, r := range references {
			ids = append(ids, r.ID)
		}
		return strings.Join(ids, " ")
	}
	return body.Data.ID, join(body.Data.Relationships.Managed.Data), join(body.Included)
}

func TestServer_ListsManagedOrgs(t *testing.T) {
	for name, test := range map[string]struct {
		org, query        string
		managed, included string
	}{
		"the parent":              {"a", "", "b c", "a b c"},
		"another org":             {"b", "", "", "b"},
		"a filter":                {"a", "?filter%5Bname%5D=c", "b c", "a b c"}, // each has a c in Acme
		"a filter that finds one": {"a", "?filter%5Bname%5D=Acme+c", "c", "a c"},
	} {
		current, managed, included := connect(t, triangle(fake.Options{}), test.org).getOrgs(test.query).orgs(t)
		if current != test.org || managed != test.managed || included != test.included {
			t.Errorf("%s: the current org is %q, it manages %q, included are %q", name, current, managed, included)
		}
	}
	s := triangle(fake.Options{OmitIncluded: true})
	if current, managed, included := connect(t, s, "a").getOrgs("").orgs(t); current != "a" || managed != "b c" || included != "" {
		t.Errorf("without included: %q, %q, %q", current, managed, included)
	}
}

func TestServer_OrgsHaveAPermissionOfTheirOwn(t *testing.T) {
	s := triangle(fake.Options{})
	c := connect(t, s, "a")
	want := func(connections, orgs int) {
		t.Helper()
		if got, gotOrgs := c.get("").status, c.getOrgs("").status; got != connections || gotOrgs != orgs {
			t.Errorf("got %d for connections and %d for orgs, want %d and %d", got, gotOrgs, connections, orgs)
		}
	}
	want(200, 200)
	s.DenyOrgManagement("a")
	want(200, 403)
	s.RestoreKeys("a")
	s.DenyPermission("a")
	want(403, 200)
	s.RevokeKeys("a")
	want(401, 401)
	s.RestoreKeys("a")
	want(200, 200)
}

func TestServer_OrgsHaveARateLimitOfTheirOwn(t *testing.T) {
	c := connect(t, triangle(fake.Options{RateLimit: fake.RateLimit{Limit: 1, Period: time.Hour}}), "a")
	for n, want := range []int{200, 429} {
		if got, gotOrgs := c.get("").status, c.getOrgs("").status; got != want || gotOrgs != want {
			t.Errorf("request %d: got %d for connections and %d for orgs, want %d", n+1, got, gotOrgs, want)
		}
	}
}

func TestFault_ForPath(t *testing.T) {
	s := triangle(fake.Options{})
	c := connect(t, s, "a")
	s.Inject(fake.Status(503).ForPath(fake.OrgsPath))
	if got, gotOrgs := c.get("").status, c.getOrgs("").status; got != 200 || gotOrgs != 503 {
		t.Errorf("got %d for connections and %d for orgs", got, gotOrgs)
	}
	s.ClearFaults()
	s.Inject(fake.Truncated())
	if got := c.getOrgs(""); got.status != 200 || json.Valid([]byte(got.body)) {
		t.Errorf("a fault of all paths does not apply: %d %s", got.status, got.body)
	}
	if log := s.RequestLog(); log[0].Path != fake.Path || log[1].Path != fake.OrgsPath {
		t.Errorf("the log has %q and %q", log[0].Path, log[1].Path)
	}
}
