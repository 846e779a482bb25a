package cli

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"datadog_org_connections_exporter/datadog/fake"
)

// TestScripts runs the commands as people do: testdata/scripts has a script for
// each. What is special in them:
//
//	exits 2 check …      runs the program and wants this exit status
//	account unexpected   makes something happen in the simulated account
//	fault forbidden      makes the simulated API fail; fault none ends that
//	config FILE hub …    writes a configuration file with the keys of these orgs
//
// Each has a simulated API of its own at $API, with an account of three orgs, and
// a token for it in the environment.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/scripts",
		Deadline:            time.Now().Add(patience), // for a program that starts against all expectations
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			s := newScripted()
			api := httptest.NewServer(s)
			env.Defer(func() { api.CloseClientConnections(); api.Close() })
			env.Values["scripted"] = s
			env.Setenv("API", "--datadog.api-url="+api.URL)
			env.Setenv("URL", api.URL)
			env.Setenv("TAKEN", api.Listener.Addr().String())
			env.Setenv("SECRET", "5ec2e75ec2e75ec2e7")
			env.Setenv("GOCOVERDIR", env.WorkDir) // for a binary that measures coverage
			env.Setenv("DATADOG_ORG_CONNECTIONS_EXPORTER_DATADOG_API_URL", api.URL)
			env.Setenv("DATADOG_ORG_CONNECTIONS_EXPORTER_WEB_LISTEN_ADDRESS", "127.0.0.1:0")
			env.Setenv("DD_ACCESS_TOKEN", s.Keys(s.hub).Token)
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits,
			"account": func(ts *testscript.TestScript, _ bool, args []string) {
				scriptedOf(ts).happen(ts, args[0])
			},
			"fault": func(ts *testscript.TestScript, _ bool, args []string) {
				scriptedOf(ts).fail(ts, args[0])
			},
			"config": func(ts *testscript.TestScript, _ bool, args []string) {
				scriptedOf(ts).configure(ts, args[0], args[1:])
			},
		},
	})
}

// exits runs the program and wants an exit status, an error in one line, and none of
// the secret.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: exits STATUS [ARGUMENT...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	status := 0
	if err := ts.Exec(programName, args[1:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("run the program: %v", err)
		}
		status = exit.ExitCode()
	}
	stdout, stderr := ts.ReadFile("stdout"), ts.ReadFile("stderr")
	if status != want {
		ts.Fatalf("exit status %d, want %d", status, want)
	}
	if secret := ts.Getenv("SECRET"); strings.Contains(stdout+stderr, secret) {
		ts.Fatalf("the secret %s is shown", secret)
	}
}

// scripted is the account of a script.
type scripted struct {
	*fake.Server
	hub, payments, lake, person string
}

func scriptedOf(ts *testscript.TestScript) *scripted {
	s, ok := ts.Value("scripted").(*scripted)
	if !ok {
		ts.Fatalf("the script has no account")
	}
	return s
}

func newScripted() *scripted {
	s := &scripted{Server: fake.New(fake.Options{})}
	org := func(letter, name string) string {
		return s.AddOrg(fake.Org{ID: fmt.Sprintf("%s-0000-4000-8000-000000000000", letter), Name: name})
	}
	s.hub, s.payments, s.lake = org("aaaaaaaa", "Security"), org("bbbbbbbb", "Payments EU"), org("cccccccc", "Data \"Lake\" 東京")
	s.person = s.AddUser(fake.User{ID: "person", Name: "Robin Sample", Email: "robin.sample@example.com"})
	robot := s.AddUser(fake.User{ID: "robot", ServiceAccount: true})
	created := time.Date(2025, 3, 4, 5, 6, 7, 0, time.UTC)
	s.AddConnection(fake.Connection{ID: "one", SourceID: s.payments, SinkID: s.hub, CreatorID: robot, CreatedAt: created, Types: []string{"logs"}})
	s.AddConnection(fake.Connection{ID: "two", SourceID: s.hub, SinkID: s.lake, CreatorID: s.person, CreatedAt: created, Types: []string{"metrics", "audit"}})
	return s
}

func (s *scripted) happen(ts *testscript.TestScript, event string) {
	switch event {
	case "unexpected":
		s.AddConnection(fake.Connection{ID: "three", SourceID: s.lake, SinkID: s.hub, CreatedAt: time.Now(), Types: []string{"logs"}})
	case "aside": // the hub does not see it
		s.AddConnection(fake.Connection{ID: "aside", SourceID: s.payments, SinkID: s.lake, CreatedAt: time.Date(2025, 4, 5, 6, 7, 8, 0, time.UTC), Types: []string{"logs"}})
	case "widened":
		s.SetTypes("one", "logs", "traces")
	case "removed":
		s.RemoveConnection("one")
	case "renamed":
		s.RenameOrg(s.payments, "Payments Europe")
	case "renamed-lake":
		s.RenameOrg(s.lake, "Lake")
	case "disabled":
		s.DisableUser(s.person)
	default:
		ts.Fatalf("account: nothing is known of %q", event)
	}
}

// configure writes a configuration file with the keys of some orgs.
func (s *scripted) configure(ts *testscript.TestScript, file string, orgs []string) {
	ids := map[string]string{"hub": s.hub, "payments": s.payments, "lake": s.lake}
	yaml := "orgs:\n"
	for _, org := range orgs {
		token := org + ".token"
		ts.Check(os.WriteFile(ts.MkAbs(token), []byte(s.Keys(ids[org]).Token), 0o600))
		yaml += fmt.Sprintf("  - {name: %s, access_token_file: %s, api_url: %q}\n", org, token, ts.Getenv("URL"))
	}
	ts.Check(os.WriteFile(ts.MkAbs(file), []byte(yaml), 0o600))
}

func (s *scripted) fail(ts *testscript.TestScript, name string) {
	fault, known := map[string]fake.Fault{
		"bomb":        fake.GzipBomb(`{"data":[{}`, ",{}"),
		"forbidden":   fake.Status(403),
		"goaway":      fake.GoAway(),
		"gzip":        fake.Gzip(),
		"half":        fake.Truncated(),
		"incomplete":  fake.NoMeta(),
		"unreachable": fake.Disconnect(),
	}[name]
	switch {
	case name == "none":
		s.ClearFaults()
	case known:
		s.Inject(fault)
	default:
		ts.Fatalf("fault: nothing is known of %q", name)
	}
}
