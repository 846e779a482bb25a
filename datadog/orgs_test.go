package datadog_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/datadog/fake"
)

func TestListOrgs_ReturnsTheAccount(t *testing.T) {
	runSynctest(t, "", func(t *testing.T) {
		server := fake.New(fake.Options{Latency: time.Second})
		server.AddOrg(fake.Org{ID: orgB, Name: "Acme", PublicID: "abc"})
		server.AddOrg(fake.Org{ID: orgD, Name: "Acme 東京", PublicID: "ghi", NotIncluded: true})
		server.AddOrg(fake.Org{ID: orgA, Name: "Acme Labs", PublicID: "def", Sharing: "all_public", Disabled: true})
		a := datadog.Org{ID: orgA, Name: "Acme Labs", PublicID: "def", Sharing: "all_public", Disabled: datadog.Yes}
		b := datadog.Org{ID: orgB, Name: "Acme", PublicID: "abc", Sharing: "all_private", Disabled: datadog.No}
		for current, orgs := range map[string][]datadog.Org{
			orgB: {a, b, {ID: orgD}},
			orgA: {a},
			orgD: {{ID: orgD}},
		} {
			client := newClient(t, server, current)
			began := time.Now()
			account, err := client.ListOrgs(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			want := &datadog.Account{Current: current, Orgs: orgs, Credentials: list(t, client).Credentials, Began: began, Duration: time.Second}
			if !reflect.DeepEqual(account, want) {
				t.Errorf("got  %+v\nwant %+v", account, want)
			}
		}
		sent := server.RequestLog()[0]
		if sent.Path != "/api/v2/org" || len(sent.Query) > 0 || sent.Header.Get("Accept") != "application/json" {
			t.Errorf("the request was %+v", sent)
		}
	})
}

func TestListOrgs_FaultsHaveReasons(t *testing.T) {
	for _, test := range faults {
		if test.name == "endless" {
			test.says = "is not a listing of orgs" // but rows
		}
		runSynctest(t, test.name, func(t *testing.T) {
			server := newAccount()
			server.Inject(test.fault)
			client := newClient(t, server, orgA)
			began := time.Now()
			account, err := client.ListOrgs(t.Context())
			if !errors.Is(err, test.reason) {
				t.Fatalf("got %+v and the error %v, want %v", account, err, test.reason)
			}
			if took := time.Since(began); took > datadog.DefaultTimeout {
				t.Errorf("it took %v", took)
			}
			if !strings.HasPrefix(err.Error(), "GET https://api.datadoghq.com/api/v2/org: ") || !strings.Contains(err.Error(), test.says) {
				t.Errorf("the error is %q, want %q in it", err, test.says)
			}
			wantNoSecrets(t, err.Error(), server.Keys(orgA))
		})
	}
}

func TestListOrgs_BoundsTheResponse(t *testing.T) {
	_, err := newClient(t, newAccount(), orgA, func(o *datadog.Options) {
		o.Transport = roundTripper{status: 200, body: strings.Repeat(" ", 33<<20) + `{"data":{"id":"o1"}}`}
	}).ListOrgs(t.Context())
	if !errors.Is(err, datadog.Malformed) || !strings.Contains(err.Error(), "longer than 32 MiB") {
		t.Errorf("the error is %v", err)
	}
}

func TestListOrgs_Retries(t *testing.T) {
	runSynctest(t, "", func(t *testing.T) {
		server := newAccount()
		server.Inject(fake.DisconnectMidBody().Once())
		server.Inject(fake.TooManyRequests(header("Retry-After", "2")).Once())
		client := newClient(t, server, orgA)
		began := time.Now()
		account, err := client.ListOrgs(t.Context())
		if err != nil || len(account.Orgs) != 4 {
			t.Fatalf("got %+v and the error %v", account, err)
		}
		if took := time.Since(began); took < 2*time.Second {
			t.Errorf("the 429 was not heeded: it took %v", took)
		}
		if retries := client.Stats().Retries; retries[datadog.Network] != 1 || retries[datadog.RateLimited] != 1 {
			t.Errorf("retries %v", retries)
		}
	})
}

// A rate limit that orgs have used up must not delay connections, and the other way round.
func TestListOrgs_HasARateLimitOfItsOwn(t *testing.T) {
	listOrgs := func(ctx context.Context, c *datadog.Client) error { _, err := c.ListOrgs(ctx); return err }
	listConnections := func(ctx context.Context, c *datadog.Client) error { _, err := c.List(ctx); return err }
	for _, test := range []struct {
		path           string
		limited, other func(context.Context, *datadog.Client) error
		op             string
	}{
		{fake.OrgsPath, listOrgs, listConnections, "list orgs: "},
		{fake.Path, listConnections, listOrgs, "list org connections: "},
	} {
		runSynctest(t, test.path, func(t *testing.T) {
			server := newAccount()
			server.Inject(fake.TooManyRequests(header("X-RateLimit-Reset", "60")).ForPath(test.path))
			client := newClient(t, server, orgA)
			began := time.Now()
			if err := test.limited(t.Context(), client); !errors.Is(err, datadog.RateLimited) {
				t.Fatal(err)
			}
			if err := test.other(t.Context(), client); err != nil || time.Since(began) > 0 {
				t.Errorf("after %v, the error is %v", time.Since(began), err)
			}
			sent := server.Requests()
			if err := test.limited(t.Context(), client); !errors.Is(err, datadog.RateLimited) || !strings.HasPrefix(err.Error(), test.op) || server.Requests() > sent {
				t.Errorf("%d requests, and the error %v", server.Requests()-sent, err)
			}
		})
	}
}

func TestListOrgs_NamesTheMissingPermission(t *testing.T) {
	runSynctest(t, "", func(t *testing.T) {
		server := newAccount()
		server.DenyOrgManagement(orgA)
		client := newClient(t, server, orgA)
		if _, err := client.ListOrgs(t.Context()); !errors.Is(err, datadog.Forbidden) ||
			!strings.HasSuffix(err.Error(), "(Forbidden); listing orgs needs the permission org_management or org_connections_write") {
			t.Errorf("the error is %v", err)
		}
		list(t, client)
	})
}

func TestListOrgs_FailsWithAnotherOrgsCredentials(t *testing.T) {
	runSynctest(t, "", func(t *testing.T) {
		server := newAccount()
		for _, stated := range []string{"", orgA, strings.ToUpper(orgA)} {
			if _, err := newClient(t, server, orgA, func(o *datadog.Options) { o.OrgID = stated }).ListOrgs(t.Context()); err != nil {
				t.Errorf("%q: %v", stated, err)
			}
		}
		server.RenameOrg(orgA, "somebody@example.com")
		_, err := newClient(t, server, orgA, func(o *datadog.Options) { o.OrgID = orgB }).ListOrgs(t.Context())
		want := fmt.Sprintf(`list orgs from https://api.datadoghq.com/api/v2/org: the credentials are not those of the stated org %s but of org %s ("[address]")`, orgB, orgA)
		if !errors.Is(err, datadog.WrongOrg) || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	})
}

func TestListOrgs_WarnsOfAnUnusableKeyFile(t *testing.T) {
	runSynctest(t, "", func(t *testing.T) {
		server := newAccount()
		file := filepath.Join(t.TempDir(), "token")
		write(t, file, server.Keys(orgA).Token)
		token, err := datadog.NewSecretFile("access token", file)
		if err != nil {
			t.Fatal(err)
		}
		client := newClient(t, server, orgA, func(o *datadog.Options) { o.Credentials = datadog.Credentials{AccessToken: token} })
		write(t, file, "")
		account, err := client.ListOrgs(t.Context())
		if err != nil || !slices.ContainsFunc(account.Warnings, func(w string) bool { return strings.Contains(w, file+" is empty") }) {
			t.Errorf("got %+v and the error %v", account, err)
		}
	})
}
