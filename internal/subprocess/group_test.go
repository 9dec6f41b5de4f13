//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package subprocess

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/warrener/warrener"
)

// TestMain lets a test run this binary as something else.
func TestMain(m *testing.M) {
	switch os.Getenv("WARRENER_TEST") {
	case "escape":
		escape()
	case "worker":
		work(os.Getenv("WARRENER_TEST_COMMAND"))
	default:
		os.Exit(m.Run())
	}
}

// work runs one task, as a worker would.
func work(command string) {
	h, err := New(Config{Command: command})
	if err == nil {
		err = h.HandleTask(context.Background(), &warrener.Delivery{}) //nolint:forbidigo // this is a main
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// escape leaves the group of its parent, as a daemon does, and lives on for a while.
func escape() {
	line := os.NewFile(9, "line")
	if _, err := syscall.Setsid(); err != nil {
		fmt.Fprintln(line, err)
	}
	fmt.Fprintln(line, "escaped")
	os.WriteFile(os.Getenv("UP"), nil, 0o600) //nolint:errcheck // the test waits for it
	<-time.After(patience)
}

// patience is far above what anything here takes, and far below what the programs would last by themselves.
const patience = 20 * time.Second

// line is a pipe that a program and all its children hold open: its end is their end.
type line struct {
	path string
	r    *bufio.Reader
}

// newLine returns a line and the script's line to hold it. Every process that the script starts inherits it.
func newLine(t *testing.T) (l *line, hold string) {
	t.Helper()
	l = &line{path: filepath.Join(t.TempDir(), "line")}
	if err := syscall.Mkfifo(l.path, 0o600); err != nil {
		t.Fatal(err)
	}
	return l, "exec 9>" + l.path
}

// await waits until a program writes to the line.
func (l *line) await(t *testing.T, want string) {
	t.Helper()
	if l.r == nil {
		f, err := os.Open(l.path) // waits for a program
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() }) //nolint:errcheck // it is only read
		if err := f.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		l.r = bufio.NewReader(f)
	}
	if got, err := l.r.ReadString('\n'); strings.TrimSpace(got) != want {
		t.Fatalf("the program says %q, %v, want %q", got, err, want)
	}
}

// end waits until no process holds the line and returns what was said last.
func (l *line) end(t *testing.T) string {
	t.Helper()
	rest, err := io.ReadAll(l.r)
	if err != nil {
		t.Errorf("processes are left: %v", err)
	}
	return strings.TrimSpace(string(rest))
}

// handle runs the task and returns its error once HandleTask returns.
func handle(ctx context.Context, h *Handler) <-chan error {
	done := make(chan error, 1)
	go func() { done <- h.HandleTask(ctx, &warrener.Delivery{}) }()
	return done
}

func returned(t *testing.T, done <-chan error) error {
	t.Helper()
	select {
	case err := <-done:
		return err
	case <-time.After(patience):
		t.Fatal("HandleTask does not return")
		return nil
	}
}

func TestEndOfContextEndsTheWholeTree(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		grace  time.Duration
		script []string
	}{
		"obeys":   {patience / 4, []string{"sh -c 'sh -c \"sleep 60\" & sleep 60' &", "sleep 60 &", "echo up >&9", "wait"}},
		"ignores": {50 * time.Millisecond, []string{"trap '' TERM", "sleep 60 &", "echo up >&9", "while :; do sleep 60; done"}},
		"stopped": {50 * time.Millisecond, []string{"sleep 60 &", "echo up >&9", "kill -STOP $$"}},
		// Many a program ends well when it is told to end, with its work half done.
		"says it is done": {patience / 4, []string{"sleep 60 &", "trap 'exit 0' TERM", "echo up >&9", "wait"}},
		// Nothing that is wrong with the task.
		"gives up for ever": {patience / 4, []string{"sleep 60 &", "trap 'exit 65' TERM", "echo up >&9", "wait"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			line, hold := newLine(t)
			h := newHandler(t, Config{Command: "sh " + script(t, append([]string{hold}, tt.script...)...), KillGrace: tt.grace})
			ctx, cancel := context.WithCancelCause(t.Context())
			done := handle(ctx, h)
			line.await(t, "up")
			cause := errors.New("drained")
			cancel(cause)
			if err := returned(t, done); !errors.Is(err, cause) || isPermanent(err) {
				t.Errorf("error %v, want another attempt because of %v", err, cause)
			}
			line.end(t)
		})
	}
}

func TestTimeoutIsTold(t *testing.T) {
	t.Parallel()

	line, hold := newLine(t)
	h := newHandler(t, Config{Command: "sh " + script(t, hold, "echo up >&9", "exec sleep 60")})
	ctx, cancel := context.WithCancelCause(t.Context())
	done := handle(ctx, h)
	line.await(t, "up")
	cancel(context.DeadlineExceeded)
	err := returned(t, done)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "signal: terminated") {
		t.Errorf("error %v", err)
	}
}

// A shell dies of the signal at once; what it runs may still put its things in order.
func TestChildrenHaveTheGraceAsWell(t *testing.T) {
	t.Parallel()

	line, hold := newLine(t)
	child := script(t, `trap 'sleep 0.3; echo in order >&9; exit' TERM`, `echo up >&9`, `while :; do sleep 0.05; done`)
	h := newHandler(t, Config{Command: "sh " + script(t, hold, "sh "+child+" &", "wait"), KillGrace: patience / 4})
	ctx, cancel := context.WithCancel(t.Context())
	done := handle(ctx, h)
	line.await(t, "up")
	cancel()
	returned(t, done) //nolint:errcheck // what it says is another test's
	if got := line.end(t); got != "in order" {
		t.Errorf("the child said %q at its end", got)
	}
}

func TestNothingIsLeftOfAGroupWhoseProgramHasEnded(t *testing.T) {
	t.Parallel()

	line, hold := newLine(t)
	up := line.path + ".up"
	h := newHandler(t, Config{Command: "sh " + script(t, hold,
		"sleep 60 &",
		"sh -c 'trap \"\" TERM; echo up >&9; : >"+up+"; sleep 60; sleep 60' &",
		"until [ -e "+up+" ]; do sleep 0.01; done",
		"exit 0")})
	done := handle(t.Context(), h)
	line.await(t, "up")
	if err := returned(t, done); err != nil {
		t.Error(err)
	}
	line.end(t)
}

// What has left the group is out of reach, but it cannot hold up the worker with the pipe that it inherited.
func TestEscapedProcessDoesNotHoldUpTheWorker(t *testing.T) {
	t.Parallel()

	line, hold := newLine(t)
	escape := "WARRENER_TEST=escape " + os.Args[0] + " &"
	h := newHandler(t, Config{Command: "sh " + script(t, hold, escape, "until [ -e "+line.path+".up ]; do sleep 0.01; done", "echo bye >&2", "exit 1"),
		Env: []string{"UP=" + line.path + ".up"}})
	started := time.Now()
	done := handle(t.Context(), h)
	line.await(t, "escaped")
	if err := returned(t, done); fmt.Sprint(err) != "exit status 1: bye" {
		t.Errorf("error %v", err)
	}
	if took := time.Since(started); took > patience/2 {
		t.Errorf("took %v", took)
	}
}

// Threads end with the goroutines that were locked to them, and a program must not end with the thread that started it.
// Not parallel: it wears out threads that others could be running on.
func TestProgramOutlivesOtherThreads(t *testing.T) {
	end := filepath.Join(t.TempDir(), "end")
	h := newHandler(t, Config{Command: "sh " + script(t, "until [ -e "+end+" ]; do sleep 0.1; done")})
	programs := make([]<-chan error, 50)
	var threads sync.WaitGroup
	for i := range programs {
		programs[i] = handle(t.Context(), h)
		for range 20 {
			threads.Go(runtime.LockOSThread) // never unlocked
		}
	}
	threads.Wait()
	if err := os.WriteFile(end, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, done := range programs {
		if err := returned(t, done); err != nil {
			t.Error(err)
		}
	}
}
