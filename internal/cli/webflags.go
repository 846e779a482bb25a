package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kingpin/v2"
	"github.com/coreos/go-systemd/v22/activation"
	"github.com/mdlayher/vsock"
	toolkit "github.com/prometheus/exporter-toolkit/web"
	toolkitflags "github.com/prometheus/exporter-toolkit/web/kingpinflag"
)

// defaultAddress listens on all interfaces, as exporters do.
const defaultAddress = ":10187"

// webFlags are the flags of listening.
type webFlags struct {
	toolkit     *toolkit.FlagConfig
	metricsPath string
}

func addWebFlags(clause *kingpin.CmdClause) *webFlags {
	f := &webFlags{toolkit: toolkitflags.AddFlags(clause, defaultAddress)}
	clause.Flag("web.telemetry-path", "Path under which to show metrics.").
		Default("/metrics").SetValue(flagValue[string]{"web.telemetry-path", &f.metricsPath, parseTelemetryPath})
	return f
}

// parseTelemetryPath accepts a path at which nothing else is served, and which
// [http.ServeMux] does not take for a pattern.
func parseTelemetryPath(text string) (string, error) {
	if !strings.HasPrefix(text, "/") || isTaken(text) || path.Clean(text) != text || strings.ContainsAny(text, "{}?#% \t\r\n") {
		return "", errors.New("is not a path for metrics, such as /metrics; /, /history, /probe, /sd and what is below /-/, /api/ and /orgs/ are taken")
	}
	return text, nil
}

// isTaken reports whether something else is at the path.
func isTaken(path string) bool {
	return slices.Contains([]string{"/", "/history", "/probe", "/sd"}, path) ||
		slices.ContainsFunc([]string{"/-/", "/api/", "/orgs/"}, func(prefix string) bool { return strings.HasPrefix(path, prefix) })
}

// listen returns the listeners of the flags, or those that systemd passes on. It
// comes before anything that may take long, so that a taken port is reported at once.
func (f *webFlags) listen(ctx context.Context) ([]net.Listener, error) {
	if err := toolkit.Validate(*f.toolkit.WebConfigFile); err != nil {
		// The errors of YAML have several lines.
		return nil, fmt.Errorf("--web.config.file=%s: %s", *f.toolkit.WebConfigFile, strings.Join(strings.Fields(err.Error()), " "))
	}
	if systemd := f.toolkit.WebSystemdSocket; systemd != nil && *systemd {
		listeners, err := activation.Listeners()
		if err == nil && len(listeners) == 0 {
			err = errors.New("systemd handed over no socket: is there a .socket unit for this service?")
		}
		if err != nil {
			return nil, fmt.Errorf("--web.systemd-socket: %w", err)
		}
		return listeners, nil
	}
	var listeners []net.Listener
	for _, address := range *f.toolkit.WebListenAddresses {
		listener, err := listenOn(ctx, address)
		if err != nil {
			for _, open := range listeners {
				_ = open.Close() // nothing was served on it
			}
			return nil, fmt.Errorf("--web.listen-address=%s: %w", address, err)
		}
		listeners = append(listeners, listener)
	}
	return listeners, nil
}

// listenOn listens on host:port, or on vsock://:port in a virtual machine.
func listenOn(ctx context.Context, address string) (net.Listener, error) {
	hostPort, isVsock := strings.CutPrefix(address, "vsock://")
	if !isVsock {
		return (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	}
	port, err := strconv.ParseUint(strings.TrimPrefix(hostPort, ":"), 10, 32)
	if err != nil {
		return nil, fmt.Errorf("read the port of a vsock address: %w", err)
	}
	return vsock.Listen(uint32(port), nil)
}
