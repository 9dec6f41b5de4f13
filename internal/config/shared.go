package config

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/pflag"
)

// Shared are the flags that every command of every program has.
type Shared struct {
	Timeout time.Duration

	file      string
	logLevel  slog.Level
	logFormat logFormat
	noColor   bool
}

// Flags adds them to a program's root command.
func (s *Shared) Flags(flags *pflag.FlagSet, level slog.Level) {
	s.logFormat = "text"
	own := pflag.NewFlagSet("", pflag.ContinueOnError)
	own.StringVar(&s.file, "config", "", "YAML `file` with values for flags; none is read unless it is named")
	own.TextVar(&s.logLevel, "log-level", level, "least `level` that is logged: debug, info, warn or error")
	own.Var(&s.logFormat, "log-format", "text or json")
	own.BoolVar(&s.noColor, "no-color", false, "no colours on a terminal")
	own.DurationVar(&s.Timeout, "timeout", 0, "give up after this long, with exit code 124 (default: never)")
	annotate(own.Lookup("no-color"), variablesFlag, "NO_COLOR")
	share(flags, own)
}

// Colours says whether a terminal may be written to in colours.
func (s *Shared) Colours() bool { return !s.noColor }

// Broker are the flags of a command that talks to the broker.
type Broker struct {
	ConnectTimeout time.Duration

	url Secret
}

// Flags adds them to a command.
func (b *Broker) Flags(flags *pflag.FlagSet, connectTimeout time.Duration) {
	own := pflag.NewFlagSet("", pflag.ContinueOnError)
	own.Var(&b.url, "url", "the broker's address, amqp://user:password@host:5672/vhost or amqps://…, several separated by commas"+
		" (default: guest at 127.0.0.1:5672)")
	own.DurationVar(&b.ConnectTimeout, "connect-timeout", connectTimeout, "how long to try for the first connection")
	annotate(own.Lookup("url"), variablesFlag, "WARRENER_URL", "RABBITMQ_URL", "AMQP_URL", "CLOUDAMQP_URL")
	share(flags, own)
}

// Management is the flag of a command that asks RabbitMQ's management API.
type Management struct{ url Secret }

// Flags adds it to a command; use says for what.
func (m *Management) Flags(flags *pflag.FlagSet, use string) {
	own := pflag.NewFlagSet("", pflag.ContinueOnError)
	own.Var(&m.url, "management-url", "RabbitMQ's management API, http://user:password@host:15672, "+use+
		"; user and password may be left out when they are the broker's")
	annotate(own.Lookup("management-url"), variablesFlag, "WARRENER_MANAGEMENT_URL", "RABBITMQ_MANAGEMENT_URL")
	share(flags, own)
}

// Address is the API's address; "" when none is given.
func (m *Management) Address() (string, error) { return m.url.Read() }

// Warn logs it when the address has a password that other users of the machine can read.
func (m *Management) Warn(log *slog.Logger) { m.url.Warn(log, "management-url") }

// Address is the broker's address; "" for the default. It is asked for at each dial, see [Secret.Read].
func (b *Broker) Address() (string, error) { return b.url.Read() }

// Warn logs it when the address has a password that other users of the machine can read.
func (b *Broker) Warn(log *slog.Logger) { b.url.Warn(log, "url") }

func share(flags, own *pflag.FlagSet) {
	own.VisitAll(func(f *pflag.Flag) {
		annotate(f, sharedFlag, "")
		flags.AddFlag(f)
	})
}

func annotate(f *pflag.Flag, key string, values ...string) {
	if f.Annotations == nil {
		f.Annotations = make(map[string][]string)
	}
	f.Annotations[key] = values
}

// Logger writes to w in the way the flags say; terminal says whether a person reads along.
func (s *Shared) Logger(w io.Writer, terminal bool) *slog.Logger {
	options := &slog.HandlerOptions{Level: s.logLevel}
	if s.logFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	if terminal && !s.noColor {
		w = colours{w}
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// logFormat is a flag's value with two words to choose from.
type logFormat string

// Set takes one of the two.
func (f *logFormat) Set(value string) error {
	if value != "text" && value != "json" {
		return fmt.Errorf("want text or json")
	}
	*f = logFormat(value)
	return nil
}

// String is the word that was set.
func (f *logFormat) String() string { return string(*f) }

// Type is the word for the value in a command's help.
func (f *logFormat) Type() string { return "format" }

// colours paints the level of a line of slog's text. The handler itself would quote the escape codes, and it
// writes each record at once, the level before anything of the user's.
type colours struct{ w io.Writer }

func (c colours) Write(line []byte) (int, error) {
	const red, yellow, plain = "\x1b[31m", "\x1b[33m", "\x1b[0m"
	painted := line
	before, rest, _ := bytes.Cut(line, []byte("level="))
	level, after, _ := bytes.Cut(rest, []byte(" "))
	if colour := map[string]string{"ERROR": red, "WARN": yellow}[string(level)]; colour != "" {
		painted = fmt.Appendf(nil, "%slevel=%s%s%s %s", before, colour, level, plain, after)
	}
	if _, err := c.w.Write(painted); err != nil {
		return 0, err
	}
	return len(line), nil
}
