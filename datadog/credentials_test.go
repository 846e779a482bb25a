package datadog_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/datadog/fake"
)

func TestCredentials_Headers(t *testing.T) {
	runSynctest(t, "keys", func(t *testing.T) {
		server, org := fake.Star(fake.Options{}, 3, 1)
		client := newClient(t, server, org, func(o *datadog.Options) { o.UserAgent = "test/1.2.3" })
		wantAllConnections(t, list(t, client), server, org)
		sent := server.RequestLog()[0].Header
		if sent.Get("Authorization") != "" || sent.Get("User-Agent") != "test/1.2.3" || sent.Get("Accept") != "application/json" {
			t.Errorf("the header was %v", sent)
		}
	})
	runSynctest(t, "token", func(t *testing.T) {
		server, org := fake.Star(fake.Options{}, 3, 1)
		client := newClient(t, server, org, func(o *datadog.Options) {
			// An API key is often set for other programs. It is not sent beside a token.
			o.Credentials = datadog.Credentials{APIKey: o.Credentials.APIKey, AccessToken: secret(t, server.Keys(org).Token)}
		})
		wantAllConnections(t, list(t, client), server, org)
		if sent := server.RequestLog()[0].Header; sent.Get("DD-API-KEY") != "" {
			t.Errorf("the header was %v", sent)
		}
	})
}

func TestNew_ValidatesCredentials(t *testing.T) {
	s := secret(t, "0123")
	for _, test := range []struct {
		credentials datadog.Credentials
		err         error
		says        string
	}{
		{datadog.Credentials{}, datadog.ErrNoCredentials, ""},
		{datadog.Credentials{APIKey: s}, datadog.ErrNoCredentials, "but no application key"},
		{datadog.Credentials{AppKey: s}, datadog.ErrNoCredentials, "but no API key"},
		{datadog.Credentials{APIKey: s, AppKey: s, AccessToken: s}, datadog.ErrDoubleCredentials, "both an access token and a pair of keys"},
		{datadog.Credentials{APIKey: s, AppKey: s}, nil, ""},
		{datadog.Credentials{AccessToken: s}, nil, ""},
		{datadog.Credentials{APIKey: s, AccessToken: s}, nil, ""},
	} {
		_, err := datadog.New(datadog.Options{Credentials: test.credentials})
		if !errors.Is(err, test.err) || err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%+v: %v", test.credentials, err)
		}
	}
}

func TestNew_RejectsNegativeOptions(t *testing.T) {
	credentials := datadog.Credentials{AccessToken: secret(t, "0123")}
	for _, options := range []datadog.Options{{PageSize: -1}, {Timeout: -1}} {
		options.Credentials = credentials
		if _, err := datadog.New(options); err == nil || !strings.Contains(err.Error(), "negative") {
			t.Errorf("page size %d, timeout %v: the error is %v", options.PageSize, options.Timeout, err)
		}
	}
}

func TestSecret_FormatHidesValue(t *testing.T) {
	server, org := fake.Star(fake.Options{}, 1, 1)
	client := newClient(t, server, org)
	keys := server.Keys(org)
	s := secret(t, keys.API)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, value := range []any{s, client, datadog.Credentials{APIKey: s}, &datadog.Credentials{APIKey: s}} {
			shown := fmt.Sprintf(verb, value)
			if strings.Contains(shown, keys.API) || strings.Contains(shown, fmt.Sprintf("%x", keys.API)) {
				t.Errorf("%s shows %s", verb, shown)
			}
		}
	}
}

func TestSecret_TrimsWhiteSpace(t *testing.T) {
	runSynctest(t, "", func(t *testing.T) {
		server, org := fake.Star(fake.Options{}, 3, 1)
		keys := server.Keys(org)
		file := filepath.Join(t.TempDir(), "app-key")
		write(t, file, "\ufeff"+keys.App+"\r\n")
		appKey, err := datadog.NewSecretFile("application key", file)
		if err != nil {
			t.Fatal(err)
		}
		client := newClient(t, server, org, func(o *datadog.Options) {
			o.Credentials = datadog.Credentials{APIKey: secret(t, " "+keys.API+"\n"), AppKey: appKey}
		})
		wantAllConnections(t, list(t, client), server, org)
	})
}

func TestNewSecret_RejectsInvalidWithoutShowingIt(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"empty":         "",
		"only space":    " \n\n",
		"two lines":     "hunter2\nhunter3",
		"a space":       "hunter2 hunter3",
		"control":       "hunter2\x00",
		"no plain text": "hünter2",
	} {
		file := filepath.Join(dir, name)
		write(t, file, content)
		_, inFile := datadog.NewSecretFile("API key", file)
		_, fixed := datadog.NewSecret("environment variable DD_API_KEY", content)
		for _, err := range []error{inFile, fixed} {
			if err == nil || strings.Contains(err.Error(), "hunter") || strings.Contains(err.Error(), "hünter") {
				t.Errorf("%s: %v", name, err)
			}
		}
		if !strings.Contains(inFile.Error(), file) || !strings.Contains(fixed.Error(), "DD_API_KEY") {
			t.Errorf("%s: the errors do not name the source: %v, %v", name, inFile, fixed)
		}
	}
	if _, err := datadog.NewSecretFile("API key", filepath.Join(dir, "missing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestNewSecretFile_RejectsHugeFiles(t *testing.T) {
	dir := t.TempDir()
	huge := filepath.Join(dir, "huge")
	write(t, huge, strings.Repeat("0", 64<<10))
	if _, err := datadog.NewSecretFile("API key", huge); err != nil {
		t.Errorf("64 KiB: %v", err)
	}
	write(t, huge, strings.Repeat("0", 64<<10+1))
	for _, path := range []string{huge, "/dev/zero"} {
		if _, err := datadog.NewSecretFile("API key", path); err == nil || !strings.Contains(err.Error(), "API key: "+path+": the file is larger than 64 KiB") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := datadog.NewSecretFile("API key", dir); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("a directory: %v", err)
	}
}

func TestNewSecretFile_UsesRotatedKeyForNextListing(t *testing.T) {
	runSynctest(t, "", func(t *testing.T) {
		server, org := fake.Star(fake.Options{}, 3, 1)
		dir := t.TempDir()
		files := map[string]string{filepath.Join(dir, "api"): server.Keys(org).API, filepath.Join(dir, "app"): server.Keys(org).App}
		for file := range files {
			write(t, file, "0123456789abcdef")
		}
		apiKey, err1 := datadog.NewSecretFile("API key", filepath.Join(dir, "api"))
		appKey, err2 := datadog.NewSecretFile("application key", filepath.Join(dir, "app"))
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		client := newClient(t, server, org, func(o *datadog.Options) {
			o.Credentials = datadog.Credentials{APIKey: apiKey, AppKey: appKey}
		})
		if _, err := client.List(t.Context()); !errors.Is(err, datadog.Forbidden) {
			t.Fatalf("a wrong key: %v", err)
		}
		for file, key := range files {
			write(t, file, key)
		}
		wantAllConnections(t, list(t, client), server, org)
	})
}

func TestListing_CredentialsAreThoseOfTheAPIKeyOrToken(t *testing.T) {
	server, org := fake.Star(fake.Options{}, 1, 1)
	fingerprint := func(credentials datadog.Credentials) string {
		return list(t, newClient(t, server, org, func(o *datadog.Options) {
			o.Credentials = credentials
			o.Transport = roundTripper{status: 200, body: `{"data":[],"meta":{"page":{"total_count":0}}}`}
		})).Credentials
	}
	a, b := secret(t, strings.Repeat("a", 32)), secret(t, strings.Repeat("b", 32))
	// It is stored, so that it must be the same in later versions.
	const ofA = "d7b707108dc5e97a00d607b52f3f4f6d"
	for name, credentials := range map[string]datadog.Credentials{
		"a pair of keys":          {APIKey: a, AppKey: b},
		"another application key": {APIKey: a, AppKey: a},
		"a token beside a key":    {APIKey: b, AccessToken: a},
	} {
		if got := fingerprint(credentials); got != ofA {
			t.Errorf("%s: the fingerprint is %s, want %s", name, got, ofA)
		}
	}
	if fingerprint(datadog.Credentials{APIKey: b, AppKey: a}) == ofA {
		t.Error("another API key has the same fingerprint")
	}
}

func TestListing_CredentialsAreThoseThatWereSent(t *testing.T) {
	runSynctest(t, "", func(t *testing.T) {
		server, org := fake.Star(fake.Options{}, 3, 1)
		other := server.AddOrg(fake.Org{})
		file := filepath.Join(t.TempDir(), "token")
		write(t, file, server.Keys(org).Token)
		token, err := datadog.NewSecretFile("access token", file)
		if err != nil {
			t.Fatal(err)
		}
		client := newClient(t, server, org, func(o *datadog.Options) { o.Credentials = datadog.Credentials{AccessToken: token} })
		first := list(t, client).Credentials
		write(t, file, "")
		if list(t, client).Credentials != first {
			t.Error("an unusable file changes the fingerprint, but not the token that is sent")
		}
		write(t, file, server.Keys(other).Token)
		if list(t, client).Credentials == first {
			t.Error("another token has the same fingerprint")
		}
	})
}

func TestNewSecretFile_KeepsLastValidKey(t *testing.T) {
	runSynctest(t, "", func(t *testing.T) {
		server, org := fake.Star(fake.Options{}, 3, 1)
		file := filepath.Join(t.TempDir(), "token")
		write(t, file, server.Keys(org).Token)
		token, err := datadog.NewSecretFile("access token", file)
		if err != nil {
			t.Fatal(err)
		}
		client := newClient(t, server, org, func(o *datadog.Options) { o.Credentials = datadog.Credentials{AccessToken: token} })
		write(t, file, "")
		listing := list(t, client)
		wantAllConnections(t, listing, server, org)
		if len(listing.Warnings) != 1 || !strings.Contains(listing.Warnings[0], file+" is empty") {
			t.Errorf("warnings %q", listing.Warnings)
		}
		server.RevokeKeys(org)
		if _, err := client.List(t.Context()); !errors.Is(err, datadog.Unauthorized) || !strings.Contains(err.Error(), file+" is empty") {
			t.Errorf("the error does not say that the last valid key was sent: %v", err)
		}
	})
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
