package cli

import (
	"io"
	"log/slog"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	sloggokit "github.com/tjhop/slog-gokit"
)

// logFlags are the flags of logging.
type logFlags struct {
	level, format string
}

func addLogFlags(group flagGroup) *logFlags {
	f := &logFlags{}
	addEnum(group, &f.level, "log.level", "info", "Only log messages with this severity or above: debug, info, warn or error.",
		"debug", "info", "warn", "error")
	addEnum(group, &f.format, "log.format", "logfmt", "Format of log messages: logfmt or json.", "logfmt", "json")
	return f
}

// loggers write to one log.
type loggers struct {
	kit  log.Logger
	slog *slog.Logger // for libraries
}

func (f *logFlags) loggers(w io.Writer) loggers {
	bare := log.NewLogfmtLogger(log.NewSyncWriter(w))
	if f.format == "json" {
		bare = log.NewJSONLogger(log.NewSyncWriter(w))
	}
	bare = level.NewFilter(bare, level.Allow(level.ParseDefault(f.level, level.InfoValue())))
	return loggers{
		kit: log.With(bare, "time", log.DefaultTimestampUTC, "caller", log.DefaultCaller),
		// The handler adds time and caller; bare filters by level.
		slog: slog.New(sloggokit.NewGoKitHandler(bare, slog.LevelDebug)),
	}
}
