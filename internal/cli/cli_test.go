package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spf13/cobra"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/cli"
	"github.com/warrener/warrener/internal/config"
)

func TestExitCodes(t *testing.T) {
	t.Parallel()

	timeout := &cli.TimeoutError{After: time.Second, Err: warrener.ErrUnavailable}
	for _, tt := range []struct {
		name   string
		err    error
		code   int
		advice string
	}{
		{"nil", nil, 0, ""},
		{"any error", errors.New("x"), 1, ""},
		{"interrupted", cli.ErrInterrupted, 1, ""},
		{"interrupted while no broker was there", fmt.Errorf("%w (waited until: %w)", warrener.ErrUnavailable, cli.ErrInterrupted), 1, ""},
		{"interrupted while a confirm was out", fmt.Errorf("%w: %w", warrener.ErrUnknownOutcome, cli.ErrInterrupted), 75, "same --id"},
		{"usage", cli.Usagef("x"), 2, ""},
		{"invalid task", warrener.ErrInvalid, 2, ""},
		{"too large", warrener.ErrTooLarge, 2, ""},
		{"unavailable", warrener.ErrUnavailable, 69, "--url"},
		{"rejected", warrener.ErrRejected, 75, "later"},
		{"blocked", warrener.ErrBlocked, 75, "alarm"},
		{"unknown outcome", warrener.ErrUnknownOutcome, 75, "same --id"},
		{"some", cli.Partly(warrener.ErrUnavailable), 75, ""},
		{"access refused", warrener.ErrAccessRefused, 77, "password"},
		{"configuration", cli.Configuration(errors.New("x")), 78, ""},
		{"mismatch", &warrener.MismatchError{Kind: "queue", Name: "q"}, 78, "--queue-type"},
		{"missing", &warrener.MissingError{Kind: "queue", Name: "q"}, 78, "--passive"},
		{"consumer timeout", &warrener.ConsumerTimeoutError{Queue: "q"}, 78, "--timeout-task"},
		{"unroutable", warrener.ErrUnroutable, 78, "--queue"},
		{"timeout", timeout, 124, ""},
		{"abandoned", &warrener.AbandonedError{}, 1, "--drain-timeout"},
		{"abandoned after a timeout", errors.Join(timeout, &warrener.AbandonedError{}), 1, "--drain-timeout"},
		{"access refused by one of two hosts", errors.Join(warrener.ErrUnavailable, warrener.ErrAccessRefused), 77, "password"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.err != nil {
				tt.err = fmt.Errorf("publish x: %w", tt.err)
			}
			var out bytes.Buffer
			if got := cli.Report(&out, "producer", tt.err); got != tt.code {
				t.Errorf("exit code %d, want %d", got, tt.code)
			}
			if tt.err == nil {
				return
			}
			if text := out.String(); !strings.HasPrefix(text, "producer: publish x: ") || !strings.Contains(text, tt.advice) ||
				strings.Count(text, "\n") != 1 {
				t.Errorf("got %q, want one line with %q in it", text, tt.advice)
			}
			if cli.Advice(tt.err) == "" != (tt.advice == "") {
				t.Errorf("advice %q, want %q in it", cli.Advice(tt.err), tt.advice)
			}
		})
	}
}

func TestNilStaysNil(t *testing.T) {
	t.Parallel()

	for _, err := range []error{cli.Usage(nil), cli.Configuration(nil), cli.Partly(nil)} {
		if err != nil {
			t.Errorf("got %v", err)
		}
	}
}

func TestWithin(t *testing.T) {
	t.Parallel()

	wait := func(ctx context.Context) error { <-ctx.Done(); return fmt.Errorf("wait: %w", ctx.Err()) }
	for _, tt := range []struct {
		name    string
		timeout time.Duration
		run     func(context.Context) error
		code    int
	}{
		{"in time", time.Minute, func(context.Context) error { return nil }, 0},
		{"failed in time", time.Minute, func(context.Context) error { return warrener.ErrUnavailable }, 69},
		{"too long", time.Minute, wait, 124},
		{"done at last", time.Minute, func(ctx context.Context) error { <-ctx.Done(); return nil }, 0},
		{"no timeout", 0, func(ctx context.Context) error {
			if _, ok := ctx.Deadline(); ok {
				return errors.New("a deadline")
			}
			return nil
		}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				if err := cli.Within(t.Context(), tt.timeout, tt.run); cli.Code(err) != tt.code {
					t.Errorf("got %v with code %d, want %d", err, cli.Code(err), tt.code)
				}
			})
		})
	}
}

func TestInterruptIsNoTimeout(t *testing.T) {
	t.Parallel()

	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cli.ErrInterrupted)
	err := cli.Within(ctx, time.Hour, func(ctx context.Context) error { return context.Cause(ctx) })
	if !errors.Is(err, cli.ErrInterrupted) || cli.Code(err) != 1 {
		t.Errorf("got %v with code %d", err, cli.Code(err))
	}
}

// run executes a program with one command, publish, which prints the address it was given.
func run(t *testing.T, getenv map[string]string, args ...string) (string, error) {
	t.Helper()
	var shared config.Shared
	var broker config.Broker
	var out bytes.Buffer
	publish := &cobra.Command{Use: "publish NAME", Args: cli.OneArg("NAME"), RunE: func(c *cobra.Command, _ []string) error {
		address, err := broker.Address()
		fmt.Fprint(c.OutOrStdout(), address)
		return err
	}}
	broker.Flags(publish.Flags(), time.Second)
	publish.Flags().Int("count", 1, "")
	group := &cobra.Command{Use: "queue"}
	group.AddCommand(&cobra.Command{Use: "pause", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		fmt.Fprint(c.OutOrStdout(), c.Flag("reason").Value)
		return nil
	}})
	group.Commands()[0].Flags().String("reason", "", "why")
	root := cli.Root{
		Name: "producer", Short: "Test", LogLevel: slog.LevelInfo, Shared: &shared,
		Getenv: func(name string) string { return getenv[name] }, Commands: []*cobra.Command{publish, group},
	}.Command()
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(&out)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

func TestCommandLineMistakes(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct {
		name string
		env  map[string]string
		args []string
		code int
		want string
	}{
		{name: "no command", code: 2, want: "no command given; see producer --help"},
		{name: "unknown command", args: []string{"pubish"}, code: 2, want: `unknown command "pubish"; did you mean publish?`},
		{name: "unknown flag", args: []string{"publish", "x", "--cuont=1"}, code: 2, want: "unknown flag: --cuont; see producer publish --help"},
		{name: "wrong value", args: []string{"publish", "x", "--count=y"}, code: 2, want: `"--count"`},
		{name: "no name", args: []string{"publish"}, code: 2, want: "NAME is missing; see producer publish --help"},
		{name: "two names", args: []string{"publish", "x", "y"}, code: 2, want: `not also "y"`},
		{name: "wrong variable", env: map[string]string{"WARRENER_PRODUCER_COUNT": "y"}, args: []string{"publish", "x"}, code: 78, want: "WARRENER_PRODUCER_COUNT"},
		{name: "no such file", args: []string{"publish", "x", "--config=/nowhere"}, code: 78, want: "/nowhere"},
		{name: "no command of a group", args: []string{"queue"}, code: 2, want: "no command given; see producer queue --help"},
		{name: "unknown command of a group", args: []string{"queue", "puase"}, code: 2, want: `unknown command "puase"; did you mean pause?`},
		{name: "unknown flag in a group", args: []string{"queue", "pause", "-x"}, code: 2, want: "see producer queue pause --help"},
		{name: "shared flag before the command", args: []string{"--log-format=xml", "publish", "x"}, code: 2, want: "want text or json"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out, err := run(t, tt.env, tt.args...)
			if err == nil || cli.Code(err) != tt.code || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v with code %d, want %q with %d", err, cli.Code(err), tt.want, tt.code)
			}
			if out != "" {
				t.Errorf("printed %q: that is for the report", out)
			}
		})
	}
}

func TestCommandGetsItsValues(t *testing.T) {
	t.Parallel()

	out, err := run(t, map[string]string{"AMQP_URL": "amqp://h/"}, "publish", "x")
	if err != nil || out != "amqp://h/" {
		t.Errorf("got %q, %v", out, err)
	}
	out, err = run(t, map[string]string{"WARRENER_PRODUCER_REASON": "because"}, "queue", "pause")
	if err != nil || out != "because" {
		t.Errorf("in a group: got %q, %v", out, err)
	}
}

func TestHelpAndVersionAreData(t *testing.T) {
	t.Parallel()

	for flag, want := range map[string]string{"--help": "  124  --timeout is reached", "--version": "producer version"} {
		if out, err := run(t, nil, flag); err != nil || !strings.Contains(out, want) {
			t.Errorf("%s: got %q, %v, want %q in it", flag, out, err, want)
		}
	}
}

func TestDocumentReplacesOnePart(t *testing.T) {
	t.Parallel()

	root := &cobra.Command{Use: "producer", Short: "Put tasks in", Run: func(*cobra.Command, []string) {}}
	group := &cobra.Command{Use: "queue", Short: "Look at queues"}
	pause := &cobra.Command{Use: "pause", Short: "Stop a queue", Run: func(*cobra.Command, []string) {}}
	pause.Flags().String("reason", "", "why")
	group.AddCommand(pause)
	root.AddCommand(group)
	page := "# Page\n<!-- producer: written by make generate -->\nold\n<!-- end of producer -->\nrest\n"
	got, err := cli.Document(page, root)
	if err != nil || !strings.HasPrefix(got, "# Page\n") || !strings.HasSuffix(got, "rest\n") ||
		strings.Contains(got, "old") || !strings.Contains(got, "Put tasks in") ||
		!strings.Contains(got, "### producer queue pause\n") {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := cli.Document("# Page\n", root); err == nil {
		t.Error("a page without the part: want an error")
	}
}
