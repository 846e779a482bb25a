package fake_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"datadog_org_connections_exporter/datadog/fake"
)

// The golden file was written by hand after a recorded answer of the live API.
func TestServer_AnswersAsRecorded(t *testing.T) {
	golden, err := os.ReadFile("testdata/tiny.json")
	if err != nil {
		t.Fatal(err)
	}
	created := time.Date(2019, 8, 13, 19, 50, 19, 1015000, time.UTC)
	modified := time.Date(2022, 3, 21, 14, 4, 8, 711734000, time.FixedZone("CET", 3600))
	s := fake.New(fake.Options{})
	s.AddOrg(fake.Org{ID: "o-1", Name: `Acme <東京> & "Sons"`, PublicID: "abc", CreatedAt: created})
	s.AddOrg(fake.Org{ID: "o-2", Name: "Acme Security", PublicID: "def", Sharing: "all_public", Disabled: true,
		CreatedAt: created, ModifiedAt: modified})
	s.AddUser(fake.User{ID: "u-1", Name: "terraform", Handle: "tf", Email: "tf@example.com", ServiceAccount: true,
		Disabled: true, CreatedAt: created, ModifiedAt: modified})
	s.AddConnection(fake.Connection{ID: "c-1", SourceID: "o-1", SinkID: "o-2", Types: []string{"logs", "metrics"},
		CreatorID: "u-1", CreatedAt: time.Date(2025, 3, 4, 5, 6, 7, 8000, time.UTC)})
	s.AddConnection(fake.Connection{ID: "c-2", SourceID: "o-2", SinkID: "o-1", Types: []string{},
		CreatorID: "u-1", CreatedAt: time.Date(2025, 3, 4, 5, 6, 8, 500_000_000, time.UTC)})

	got := connect(t, s, "o-1").get("")
	if got.body != string(golden) {
		t.Errorf("got\n%swant\n%s", got.body, golden)
	}
	if contentType := got.header.Get("Content-Type"); contentType != "application/json" {
		t.Errorf("Content-Type %q", contentType)
	}
}

func TestServer_AnswersEmptyListing(t *testing.T) {
	s := fake.New(fake.Options{})
	org := s.AddOrg(fake.Org{})

	const want = `{"data":[],"meta":{"page":{"total_count":0,"total_filtered_count":0}}}` + "\n"
	if got := connect(t, s, org).get(""); got.body != want {
		t.Errorf("got %s", got.body)
	}
}

func TestOptions_OmitIncluded(t *testing.T) {
	s := triangle(fake.Options{OmitIncluded: true})
	got := connect(t, s, "a").get("")
	if strings.Contains(got.body, "included") || len(got.page(t).IDs) != 3 {
		t.Errorf("got %s", got.body)
	}
}

func TestOrg_NotIncluded(t *testing.T) {
	s := fake.New(fake.Options{})
	included := s.AddOrg(fake.Org{})
	omitted := s.AddOrg(fake.Org{NotIncluded: true})
	user := s.AddUser(fake.User{NotIncluded: true})
	s.AddConnection(fake.Connection{SourceID: included, SinkID: omitted, CreatorID: user})

	var body struct{ Included []struct{ ID string } }
	got := connect(t, s, included).get("")
	if err := json.Unmarshal([]byte(got.body), &body); err != nil {
		t.Fatal(err)
	}
	if len(body.Included) != 1 || body.Included[0].ID != included {
		t.Errorf("included %v, want only %s", body.Included, included)
	}
}

func TestQuirks_ChangeJSON(t *testing.T) {
	tests := map[string]struct {
		quirks       fake.Quirks
		want, absent string
	}{
		"real names":   {want: `"data":{"type":"orgs","id":"a","name":"Acme a"}`},
		"null names":   {quirks: fake.Quirks{Names: fake.NullNames}, want: `{"type":"orgs","id":"a","name":null}`},
		"no names":     {quirks: fake.Quirks{Names: fake.NoNames}, want: `{"type":"orgs","id":"a"}`},
		"empty names":  {quirks: fake.Quirks{Names: fake.EmptyNames}, want: `{"type":"orgs","id":"a","name":""}`},
		"null source":  {quirks: fake.Quirks{NullSource: true}, want: `"source_org":{"data":null}`},
		"null sink":    {quirks: fake.Quirks{NullSink: true}, want: `"sink_org":{"data":null}`},
		"null creator": {quirks: fake.Quirks{NullCreator: true}, want: `"created_by":{"data":null}`},
		"no creator":   {quirks: fake.Quirks{NoCreator: true}, absent: "created_by"},
		"no time":      {quirks: fake.Quirks{NoCreatedAt: true}, want: `"attributes":{"connection_types"`},
		"wrong time":   {quirks: fake.Quirks{CreatedAt: "yesterday"}, want: `"created_at":"yesterday"`},
		"null types":   {quirks: fake.Quirks{NullTypes: true}, want: `"connection_types":null`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := fake.New(fake.Options{})
			s.AddOrg(fake.Org{ID: "a", Name: "Acme a"})
			s.AddOrg(fake.Org{ID: "b"})
			s.AddConnection(fake.Connection{SourceID: "a", SinkID: "b", Quirks: test.quirks})

			got := connect(t, s, "a").get("")
			if !json.Valid([]byte(got.body)) || !strings.Contains(got.body, test.want) {
				t.Errorf("no %s in %s", test.want, got.body)
			}
			if test.absent != "" && strings.Contains(got.body, test.absent) {
				t.Errorf("%s in %s", test.absent, got.body)
			}
		})
	}
}
