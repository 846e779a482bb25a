package datadog

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// BenchmarkDecodePage decodes a page of 1,000 connections with the orgs and users
// that the API includes.
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
