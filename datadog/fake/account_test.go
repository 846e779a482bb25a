package fake_test

import (
	"strings"
	"testing"

	"datadog_org_connections_exporter/datadog/fake"
)

func TestServer_ListsOnlyTheOrgsConnections(t *testing.T) {
	s := triangle(fake.Options{})
	c := connect(t, s, "a")
	for org, want := range map[string]string{"a": "c1 c3 c4", "b": "c1 c2", "c": "c2 c3 c4"} {
		if got := c.as(s.Keys(org)).get("").page(t).ids(); got != want {
			t.Errorf("%s lists %q, want %q", org, got, want)
		}
		var visible page
		for _, connection := range s.Visible(org) {
			visible.IDs = append(visible.IDs, connection.ID)
		}
		if visible.ids() != want {
			t.Errorf("%s sees %q, want %q", org, visible.ids(), want)
		}
	}
}

func TestServer_ListsChanges(t *testing.T) {
	s := triangle(fake.Options{})
	c := connect(t, s, "a")
	robin := s.AddUser(fake.User{Name: "Robin Sample"})
	s.AddConnection(fake.Connection{ID: "c5", SourceID: "b", SinkID: "a", CreatorID: robin})
	s.RemoveConnection("c1")
	s.MoveConnection("c5", 0)
	s.SetTypes("c3")
	s.SetTypes("c4", "logs", "audit")
	s.RenameOrg("b", "Acme renamed")
	s.DisableUser(robin)

	got := c.get("")
	if ids := got.page(t).ids(); ids != "c5 c3 c4" {
		t.Errorf("lists %q", ids)
	}
	for _, want := range []string{
		`"connection_types":[]`,
		`"connection_types":["logs","audit"]`,
		`"id":"b","name":"Acme renamed"`,
		`"name":"Acme renamed","description":null,"sharing":"all_private"`,
		`"disabled":true,"allowed_login_methods":[],"status":"Disabled"`,
	} {
		if !strings.Contains(got.body, want) {
			t.Errorf("no %s in %s", want, got.body)
		}
	}
}

func TestServer_ReturnsCopies(t *testing.T) {
	s := triangle(fake.Options{})
	s.Connections()[0].Types[0] = "changed"
	s.Visible("a")[0].Types[0] = "changed"
	if types := s.Connections()[0].Types; types[0] != "logs" {
		t.Errorf("the account's types are %v", types)
	}
}

func TestServer_PanicsOnWrongIDs(t *testing.T) {
	s := triangle(fake.Options{})
	tests := map[string]func(){
		"unknown org":        func() { s.RenameOrg("x", "y") },
		"unknown keys":       func() { s.Keys("x") },
		"unknown user":       func() { s.DisableUser("x") },
		"unknown connection": func() { s.RemoveConnection("x") },
		"unknown source":     func() { s.AddConnection(fake.Connection{SinkID: "a"}) },
		"duplicate":          func() { s.AddConnection(fake.Connection{ID: "c1", SourceID: "a", SinkID: "b"}) },
	}
	for name, call := range tests {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			call()
		}()
	}
	s.Connections() // deadlocks if a panic left the mutex locked
}
