package datadog

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// row is a connection as in the API's responses.
const row = `{"type":"org_connection","id":"c1","attributes":{"created_at":"2026-01-02T03:04:05.678901+00:00","connection_types":["logs"]},` +
	`"relationships":{"source_org":{"data":{"type":"orgs","id":"o1","name":"One"}},"sink_org":{"data":{"type":"orgs","id":"o2","name":"Two"}},` +
	`"created_by":{"data":{"type":"users","id":"u1","name":"somebody"}}}}`

func TestDecodePage_RejectsWhatIsNotAListing(t *testing.T) {
	for name, test := range map[string]struct{ body, message string }{
		"nothing":                          {``, "EOF"},
		"HTML":                             {`<!DOCTYPE html><html></html>`, "invalid character '<'"},
		"not an object":                    {`[]`, `unexpected [ at ""`},
		"null":                             {`null`, "no data"},
		"no data":                          {`{"meta":{"page":{"total_count":0}}}`, "no data"},
		"null data":                        {`{"data":null}`, "no data"},
		"an object for data":               {`{"data":{}}`, `unexpected { at "/data"`},
		"a string for data":                {`{"data":"none"}`, `unexpected string at "/data"`},
		"errors":                           {`{"errors":["Forbidden"]}`, "no data"},
		"cut short":                        {`{"data":[` + row, "unexpected EOF"},
		"more than one document":           {`{"data":[]}{"data":[]}`, "invalid character '{' after top-level value"},
		"rows that are not objects":        {`{"data":["c1"]}`, `unexpected string at "/data/0"`},
		"a row that is null":               {`{"data":[null]}`, "data[0] has no id"},
		"rows of another kind":             {`{"data":[` + row + `,` + strings.Replace(row, `"org_connection"`, `"users"`, 1) + `]}`, `data[1] has the type "users"`},
		"a row without id":                 {`{"data":[` + strings.Replace(row, `"id":"c1",`, ``, 1) + `]}`, "data[0] has no id"},
		"a numeric id":                     {`{"data":[` + row + `,` + strings.Replace(row, `"id":"c1"`, `"id":1`, 1) + `]}`, `unexpected number at "/data/1/id"`},
		"a string for types":               {`{"data":[` + strings.Replace(row, `["logs"]`, `"logs"`, 1) + `]}`, `unexpected string at "/data/0/attributes/connection_types"`},
		"numbers for types":                {`{"data":[` + strings.Replace(row, `["logs"]`, `[1]`, 1) + `]}`, `unexpected number at "/data/0/attributes/connection_types/0"`},
		"a syntax error in a skipped part": {`{"data":[],"included":[{"type":"orgs","id":tru}]}`, "invalid character"},
	} {
		p, err := decodePage(strings.NewReader(test.body), false)
		if err == nil {
			t.Errorf("%s is decoded as %+v", name, p)
		} else if !strings.Contains(err.Error(), test.message) {
			t.Errorf("%s: the error is %q, want %q in it", name, err, test.message)
		}
	}
}

func TestDecodePage_AcceptsOddRows(t *testing.T) {
	for name, replace := range map[string][2]string{
		"another field":              {`"attributes":{`, `"links":{"self":7},"attributes":{"region":["x"],`},
		"no type":                    {`"type":"org_connection",`, ``},
		"a field twice":              {`"type":"org_connection",`, `"type":"org_connection","type":"org_connection",`},
		"a numeric date":             {`"2026-01-02T03:04:05.678901+00:00"`, `1767323045`},
		"an invalid date":            {`"2026-01-02T03:04:05.678901+00:00"`, `"soon"`},
		"a null date":                {`"2026-01-02T03:04:05.678901+00:00"`, `null`},
		"no types":                   {`,"connection_types":["logs"]`, ``},
		"an empty type":              {`["logs"]`, `[""]`},
		"a null type":                {`["logs"]`, `[null]`},
		"null creator":               {`{"data":{"type":"users","id":"u1","name":"somebody"}}`, `null`},
		"null source":                {`{"data":{"type":"orgs","id":"o1","name":"One"}}`, `{"data":null}`},
		"no relationships":           {`"relationships":{`, `"elsewhere":{`},
		"null relationships":         {`"relationships":{`, `"relationships":null,"elsewhere":{`},
		"a name that is a number":    {`"name":"One"`, `"name":1`},
		"a name that is an object":   {`"name":"One"`, `"name":{}`},
		"a name that is not there":   {`,"name":"One"`, ``},
		"a name that is null":        {`"name":"One"`, `"name":null`},
		"invalid UTF-8 in a name":    {`"name":"One"`, "\"name\":\"\xff\xfe\""},
		"half a surrogate in a name": {`"name":"One"`, `"name":"\ud800"`},
	} {
		changed := strings.Replace(row, replace[0], replace[1], 1)
		if changed == row {
			t.Errorf("%s: nothing was replaced", name)
		}
		p, err := decodePage(strings.NewReader(`{"data":[`+changed+`],"meta":{"page":{"total_count":1,"total_filtered_count":1}}}`), false)
		if err != nil || len(p.connections) != 1 || p.connections[0].ID != "c1" || p.total != 1 {
			t.Errorf("%s: %+v, %v", name, p, err)
			continue
		}
		for _, o := range p.orgs {
			if o.ID == "" || !utf8.ValidString(o.Name) {
				t.Errorf("%s: org %+v", name, o)
			}
		}
	}
}

func TestDecodePage_AcceptsAnyIncluded(t *testing.T) {
	for _, included := range []string{
		`null`, `{}`, `"orgs"`, `7`, `[]`, `[null]`, `[7]`, `[[]]`, `[{}]`, `[{"type":"orgs"}]`, `[{"type":"teams","id":"t1","attributes":{}}]`,
		`[{"type":"users","attributes":{"service_account":true}}]`, `[{"type":"users","id":7,"attributes":{"service_account":true}}]`,
		`[{"type":"orgs","id":"o1","attributes":null}]`, `[{"type":"orgs","id":"o1","attributes":[]}]`,
		`[{"type":"users","id":"u1","attributes":{"service_account":"yes","disabled":0}}]`,
		`[{"type":"orgs","id":"o1","attributes":{"name":"Uno","name":null}}]`,
		`[{"type":"orgs","id":"o1","attributes":{"name":null,"public_id":7,"sharing":{},"disabled":"no"}}]`,
	} {
		p, err := decodePage(strings.NewReader(`{"data":[`+row+`],"included":`+included+`}`), false)
		if err != nil || len(p.connections) != 1 {
			t.Errorf("%s: %v", included, err)
			continue
		}
		var one Org
		for _, o := range p.orgs {
			if o.ID != "o1" && o.ID != "o2" {
				t.Errorf("%s: %+v is not an org", included, o)
			}
			if o.ID == "o1" {
				one = one.Updated(o)
			}
		}
		if (one != Org{ID: "o1", Name: "One"}) {
			t.Errorf("%s: the org is %+v", included, one)
		}
		for _, u := range p.creators {
			if (u != Creator{ID: "u1"}) {
				t.Errorf("%s: the user is %+v", included, u)
			}
		}
	}
}

func TestDecodePage_NormalizesTypesAndTimes(t *testing.T) {
	changed := strings.NewReplacer(`["logs"]`, `["metrics","","logs",null,"metrics"]`, "03:04:05.678901+00:00", "05:34:05.678901+02:30").Replace(row)
	p, err := decodePage(strings.NewReader(`{"data":[`+changed+`]}`), false)
	if err != nil {
		t.Fatal(err)
	}
	c := p.connections[0]
	if got, want := fmt.Sprint(c.Types, c.CreatedAt), "[logs metrics] 2026-01-02 03:04:05.678901 +0000 UTC"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestDecodePage_BoundsLists(t *testing.T) {
	for elements, tooMany := range map[int]bool{maxElements: false, maxElements + 1: true} {
		_, err := decodePage(strings.NewReader(`{"data":[],"included":[0`+strings.Repeat(",0", elements-1)+`]}`), false)
		if errors.Is(err, errTooManyElements) != tooMany || (err != nil) != tooMany {
			t.Errorf("%d elements: the error is %v", elements, err)
		}
	}
}

func TestDecodePage_Total(t *testing.T) {
	for _, test := range []struct {
		meta            string
		plain, filtered int
	}{
		{`{"page":{"total_count":7,"total_filtered_count":3}}`, 3, 3},
		{`{"page":{"total_count":7}}`, 7, unknownTotal},
		{`{"page":{"total_count":7,"total_filtered_count":null}}`, 7, unknownTotal},
		{`{"page":{"total_filtered_count":3}}`, 3, 3},
		{`{"page":{"total_filtered_count":-3}}`, unknownTotal, unknownTotal},
		{`{"page":{"total_filtered_count":"3"}}`, unknownTotal, unknownTotal},
		{`{"page":{"total_filtered_count":3.5}}`, unknownTotal, unknownTotal},
		{`{"page":{"total_filtered_count":1e30}}`, unknownTotal, unknownTotal},
		{`{"page":[]}`, unknownTotal, unknownTotal},
		{`{}`, unknownTotal, unknownTotal},
		{`null`, unknownTotal, unknownTotal},
		{`7`, unknownTotal, unknownTotal},
	} {
		for filtered, want := range map[bool]int{false: test.plain, true: test.filtered} {
			p, err := decodePage(strings.NewReader(`{"data":[],"meta":`+test.meta+`}`), filtered)
			if err != nil || p.total != want {
				t.Errorf("%s, filtered %v: the total is %d, not %d (%v)", test.meta, filtered, p.total, want, err)
			}
		}
	}
}

// FuzzDecodePage checks that decoded connections and orgs have ids, that their strings
// are valid UTF-8, and that types are sorted, without duplicates.
func FuzzDecodePage(f *testing.F) {
	f.Add([]byte(`{"data":[` + row + `],"included":[{"type":"orgs","id":"o1","attributes":{"name":"One","public_id":"p","sharing":"x","disabled":false}}],"meta":{"page":{"total_count":1,"total_filtered_count":1}}}`))
	f.Add([]byte(`{"data":[],"meta":{"page":{"total_count":0,"total_filtered_count":0}}}`))
	f.Add([]byte(`{"errors":[{"title":"Forbidden"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		_ = truncate(describeBody(body))
		p, err := decodePage(bytes.NewReader(body), false)
		if err != nil {
			return
		}
		for _, c := range p.connections {
			if c.ID == "" || !utf8.ValidString(c.ID+" "+c.SourceID+" "+c.SinkID+" "+c.Creator.ID) {
				t.Errorf("connection %+v", c)
			}
			for n, kind := range c.Types {
				if kind == "" || !utf8.ValidString(kind) || n > 0 && c.Types[n-1] >= kind {
					t.Errorf("types %q", c.Types)
				}
			}
		}
		for _, o := range p.orgs {
			if o.ID == "" || !utf8.ValidString(o.ID+" "+o.Name+" "+o.PublicID+" "+o.Sharing) {
				t.Errorf("org %+v", o)
			}
		}
		if p.total < unknownTotal {
			t.Errorf("total %d", p.total)
		}
	})
}

// BenchmarkDecodePage decodes a page of 1,000 connections with as many orgs and users.
func BenchmarkDecodePage(b *testing.B) {
	var rows, included []string
	for n := range 1000 {
		id := func(kind int) string { return fmt.Sprintf("%08x-5a5a-4b4b-8c8c-%012x", kind, n) }
		rows = append(rows, strings.NewReplacer(
			`"id":"c1"`, `"id":"`+id(1)+`"`, `"id":"o1","name":"One"`, `"id":"`+id(2)+`","name":"Acme Payments Team"`, `"id":"u1"`, `"id":"`+id(3)+`"`,
		).Replace(row))
		included = append(included, `{"type":"orgs","id":"`+id(2)+`","attributes":{"public_id":"p`+fmt.Sprint(n)+`","name":"Acme Payments Team","description":null,"sharing":"all_private","url":null,"disabled":false,"created_at":"2021-02-03T04:05:06.000007+00:00","modified_at":"2022-03-04T05:06:07.000008+00:00"}}`,
			`{"type":"users","id":"`+id(3)+`","attributes":{"name":"somebody","handle":"somebody@example.com","created_at":"2021-04-05T06:07:08.000009+00:00","modified_at":null,"email":"somebody@example.com","icon":"https://example.com/icon","title":null,"verified":true,"service_account":false,"disabled":false,"allowed_login_methods":[],"status":"Active"}}`)
	}
	body := []byte(`{"data":[` + strings.Join(rows, ",") + `],"included":[` + strings.Join(included, ",") + `],"meta":{"page":{"total_count":1000,"total_filtered_count":1000}}}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if p, err := decodePage(bytes.NewReader(body), false); err != nil || len(p.connections) != 1000 {
			b.Fatal(err)
		}
	}
}
