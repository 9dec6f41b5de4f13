package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/cli"
)

var update = flag.Bool("update", false, "write the golden file anew")

// broker is a client that remembers what it accepted. Like the real one it refuses a context that is done and a client
// that was closed.
type broker struct {
	t    *testing.T
	dial error                                  // of connecting
	fate func(try int, t warrener.Task) error   // of each task; nil accepts it
	each func(ctx context.Context, n int) error // called with the size of each batch

	mu       sync.Mutex // guards what follows
	cfg      warrener.ClientConfig
	accepted []warrener.Task
	tries    map[string]int // by id
	largest  int            // batch
	open     bool
}

func (b *broker) connect(ctx context.Context, cfg warrener.ClientConfig) (publisher, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, err := cfg.URLFunc(); err != nil {
		return nil, err
	}
	b.cfg, b.open, b.tries = cfg, b.dial == nil, map[string]int{}
	return b, errors.Join(b.dial, ctx.Err())
}

func (b *broker) PublishMany(ctx context.Context, tasks []warrener.Task) []warrener.Result {
	if b.each != nil {
		if err := b.each(ctx, len(tasks)); err != nil {
			b.t.Error(err)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.open || len(tasks) == 0 {
		b.t.Errorf("%d tasks published, client open: %t", len(tasks), b.open)
	}
	b.largest = max(b.largest, len(tasks))
	results := make([]warrener.Result, len(tasks))
	for i, task := range tasks {
		if task.ID == "" {
			task.ID = fmt.Sprintf("id-%d", len(b.tries)+1)
		}
		b.tries[task.ID]++
		results[i] = warrener.Result{ID: task.ID, Err: b.outcome(ctx, task)}
		if results[i].Err == nil {
			b.accepted = append(b.accepted, task)
		}
	}
	return results
}

func (b *broker) outcome(ctx context.Context, task warrener.Task) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", warrener.ErrUnknownOutcome, context.Cause(ctx))
	}
	if b.fate == nil {
		return nil
	}
	return b.fate(b.tries[task.ID], task)
}

func (b *broker) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open = false
	return nil
}

// result is what a user sees of a run.
type result struct {
	out, err string // the error as it is reported, too
	code     int
}

type env = map[string]string

func run(ctx context.Context, b *broker, in io.Reader, getenv env, args ...string) result {
	var out, stderr bytes.Buffer
	root := newRootCommand(func(name string) string { return getenv[name] }, b.connect)
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(&out)
	root.SetErr(&stderr)
	code := cli.Report(&stderr, "producer", root.ExecuteContext(ctx))
	return result{out: out.String(), err: stderr.String(), code: code}
}

// check compares a result with the exit code and what each stream has to contain.
func (r result) check(t *testing.T, code int, stderr ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d; stderr:\n%s", r.code, code, r.err)
	}
	for _, want := range stderr {
		if !strings.Contains(r.err, want) {
			t.Errorf("stderr lacks %q:\n%s", want, r.err)
		}
	}
	if r.code == 0 && len(stderr) == 0 && r.err != "" {
		t.Errorf("stderr of a success:\n%s", r.err)
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

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestDocs(t *testing.T) {
	t.Parallel()

	const page = "../../docs/cli.md"
	got := content(t, page)
	want, err := cli.Document(got, newRootCommand(func(string) string { return "" }, nil))
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil { //nolint:gosec // a page for all
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Error("docs/cli.md says something else than --help: run make generate")
	}
}

func TestNoPasswordIsEverPrinted(t *testing.T) {
	t.Parallel()

	const canary = "CANARY"
	const url = "amqp://ann:" + canary + "@127.0.0.1:1/"
	secret := file(t, url)
	configuration := file(t, "url: "+url+"\n")
	broken := file(t, "url: ["+url+", "+url+"]\n")
	for _, tt := range []struct {
		name string
		env  env
		args []string
		code int
	}{
		{name: "flag", args: []string{"--url", url}, code: 69},
		{name: "flag without a host", args: []string{"--url", "amqp://ann:" + canary + "@:1"}, code: 69},
		{name: "flag that is no URL", args: []string{"--url", "amqp://ann:" + canary + "%zz@127.0.0.1:1"}, code: 2},
		{name: "flag with another scheme", args: []string{"--url", "ftp://ann:" + canary + "@127.0.0.1"}, code: 2},
		{name: "variable", env: env{"AMQP_URL": url}, code: 69},
		{name: "file", env: env{"AMQP_URL_FILE": secret}, code: 69},
		{name: "configuration", args: []string{"--config", configuration}, code: 69},
		{name: "broken configuration", args: []string{"--config", broken}, code: 78},
		{name: "help", args: []string{"--url", url, "--help"}, code: 0},
	} {
		for _, command := range [][]string{{"publish", "x"}, {"bulk", "--task=x"}} {
			t.Run(tt.name+"/"+command[0], func(t *testing.T) {
				t.Parallel()
				var out, stderr bytes.Buffer
				root := newRootCommand(func(name string) string { return tt.env[name] }, dial)
				root.SetArgs(append(append(command, "--connect-timeout=50ms", "--log-level=debug"), tt.args...))
				root.SetIn(strings.NewReader("1\n"))
				root.SetOut(&out)
				root.SetErr(&stderr)
				code := cli.Report(&stderr, "producer", root.ExecuteContext(t.Context()))
				if code != tt.code {
					t.Errorf("exit code %d, want %d: %s", code, tt.code, stderr.String())
				}
				if all := out.String() + stderr.String(); strings.Contains(all, canary) {
					t.Errorf("the password is shown:\n%s", all)
				}
			})
		}
	}
}

func TestPassiveProducersDeclareNothing(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct {
		args   []string
		getenv env
		want   bool
	}{
		{args: []string{"publish", "t"}},
		{args: []string{"publish", "t", "--passive"}, want: true},
		{args: []string{"bulk", "--passive"}, want: true},
		{args: []string{"bulk"}, getenv: env{"WARRENER_PRODUCER_PASSIVE": "true"}, want: true},
	} {
		b := &broker{t: t}
		run(t.Context(), b, strings.NewReader(`{"task": "t"}`), tt.getenv, tt.args...).check(t, 0, "")
		if b.cfg.Passive != tt.want {
			t.Errorf("%v with %v: passive is %t", tt.args, tt.getenv, b.cfg.Passive)
		}
	}
}
