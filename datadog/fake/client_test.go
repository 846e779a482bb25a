package fake_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"datadog_org_connections_exporter/datadog/fake"
)

// client sends requests with one org's keys, through net/http.
type client struct {
	t    *testing.T
	http *http.Client
	keys fake.Keys
}

// connect returns a client with an org's keys. It does not follow redirects.
func connect(t *testing.T, s *fake.Server, orgID string) client {
	t.Helper()
	transport, stop := fake.InMemory(s)
	t.Cleanup(stop)
	return client{
		t: t,
		http: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		keys: s.Keys(orgID),
	}
}

// as returns the same client with other keys.
func (c client) as(keys fake.Keys) client {
	c.keys = keys
	return c
}

func (c client) request(method, pathAndQuery string) *http.Request {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, "https://api.example.com"+pathAndQuery, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("DD-API-KEY", c.keys.API)
	r.Header.Set("DD-APPLICATION-KEY", c.keys.App)
	return r
}

// answer is a response; err is the error of sending the request or of reading the body.
type answer struct {
	status int
	header http.Header
	body   string
	err    error
}

func (c client) do(r *http.Request) answer {
	resp, err := c.http.Do(r)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(body), err}
}

// get requests a page: query is "" or begins with "?".
func (c client) get(query string) answer {
	c.t.Helper()
	return c.do(c.request(http.MethodGet, fake.Path+query))
}

// getOrgs requests the orgs of the account: query is "" or begins with "?".
func (c client) getOrgs(query string) answer {
	c.t.Helper()
	return c.do(c.request(http.MethodGet, fake.OrgsPath+query))
}

// page is the part of a page that tests check.
type page struct {
	IDs             []string
	Total, Filtered int
}

func (a answer) page(t *testing.T) page {
	t.Helper()
	var body struct {
		Data []struct{ ID string }
		Meta struct {
			Page struct {
				Total    int `json:"total_count"`
				Filtered int `json:"total_filtered_count"`
			}
		}
	}
	if a.err != nil || a.status != http.StatusOK {
		t.Fatalf("status %d, error %v: %s", a.status, a.err, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), &body); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	p := page{Total: body.Meta.Page.Total, Filtered: body.Meta.Page.Filtered}
	for _, row := range body.Data {
		p.IDs = append(p.IDs, row.ID)
	}
	return p
}

// ids returns the ids joined by spaces.
func (p page) ids() string { return strings.Join(p.IDs, " ") }

// triangle returns an account of three orgs: c1 from a to b, c2 from b to c, c3 from c to a, c4 from a to c.
func triangle(opts fake.Options) *fake.Server {
	s := fake.New(opts)
	for _, id := range []string{"a", "b", "c"} {
		s.AddOrg(fake.Org{ID: id, Name: "Acme " + id})
	}
	s.AddConnection(fake.Connection{ID: "c1", SourceID: "a", SinkID: "b"})
	s.AddConnection(fake.Connection{ID: "c2", SourceID: "b", SinkID: "c"})
	s.AddConnection(fake.Connection{ID: "c3", SourceID: "c", SinkID: "a"})
	s.AddConnection(fake.Connection{ID: "c4", SourceID: "a", SinkID: "c"})
	return s
}
