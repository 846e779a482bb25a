package exporter

import (
	"bytes"
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
)

func TestScrapeErrorLogger_IgnoresDisconnects(t *testing.T) {
	for _, test := range []struct {
		values []any
		want   string
	}{
		{[]any{"error encoding and sending metric family:", &net.OpError{Op: "write", Net: "tcp", Err: syscall.EPIPE}}, ""},
		{[]any{"error gathering metrics:", errors.New("two of a kind")}, `level=error msg="Metrics missing in a response" err="error gathering metrics: two of a kind"`},
	} {
		var logged bytes.Buffer
		scrapeErrorLogger{level.NewFilter(log.NewLogfmtLogger(&logged), level.AllowInfo())}.Println(test.values...)
		if got := strings.TrimSpace(logged.String()); got != test.want {
			t.Errorf("logged %q, want %q", got, test.want)
		}
	}
}
