package subprocess

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/tasks"
)

// script writes a shell script and returns its path, a word that needs no quotes.
func script(t *testing.T, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script.sh")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func newHandler(t *testing.T, cfg Config) *Handler {
	t.Helper()
	h, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func isPermanent(err error) bool {
	return tasks.Decide(&tasks.Task{Attempt: 1}, err, tasks.Policy{}).Reason == tasks.ReasonPermanent
}

func TestExitStatus(t *testing.T) {
	t.Parallel()

	tests := []struct {
		run       string
		want      string // the error; empty for none
		permanent bool
	}{
		{run: "exit 0"},
		{run: "echo fine >&2; exit 0"},
		{run: "exit 1", want: "exit status 1"},
		{run: "echo first >&2; echo last >&2; exit 3", want: "exit status 3: first\nlast"},
		{run: "exit 64", want: "exit status 64", permanent: true},
		{run: "echo bad data >&2; exit 65", want: "exit status 65: bad data", permanent: true},
		{run: "exit 75", want: "exit status 75"}, // EX_TEMPFAIL
		{run: "exit 78", want: "exit status 78", permanent: true},
		{run: "exit 126", want: "exit status 126", permanent: true},
		{run: "exit 127", want: "exit status 127", permanent: true},
		{run: "exit 255", want: "exit status 255"},
		{run: "kill -KILL $$", want: "signal: killed"},
		{run: "kill -TERM $$", want: "signal: terminated"},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			t.Parallel()
			h := newHandler(t, Config{Command: "sh " + script(t, tt.run)})
			err := h.HandleTask(t.Context(), &warrener.Delivery{})
			if got := fmt.Sprint(err); err == nil && tt.want != "" || err != nil && got != tt.want {
				t.Errorf("error %q, want %q", got, tt.want)
			}
			if isPermanent(err) != tt.permanent {
				t.Errorf("permanent: %v, want %v", !tt.permanent, tt.permanent)
			}
		})
	}
}

func TestPayloadReachesTheProgram(t *testing.T) {
	t.Parallel()

	show := script(t, `printf '%s|' "$@" >&2`, `cat >&2`, `exit 1`)
	tests := []struct{ name, command, payload, want string }{
		{"stdin", "sh " + show + " -l", `{"a": 1}`, `exit status 1: -l|{"a": 1}`},
		{"nothing on stdin", "sh " + show + " -l", ``, `exit status 1: -l|`},
		{"argument", "sh " + show + " -l {}", `"a b; $(id) 'c'"`, `exit status 1: -l|a b; $(id) 'c'|`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := newHandler(t, Config{Command: tt.command}).HandleTask(t.Context(), &warrener.Delivery{Payload: []byte(tt.payload)})
			if fmt.Sprint(err) != tt.want {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}

func TestProgramNeedNotReadItsPayload(t *testing.T) {
	t.Parallel()

	payload := bytes.Repeat([]byte("x"), 1<<20) // more than a pipe holds
	if err := newHandler(t, Config{Command: "true"}).HandleTask(t.Context(), &warrener.Delivery{Payload: payload}); err != nil {
		t.Error(err)
	}
}

func TestPayloadThatNoAttemptCanRunIsPermanent(t *testing.T) {
	t.Parallel()

	tests := map[string]*warrener.Delivery{
		"not a string":          {Payload: []byte(`{"a":1}`)},
		"an option":             {Payload: []byte(`"-rf"`)},
		"too long for the exec": {Payload: []byte(`"` + strings.Repeat("x", 2<<20) + `"`)},
		"NUL in a fact":         {Payload: []byte(`"a"`), Name: "a\x00b"},
	}
	for name, d := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := newHandler(t, Config{Command: "true {}"}).HandleTask(t.Context(), d); !isPermanent(err) {
				t.Errorf("error %v, want a permanent one", err)
			}
		})
	}
}

func TestStartError(t *testing.T) {
	t.Parallel()

	tests := []struct {
		errno     syscall.Errno
		permanent bool
	}{
		{syscall.ENOENT, true}, {syscall.EACCES, true}, {syscall.ENOEXEC, true}, {syscall.E2BIG, true},
		{syscall.EAGAIN, false}, {syscall.ENOMEM, false}, {syscall.EMFILE, false}, {syscall.ENFILE, false}, {syscall.ETXTBSY, false},
	}
	for _, tt := range tests {
		t.Run(tt.errno.Error(), func(t *testing.T) {
			t.Parallel()
			err := startError(&fs.PathError{Op: "fork/exec", Path: "/bin/x", Err: tt.errno})
			if isPermanent(err) != tt.permanent || !errors.Is(err, tt.errno) {
				t.Errorf("permanent: %v, error %v", isPermanent(err), err)
			}
		})
	}
}

func TestProgramThatIsNoLongerThereIsPermanent(t *testing.T) {
	t.Parallel()

	program := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(program, []byte("#!/bin/sh\nexit 0\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	h := newHandler(t, Config{Command: program})
	if err := os.Remove(program); err != nil {
		t.Fatal(err)
	}
	if err := h.HandleTask(t.Context(), &warrener.Delivery{}); !isPermanent(err) {
		t.Errorf("error %v, want a permanent one", err)
	}
}

func TestEnvironmentHoldsFactsAndNoSecrets(t *testing.T) {
	const canary = "canary-7c1f"
	for _, name := range []string{"WARRENER_URL", "RABBITMQ_URL", "AMQP_URL", "CLOUDAMQP_URL", "DATABASE_PASSWORD"} {
		t.Setenv(name, "amqp://user:"+canary+"@broker/")
	}
	t.Setenv("GREETING", "hello")
	h := newHandler(t, Config{
		Command:     "sh " + script(t, "env >&2", "exit 1"),
		Env:         []string{"GREETING", "MODE=fast", "WARRENER_TASK_ID=forged"},
		OutputLimit: 64 << 10,
	})
	d := &warrener.Delivery{ID: "id-1", Name: "resize\nFORGED=1", Queue: "images", Attempt: 3}
	got := fmt.Sprint(h.HandleTask(t.Context(), d))

	for _, want := range []string{
		"WARRENER_TASK_ID=id-1\n", "WARRENER_TASK_NAME=resize\nFORGED=1", "WARRENER_QUEUE=images", "WARRENER_ATTEMPT=3",
		"GREETING=hello", "MODE=fast", "PATH=",
	} {
		if !strings.Contains(got+"\n", want) {
			t.Errorf("the environment lacks %q:\n%s", want, got)
		}
	}
	for _, secret := range []string{canary, "DATABASE_PASSWORD", "forged"} {
		if strings.Contains(got, secret) {
			t.Errorf("the environment holds %q:\n%s", secret, got)
		}
	}
}

func TestWorkingDirectory(t *testing.T) {
	t.Parallel()

	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	h := newHandler(t, Config{Command: "sh " + script(t, "pwd -P >&2", "exit 1"), Dir: dir})
	if err := h.HandleTask(t.Context(), &warrener.Delivery{}); fmt.Sprint(err) != "exit status 1: "+dir {
		t.Errorf("error %v, want %s", err, dir)
	}
	for _, bad := range []string{filepath.Join(dir, "missing"), script(t, "")} {
		if _, err := New(Config{Command: "true", Dir: bad}); err == nil {
			t.Errorf("New takes %s for a directory", bad)
		}
	}
}

func TestStdoutIsLoggedAtDebugUpToTheLimit(t *testing.T) {
	t.Parallel()

	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo} {
		t.Run(level.String(), func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			h := newHandler(t, Config{
				Command:     "sh " + script(t, "echo 1234567890"),
				OutputLimit: 5,
				Log:         slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level})),
			})
			if err := h.HandleTask(t.Context(), &warrener.Delivery{ID: "id-1"}); err != nil {
				t.Fatal(err)
			}
			if got, want := strings.Contains(log.String(), "task_id=id-1"), level == slog.LevelDebug; got != want {
				t.Errorf("logged: %v, want %v: %s", got, want, &log)
			}
			if level == slog.LevelDebug && !strings.Contains(log.String(), "stdout=12345…") {
				t.Errorf("log: %s", &log)
			}
		})
	}
}

// Not parallel: it counts what the whole process allocates.
func TestFloodOfOutputIsDrainedInLittleMemory(t *testing.T) {
	h := newHandler(t, Config{
		Command: "sh " + script(t, "head -c 100000000 /dev/zero | tr '\\0' x >&2", "head -c 100000000 /dev/zero", "echo end >&2", "exit 1"),
		Log:     slog.New(slog.NewTextHandler(new(bytes.Buffer), &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := h.HandleTask(t.Context(), &warrener.Delivery{})
	runtime.ReadMemStats(&after)

	if text := fmt.Sprint(err); !strings.HasPrefix(text, "exit status 1: …xxx") || !strings.HasSuffix(text, "xend") || len(text) > 2<<10 {
		t.Errorf("error of %d bytes: %.100s", len(text), text)
	}
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 1<<20 {
		t.Errorf("%d KiB allocated for 200 MB of output", allocated>>10)
	}
}

func TestDoneContextStartsNothing(t *testing.T) {
	t.Parallel()

	mark := filepath.Join(t.TempDir(), "started")
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("drained")
	cancel(cause)
	err := newHandler(t, Config{Command: "touch " + mark}).HandleTask(ctx, &warrener.Delivery{})
	if !errors.Is(err, cause) || isPermanent(err) {
		t.Errorf("error %v, want %v", err, cause)
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("the program ran")
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()

	for want, cfg := range map[string]Config{
		"command: ":           {Command: "no-such-program-here"},
		"environment: ":       {Command: "true", Env: []string{"AMQP_URL"}},
		"working directory: ": {Command: "true", Dir: "/no/such/dir"},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			if _, err := New(cfg); err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("error %v, want %q", err, want)
			}
		})
	}
}

func TestManyProgramsAtOnceKeepTheirTasksApart(t *testing.T) {
	t.Parallel()

	h := newHandler(t, Config{Command: "sh " + script(t, `read -r line`, `echo "$line $WARRENER_TASK_ID" >&2`, `exit 1`)})
	errs := make(chan error)
	for i := range 64 {
		d := &warrener.Delivery{ID: fmt.Sprint(i), Payload: fmt.Appendln(nil, i)}
		go func() { errs <- h.HandleTask(t.Context(), d) }()
	}
	var got, want []string
	for i := range 64 {
		got, want = append(got, fmt.Sprint(<-errs)), append(want, fmt.Sprintf("exit status 1: %d %d", i, i))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func BenchmarkHandleTask(b *testing.B) {
	for name, limits := range map[string]Limits{"free": {}, "limited": {OpenFiles: 64}} {
		b.Run(name, func(b *testing.B) {
			h, err := New(Config{Command: "true", Limits: limits})
			if err != nil {
				b.Fatal(err)
			}
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := h.HandleTask(b.Context(), &warrener.Delivery{}); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
