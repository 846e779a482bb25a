package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	sloggokit "github.com/tjhop/slog-gokit"
)

// logFlags say what is logged, and how.
type logFlags struct {
	level, format string
}

func addLogFlags(to flagGroup) *logFlags {
	f := &logFlags{}
	addChoice(to, &f.level, "log.level", "info", "Only log messages with this severity or above: debug, info, warn or error.",
		"debug", "info", "warn", "error")
	addChoice(to, &f.format, "log.format", "logfmt", "Format of log messages: logfmt or json.", "logfmt", "json")
	return f
}

// loggers are two views of one log.
type loggers struct {
	kit  log.Logger   // ours
	slog *slog.Logger // for libraries that log through log/slog
}

func (f *logFlags) loggers(to io.Writer) loggers {
	bare := log.NewLogfmtLogger(log.NewSyncWriter(to))
	if f.format == "json" {
		bare = log.NewJSONLogger(log.NewSyncWriter(to))
	}
	bare = level.NewFilter(bare, level.Allow(level.ParseDefault(f.level, level.InfoValue())))
	return loggers{
		kit: log.With(bare, "time", log.DefaultTimestampUTC, "caller", log.DefaultCaller),
		// The bridge adds time and caller by itself; the filter beneath it
		// knows the level.
		slog: slog.New(sloggokit.NewGoKitHandler(bare, slog.LevelDebug)),
	}
}

// stdLogger is for net/http, which logs lines of text: what it has to say is
// trouble with a client.
func stdLogger(to log.Logger) *stdlog.Logger {
	return stdlog.New(lines{to}, "", 0)
}

// lines logs each line that is written to it.
type lines struct{ to log.Logger }

func (l lines) Write(line []byte) (int, error) {
	level.Warn(l.to).Log("msg", "Trouble with a client", "err", strings.TrimSpace(string(line)))
	return len(line), nil
}

// scrapeLogger is for promhttp, which tells of every metric family that it could
// not gather or send. A scraper that has gone away is no trouble, and would be told
// once for each family.
type scrapeLogger struct{ to log.Logger }

func (l scrapeLogger) Println(words ...any) {
	leveled := level.Error(l.to)
	for _, word := range words {
		if err, ok := word.(error); ok && clientGone(err) {
			leveled = level.Debug(l.to)
		}
	}
	leveled.Log("msg", "Some metrics are missing in an answer", "err", strings.TrimSpace(fmt.Sprintln(words...)))
}

func clientGone(err error) bool {
	var network *net.OpError
	return errors.As(err, &network) || errors.Is(err, context.Canceled) || errors.Is(err, http.ErrHandlerTimeout)
}
