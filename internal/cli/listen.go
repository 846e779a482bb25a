package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path"
	"strconv"
	"strings"

	"github.com/alecthomas/kingpin/v2"
	"github.com/coreos/go-systemd/v22/activation"
	"github.com/mdlayher/vsock"
	toolkit "github.com/prometheus/exporter-toolkit/web"
	toolkitflags "github.com/prometheus/exporter-toolkit/web/kingpinflag"
)

// defaultAddress is every interface, as exporters do, at a port of our own.
const defaultAddress = ":10187"

// webFlags say where to listen, and how.
type webFlags struct {
	toolkit     *toolkit.FlagConfig
	metricsPath string
}

func addWebFlags(to *kingpin.CmdClause) *webFlags {
	f := &webFlags{toolkit: toolkitflags.AddFlags(to, defaultAddress)}
	to.Flag("web.telemetry-path", "Path under which to show metrics.").
		Default("/metrics").SetValue(telemetryPath{to: &f.metricsPath})
	return f
}

// telemetryPath is the value of --web.telemetry-path: a path at which nothing
// else is, and that http.ServeMux does not take for a pattern.
type telemetryPath struct{ to *string }

func (v telemetryPath) Set(text string) error {
	if !strings.HasPrefix(text, "/") || text == "/" || strings.HasPrefix(text, "/-/") || text == "/probe" || text == "/sd" ||
		path.Clean(text) != text || strings.ContainsAny(text, "{}?#% \t\r\n") {
		return fmt.Errorf("--web.telemetry-path: %q is not a path for metrics, such as /metrics; /, /probe, /sd and what is below /-/ are taken", text)
	}
	*v.to = text
	return nil
}

func (v telemetryPath) String() string { return *v.to }

// listen opens what the flags say, or what systemd hands over. It comes before
// anything else that may fail or take long: a taken port is told at once.
func (f *webFlags) listen(ctx context.Context) ([]net.Listener, error) {
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

// listenOn opens host:port, or vsock://:port of a virtual machine.
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
