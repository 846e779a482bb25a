package cli

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
)

// healthcheckTimeout bounds the whole check.
const healthcheckTimeout = 3 * time.Second

// healthcheck requests /-/healthy of a running exporter, for images without a shell
// or curl.
type healthcheck struct {
	address string
}

func addHealthcheck(app *kingpin.Application) command {
	clause := app.Command("healthcheck", `Ask a running exporter whether it is alive, at /-/healthy.

  healthcheck                                    the exporter on this machine
  healthcheck --web.listen-address=exporter:80   one elsewhere

For containers and service managers: in the exporter's own environment, it uses
the environment variable of --web.listen-address as the exporter does. TLS is
used where the exporter does, without verifying the certificate. An exporter that
asks for a password or a client certificate is alive.

Exit status: 0 alive, 1 not.`)
	h := &healthcheck{}
	clause.Flag("web.listen-address", "Where the exporter listens: its own flag of that name, or host:port.").
		Default(defaultAddress).StringVar(&h.address)
	return h
}

func (h *healthcheck) run(ctx context.Context, io streams) error {
	ctx, cancel := context.WithTimeout(ctx, healthcheckTimeout)
	defer cancel()
	// The environment variable may hold several addresses, one per line.
	address, _, _ := strings.Cut(strings.TrimSpace(h.address), "\n")
	answer, err := askHealth(ctx, address)
	if err != nil {
		return fmt.Errorf("the exporter at %s is not healthy: %w", address, err)
	}
	fmt.Fprintln(io.out, answer)
	return nil
}

// askHealth returns what a live exporter answers, and an error for one that is not.
func askHealth(ctx context.Context, address string) (string, error) {
	status, text, err := getHealth(ctx, address, "http")
	if err == nil && status == http.StatusBadRequest { // Go's server answers so where it expects TLS
		status, text, err = getHealth(ctx, address, "https")
	}
	var network *net.OpError
	switch {
	case errors.As(err, &network) && network.Op == "remote error":
		return "The exporter is alive; it requires a client certificate.", nil
	case err != nil:
		return "", err
	case status == http.StatusUnauthorized:
		return "The exporter is alive; it requires a password.", nil
	case status != http.StatusOK:
		return "", fmt.Errorf("it answers %d %s", status, cmp.Or(text, http.StatusText(status)))
	}
	return text, nil
}

// getHealth dials the address itself, which may lack a host as a listen address does,
// and not the host of a URL.
func getHealth(ctx context.Context, address, scheme string) (status int, text string, err error) {
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
		// No data is sent or used that a certificate would protect.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://localhost/-/healthy", nil)
	if err != nil {
		return 0, "", err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1024))
	return response.StatusCode, strings.TrimSpace(string(body)), err
}
