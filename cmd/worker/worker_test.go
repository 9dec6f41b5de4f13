package main

import (
	"bytes"
	"context"
	"flag"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/cli"
	"github.com/warrener/warrener/internal/config"
)

var update = flag.Bool("update", false, "write the golden file anew")

type env = map[string]string

// result is what a user sees of a run.
type result struct {
	out, err string // the error as it is reported, too
	code     int
}

func run(ctx context.Context, getenv env, args ...string) result {
	var out, stderr bytes.Buffer
	root := newRootCommand(func(name string) string { return getenv[name] })
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(&stderr)
	code := cli.Report(&stderr, "worker", root.ExecuteContext(ctx))
	return result{out: out.String(), err: stderr.String(), code: code}
}

func (r result) check(t *testing.T, code int, stderr string) {
	t.Helper()
	if r.code != code || !strings.Contains(r.err, stderr) {
		t.Errorf("exit code %d, want %d with %q in:\n%s", r.code, code, stderr, r.err)
	}
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestDocs(t *testing.T) {
	t.Parallel()

	const page = "../../docs/cli.md"
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	want, err := cli.Document(string(got), newRootCommand(func(string) string { return "" }))
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil { //nolint:gosec // a page for all
			t.Fatal(err)
		}
		return
	}
	if string(got) != want {
		t.Error("docs/cli.md says something else than --help: run make generate")
	}
}

// nobody is an address where no broker listens.
const nobody = "amqp://ann:CANARY@127.0.0.1:1/"

func TestRunMistakes(t *testing.T) {
	t.Parallel()

	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	for _, tt := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"no handler", nil, 2, "nothing to run tasks with: give --exec COMMAND, --http URL or --builtin"},
		{"argument", []string{"--builtin", "emails"}, 2, "unknown command"},
		{"weight", []string{"--builtin", "-q", "emails=many"}, 2, `--queue "emails=many": what follows = is the queue's weight`},
		{"weight 0", []string{"--builtin", "-q", "emails=0"}, 2, "a number from 1"},
		{"queue twice", []string{"--builtin", "-q", "emails,emails=2"}, 2, "twice"},
		{"queue type", []string{"--builtin", "--queue-type=stream"}, 2, "want quorum or classic"},
		{"concurrency", []string{"--builtin", "-c", "0"}, 2, "want auto or a number from 1"},
		{"prefetch", []string{"--builtin", "--prefetch=-1"}, 2, "--prefetch"},
		{"max attempts", []string{"--builtin", "--max-attempts=0"}, 2, "at least 1"},
		{"backoff", []string{"--builtin", "--backoff=1h..1s"}, 2, "--backoff"},
		{"timeout of tasks", []string{"--builtin", "--timeout-task=-1s"}, 2, "--timeout-task"},
		{"drain timeout", []string{"--builtin", "--drain-timeout=0"}, 2, "--drain-timeout"},
		{"no such program", []string{"--exec=warrener-no-such-program"}, 2, `--exec "warrener-no-such-program": command: `},
		{"management", []string{"--builtin", "--management-url=ftp://ann:CANARY@h"}, 2, "--management-url: want http://"},
		{"metrics address", []string{"--builtin", "--metrics-addr=nonsense"}, 2, "--metrics-addr nonsense"},
		{"port taken", []string{"--builtin", "--metrics-addr", taken.Addr().String()}, 1, "the port is taken, perhaps by another worker"},
		{"no broker", []string{"--builtin", "--connect-timeout=50ms"}, 69, "connection refused. Is RabbitMQ running?"},
		{"timeout", []string{"--builtin", "--connect-timeout=1m", "--timeout=50ms"}, 124, "the timeout of 50ms is reached"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"run", "--metrics-addr=127.0.0.1:0"}, tt.args...)
			r := run(t.Context(), env{"WARRENER_URL": nobody}, args...)
			r.check(t, tt.code, tt.want)
			if strings.Contains(r.err, "CANARY") {
				t.Errorf("the password is shown:\n%s", r.err)
			}
		})
	}
}

func TestRunEndsCleanlyWhenInterrupted(t *testing.T) {
	t.Parallel()

	ctx, interrupt := context.WithCancelCause(t.Context())
	time.AfterFunc(100*time.Millisecond, func() { interrupt(cli.ErrInterrupted) })
	r := run(ctx, env{"WARRENER_URL": nobody}, "run", "--builtin", "--metrics-addr=127.0.0.1:0")
	r.check(t, 0, `msg="worker ends" acked=0`)
}

func TestNoPasswordIsEverPrinted(t *testing.T) {
	t.Parallel()

	secret := file(t, nobody)
	configuration := file(t, "url: "+nobody+"\nworker:\n  management-url: http://ann:CANARY@127.0.0.1:1\n")
	for _, tt := range []struct {
		name string
		env  env
		args []string
		code int
	}{
		{name: "flag", args: []string{"--url", nobody}, code: 69},
		{name: "flag that is no URL", args: []string{"--url=amqp://ann:CANARY%zz@127.0.0.1"}, code: 2},
		{name: "file", env: env{"AMQP_URL_FILE": secret}, code: 69},
		{name: "configuration", args: []string{"--config", configuration}, code: 69},
		{name: "management", args: []string{"--url", nobody, "--management-url=http://ann:CANARY@127.0.0.1:1"}, code: 69},
		{name: "management that is no URL", args: []string{"--management-url=http://ann:CANARY%zz@h"}, code: 2},
		{name: "endpoint that is no URL", args: []string{"--http=http://ann:CANARY%zz@h"}, code: 2},
		{name: "endpoint without a scheme", args: []string{"--http=x=ann:CANARY@h"}, code: 2},
		{name: "help", env: env{"WARRENER_URL": nobody}, args: []string{"--help"}, code: 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"run", "--builtin", "--metrics-addr=", "--connect-timeout=50ms", "--log-level=debug"}, tt.args...)
			r := run(t.Context(), tt.env, args...)
			r.check(t, tt.code, "")
			if all := r.out + r.err; strings.Contains(all, "CANARY") {
				t.Errorf("the password is shown:\n%s", all)
			}
		})
	}
}

func TestRunConfig(t *testing.T) {
	t.Parallel()

	defaults := parse(t)
	if q := defaults.Queues; len(q) != 1 || q[0].Name != "default" || q[0].Type != warrener.Quorum {
		t.Errorf("queues %+v, want default", q)
	}
	if defaults.Concurrency != 0 || defaults.Prefetch != 0 || defaults.AckEach || defaults.MaxAttempts != 25 || defaults.Timeout != 10*time.Minute ||
		defaults.DrainTimeout != 30*time.Second || defaults.Backoff != (warrener.Backoff{Min: time.Second, Max: time.Hour}) {
		t.Errorf("defaults %+v are not the SDK's", defaults)
	}
	got := parse(t, "-q", "a=3,b", "-q", "c=d=2", "-c", "7", "--prefetch=9", "--timeout-task=0", "--queue-type=classic", "--passive",
		"--backoff=2s..3s", "--max-attempts=4", "--drain-timeout=5s", "--connect-timeout=6s", "--ack-each")
	want := []warrener.Queue{
		{Name: "a", Weight: 3, Type: warrener.Classic}, {Name: "b", Weight: 1, Type: warrener.Classic},
		{Name: "c=d", Weight: 2, Type: warrener.Classic},
	}
	for i, q := range want {
		if i >= len(got.Queues) || got.Queues[i] != q {
			t.Fatalf("queues %+v, want %+v", got.Queues, want)
		}
	}
	if got.Concurrency != 7 || got.Prefetch != 9 || !got.AckEach || got.Timeout >= 0 || !got.Passive || got.MaxAttempts != 4 ||
		got.DrainTimeout != 5*time.Second || got.ConnectTimeout != 6*time.Second ||
		got.Backoff != (warrener.Backoff{Min: 2 * time.Second, Max: 3 * time.Second}) {
		t.Errorf("got %+v", got)
	}
}

// parse is the configuration that worker run --builtin makes of the arguments.
func parse(t *testing.T, args ...string) warrener.WorkerConfig {
	t.Helper()
	opts := &runOptions{shared: &config.Shared{}}
	flags := pflag.NewFlagSet("run", pflag.ContinueOnError)
	opts.flags(flags)
	if err := flags.Parse(append([]string{"--builtin"}, args...)); err != nil {
		t.Fatal(err)
	}
	cfg, err := opts.config(silent())
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}
