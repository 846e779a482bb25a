package cli

import (
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
)

func TestAScraperThatGoesAwayIsNoTrouble(t *testing.T) {
	for _, test := range []struct {
		words []any
		want  string
	}{
		{[]any{"error encoding and sending metric family:", &net.OpError{Op: "write", Net: "tcp", Err: syscall.EPIPE}}, ""},
		{[]any{"error gathering metrics:", errors.New("two of a kind")}, `level=error msg="Some metrics are missing in an answer" err="error gathering metrics: two of a kind"`},
	} {
		logged := newOutput()
		scrapeLogger{level.NewFilter(log.NewLogfmtLogger(logged), level.AllowInfo())}.Println(test.words...)
		if got := strings.TrimSpace(logged.String()); got != test.want {
			t.Errorf("logged %q, want %q", got, test.want)
		}
	}
}

func TestALineOfNetHTTPIsOneMessage(t *testing.T) {
	logged := newOutput()
	stdLogger(log.NewLogfmtLogger(logged)).Print("http: TLS handshake error from 127.0.0.1:4242: EOF")
	want := `level=warn msg="Trouble with a client" err="http: TLS handshake error from 127.0.0.1:4242: EOF"`
	if got := strings.TrimSpace(logged.String()); got != want {
		t.Errorf("logged %s, want %s", got, want)
	}
}
