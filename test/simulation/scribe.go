package simulation

import (
	"context"
	"log/slog"
	"slices"
	"strings"
)

// scribe keeps what is logged for the end, when it is written in case of need.
type scribe struct {
	ledger *ledger
	who    string
	host   *host // nil for the broker
	attrs  []slog.Attr
}

// Enabled says that everything is of interest.
func (s *scribe) Enabled(context.Context, slog.Level) bool { return true }

// Handle keeps a record, unless the host is dead.
func (s *scribe) Handle(_ context.Context, r slog.Record) error {
	if s.host == nil || s.host.alive() {
		s.ledger.add(event{who: s.who, log: func() string { return s.write(r) }})
	}
	return nil
}

// WithAttrs is slog's.
func (s *scribe) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *s
	with.attrs = append(slices.Clip(with.attrs), attrs...)
	return &with
}

// WithGroup leaves the names as they are: nobody here groups.
func (s *scribe) WithGroup(string) slog.Handler { return s }

// write is the record's line, without the time, which the timeline has.
func (s *scribe) write(r slog.Record) string {
	var line strings.Builder
	text := slog.NewTextHandler(&line, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}).WithAttrs(s.attrs)
	if err := text.Handle(context.Background(), r); err != nil { //nolint:forbidigo // slog's signature, and nothing waits
		return err.Error()
	}
	return strings.TrimSuffix(line.String(), "\n")
}
