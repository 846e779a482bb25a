package cli

import (
	"bytes"
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// healthOf runs the command in this environment.
func healthOf(t *testing.T, args ...string) (stdout string, err error) {
	t.Helper()
	var out, logs bytes.Buffer
	err = run(t.Context(), append([]string{"healthcheck"}, args...), &out, &logs)
	if logs.Len() > 0 {
		t.Errorf("it logs %q", &logs)
	}
	return out.String(), err
}

// at returns the flag for an address.
func at(address string) string {
	return "--web.listen-address=" + strings.TrimPrefix(address, "http://")
}

func TestHealthcheck_SucceedsWhileTheExporterIsAlive(t *testing.T) {
	of := newAPI(t)
	dir := t.TempDir()
	certificate(t, dir)
	const (
		tls      = "tls_server_config:\n  cert_file: exporter.crt\n  key_file: exporter.key\n"
		mutual   = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: exporter.crt\n"
		password = "basic_auth_users:\n  prometheus: $2a$04$Dy9db/fhfOd7d7wBb.H7X.59kC4ositI5l1zW9O0pc28k1.VKFora\n"
	)
	for name, test := range map[string]struct{ config, says string }{
		"in the open":                  {"", "The exporter is alive.\n"},
		"with TLS":                     {tls, "The exporter is alive.\n"},
		"with a password":              {password, "The exporter is alive; it requires a password.\n"},
		"with TLS and a password":      {tls + password, "The exporter is alive; it requires a password.\n"},
		"with certificates of clients": {tls + mutual, "The exporter is alive; it requires a client certificate.\n"},
	} {
		t.Run(name, func(t *testing.T) {
			config := filepath.Join(dir, "web.yml")
			write(t, config, test.config)
			p := start(t, of.args("--web.config.file="+config)...)
			says, err := healthOf(t, at(p.base))
			if err != nil || says != test.says {
				t.Errorf("it says %q and ends with %v, want %q and no error", says, err, test.says)
			}
		})
	}
}

// As in a container: both processes have the environment of one.
func TestHealthcheck_UsesTheAddressOfTheEnvironment(t *testing.T) {
	of := newAPI(t)
	p := start(t, of.args()...)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(p.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"every address":     ":" + port,
		"every IPv4 one":    "0.0.0.0:" + port,
		"several addresses": "127.0.0.1:" + port + "\n127.0.0.1:1\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("DATADOG_ORG_CONNECTIONS_EXPORTER_WEB_LISTEN_ADDRESS", value)
			if _, err := healthOf(t); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestHealthcheck_GivesUp(t *testing.T) {
	t.Parallel()
	silent, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0") // never accepts
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	says, err := healthOf(t, at(silent.Addr().String()))
	if err == nil || says != "" || !strings.Contains(err.Error(), "not healthy") || !strings.Contains(err.Error(), "deadline exceeded") {
		t.Errorf("it says %q and ends with %v", says, err)
	}
}
