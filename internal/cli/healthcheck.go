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

// healthcheckPatience is how long an exporter may take to say that it is alive.
const healthcheckPatience = 3 * time.Second

// healthcheck asks a running exporter whether it is alive: where there is neither
// shell nor curl, as in the image, the program itself can.
type healthcheck struct {
	address string
}

func addHealthcheck(app *kingpin.Application) command {
	clause := app.Command("healthcheck", `Ask a running exporter whether it is alive, at /-/healthy.

  healthcheck                                    the exporter on this machine
  healthcheck --web.listen-address=exporter:80   one elsewhere

For containers and service managers: it listens where the environment variable of
--web.listen-address says, and so does this ask there. An exporter with TLS is
asked in TLS, whoever its certificate is for. One that wants a password or a
certificate of the client is alive, too: it says so.

Exit status: 0 it is alive, 1 it is not.`)
	h := &healthcheck{}
	clause.Flag("web.listen-address", "Where the exporter listens: its own flag of that name, or host:port.").
		Default(defaultAddress).StringVar(&h.address)
	return h
}

func (h *healthcheck) run(ctx context.Context, io streams) error {
	ctx, cancel := context.WithTimeout(ctx, healthcheckPatience)
	defer cancel()
	// Of several addresses, which the environment has one a line, any will do.
	address, _, _ := strings.Cut(strings.TrimSpace(h.address), "\n")
	answer, err := askHealth(ctx, address)
	if err != nil {
		return fmt.Errorf("the exporter at %s is not healthy: %w", address, err)
	}
	fmt.Fprintln(io.out, answer)
	return nil
}

// askHealth gives what the exporter says where it is alive.
func askHealth(ctx context.Context, address string) (string, error) {
	status, text, err := getHealth(ctx, address, "http")
	if err == nil && status == http.StatusBadRequest { // as Go's server answers where it expects TLS
		status, text, err = getHealth(ctx, address, "https")
	}
	var network *net.OpError
	switch {
	case errors.As(err, &network) && network.Op == "remote error":
		return "The exporter is alive; it refuses those who show no certificate.", nil
	case err != nil:
		return "", err
	case status == http.StatusUnauthorized:
		return "The exporter is alive; it wants a password.", nil
	case status != http.StatusOK:
		return "", fmt.Errorf("it answers %d %s", status, cmp.Or(text, http.StatusText(status)))
	}
	return text, nil
}

// getHealth asks the address itself, not what a name in a URL would lead to:
// without a host it is this machine, as for those who listen.
func getHealth(ctx context.Context, address, scheme string) (status int, text string, err error) {
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
		// Whether the certificate is right is for those to say who rely on it.
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
