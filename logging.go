package main

import (
	"io"
	stdlog "log"
	"log/slog"

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

// stdLogger is for libraries that log through package log: what they have to say
// is trouble.
func stdLogger(to log.Logger) *stdlog.Logger {
	return stdlog.New(log.NewStdlibAdapter(level.Warn(to)), "", 0)
}
