package datadog

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// accountBody is a list of orgs as in the API reference.
const accountBody = `{"data":{"type":"managed_orgs","id":"o1","relationships":{"current_org":{"data":{"type":"orgs","id":"o1"}},` +
	`"managed_orgs":{"data":[{"type":"orgs","id":"o3"},{"type":"orgs","id":"o2"}]}}},` +
	`"included":[{"type":"orgs","id":"o1","attributes":{"name":"One","public_id":"p1","sharing":"none","disabled":false}},` +
	`{"type":"orgs","id":"o2","attributes":{"name":"Two","public_id":"p2","sharing":"none","disabled":true}}]}`

func TestDecodeAccount_RejectsWhatIsNotAnAccount(t *testing.T) {
	for name, test := range map[string]struct{ body, message string }{
		"nothing":                     {``, "EOF"},
		"HTML":                        {`<!DOCTYPE html><html></html>`, "invalid character '<'"},
		"null":                        {`null`, "data has no id"},
		"errors":                      {`{"errors":["Forbidden"]}`, "data has no id"},
		"a listing":                   {`{"data":[` + row + `]}`, `unexpected [ at "/data"`},
		"no id":                       {strings.Replace(accountBody, `"id":"o1",`, ``, 1), "data has no id"},
		"an empty id":                 {strings.Replace(accountBody, `"id":"o1",`, `"id":"",`, 1), "data has no id"},
		"a numeric id":                {strings.Replace(accountBody, `"id":"o1",`, `"id":1,`, 1), `unexpected number at "/data/id"`},
		"another type":                {strings.Replace(accountBody, `"managed_orgs"`, `"orgs"`, 1), `data has the type "orgs"`},
		"another current org":         {strings.Replace(accountBody, `"id":"o1"}`, `"id":"o2"}`, 1), `data has the id "o1", but the current org is "o2"`},
		"an object for managed orgs":  {strings.Replace(accountBody, `[{"type":"orgs","id":"o3"},{"type":"orgs","id":"o2"}]`, `{}`, 1), `unexpected { at "/data/relationships/managed_orgs/data"`},
		"a managed org that is null":  {strings.Replace(accountBody, `{"type":"orgs","id":"o2"}`, `null`, 1), "managed_orgs.data[1] has no id"},
		"a managed org without an id": {strings.Replace(accountBody, `,"id":"o2"}`, `}`, 1), "managed_orgs.data[1] has no id"},
		"cut short":                   {accountBody[:len(accountBody)-2], "unexpected EOF"},
	} {
		a, err := decodeAccount(strings.NewReader(test.body))
		if err == nil {
			t.Errorf("%s is decoded as %+v", name, a)
		} else if !strings.Contains(err.Error(), test.message) {
			t.Errorf("%s: the error is %q, want %q in it", name, err, test.message)
		}
	}
}

func TestDecodeAccount_AcceptsOddOrgs(t *testing.T) {
	one, two := Org{ID: "o1", Name: "One", PublicID: "p1", Sharing: "none", Disabled: No}, Org{ID: "o2", Name: "Two", PublicID: "p2", Sharing: "none", Disabled: Yes}
	for name, test := range map[string]struct {
		before, after string
		orgs          []Org
	}{
		"as in the reference":              {``, ``, []Org{one, two, {ID: "o3"}}},
		"no type":                          {`"type":"managed_orgs",`, ``, []Org{one, two, {ID: "o3"}}},
		"another field":                    {`"data":{`, `"links":{"self":7},"data":{"meta":[1],`, []Org{one, two, {ID: "o3"}}},
		"a null current org":               {`"current_org":{"data":{"type":"orgs","id":"o1"}}`, `"current_org":{"data":null}`, []Org{one, two, {ID: "o3"}}},
		"no current org":                   {`"current_org":{"data":{"type":"orgs","id":"o1"}},`, ``, []Org{one, two, {ID: "o3"}}},
		"no managed org":                   {`{"type":"orgs","id":"o3"},{"type":"orgs","id":"o2"}`, ``, []Org{one, two}},
		"null for managed orgs":            {`"managed_orgs":{"data":[{"type":"orgs","id":"o3"},{"type":"orgs","id":"o2"}]}`, `"managed_orgs":null`, []Org{one, two}},
		"the current org manages itself":   {`"id":"o3"`, `"id":"o1"`, []Org{one, two}},
		"a managed org twice":              {`"id":"o3"`, `"id":"o2"`, []Org{one, two}},
		"a name in a reference":            {`"id":"o3"`, `"id":"o3","name":"Three"`, []Org{one, two, {ID: "o3", Name: "Three"}}},
		"an org that is only included":     {`{"type":"orgs","id":"o2"}`, `{"type":"orgs","id":"o4"}`, []Org{one, two, {ID: "o3"}, {ID: "o4"}}},
		"included twice":                   {`"included":[`, `"included":[{"type":"orgs","id":"o1","attributes":{"name":"First","disabled":null}},`, []Org{one, two, {ID: "o3"}}},
		"nothing included":                 {`"included"`, `"elsewhere"`, []Org{{ID: "o1"}, {ID: "o2"}, {ID: "o3"}}},
		"null attributes":                  {`{"name":"One","public_id":"p1","sharing":"none","disabled":false}`, `null`, []Org{{ID: "o1"}, two, {ID: "o3"}}},
		"attributes of other kinds":        {`{"name":"One","public_id":"p1","sharing":"none","disabled":false}`, `{"name":7,"public_id":null,"sharing":[],"disabled":"no"}`, []Org{{ID: "o1"}, two, {ID: "o3"}}},
		"a user and an oddity in included": {`"included":[`, `"included":[7,null,{"type":"users","id":"u1","attributes":{"name":"somebody"}},{"type":"orgs"},`, []Org{one, two, {ID: "o3"}}},
	} {
		body := strings.Replace(accountBody, test.before, test.after, 1)
		if body == accountBody && test.before != "" {
			t.Errorf("%s: nothing was replaced", name)
		}
		a, err := decodeAccount(strings.NewReader(body))
		if err != nil || a.Current != "o1" || !slices.Equal(a.Orgs, test.orgs) {
			t.Errorf("%s: got %+v and the error %v, want %+v", name, a, err, test.orgs)
		}
	}
}

// FuzzDecodeAccount checks that a decoded account has a current org, which is one of its
// orgs, and that these have ids, each once and in order, and strings of valid UTF-8.
func FuzzDecodeAccount(f *testing.F) {
	f.Add([]byte(accountBody))
	f.Add([]byte(`{"data":{"id":"o1","relationships":null},"included":[{"type":"orgs","id":"o1"},{"type":"orgs","id":"o1"}]}`))
	f.Add([]byte(`{"data":[]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := decodeAccount(bytes.NewReader(body))
		if err != nil {
			return
		}
		if !slices.ContainsFunc(a.Orgs, func(o Org) bool { return o.ID == a.Current }) {
			t.Errorf("the current org %q is not among %+v", a.Current, a.Orgs)
		}
		for n, o := range a.Orgs {
			if o.ID == "" || !utf8.ValidString(o.ID+" "+o.Name+" "+o.PublicID+" "+o.Sharing) {
				t.Errorf("org %+v", o)
			}
			if n > 0 && cmp.Compare(a.Orgs[n-1].ID, o.ID) >= 0 {
				t.Errorf("org %q follows %q", o.ID, a.Orgs[n-1].ID)
			}
		}
	})
}
