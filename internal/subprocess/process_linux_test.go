package subprocess

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/warrener/warrener"
)

func TestProgramDiesWithAKilledWorker(t *testing.T) {
	t.Parallel()

	line, hold := newLine(t)
	worker := exec.Command(os.Args[0])
	worker.Env = append(os.Environ(), "WARRENER_TEST=worker",
		"WARRENER_TEST_COMMAND=sh "+script(t, hold, "echo up >&9", "exec sleep 60"))
	if err := worker.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { worker.Process.Kill() }) //nolint:errcheck // it may be gone
	line.await(t, "up")
	if err := worker.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	worker.Wait() //nolint:errcheck // it was killed
	line.end(t)
}

func TestLimits(t *testing.T) {
	t.Parallel()

	show := script(t, "ulimit -t; ulimit -Ht; ulimit -v; ulimit -f; ulimit -n; ulimit -c", "exit 1")
	h := newHandler(t, Config{
		Command: "sh -c 'exec >&2; . \"$0\"' " + show,
		Limits:  Limits{CPU: 1500 * time.Millisecond, Memory: 1 << 30, FileSize: 1 << 20, OpenFiles: 33},
	})
	want := "exit status 1: 2\n3\n1048576\n2048\n33\n0"
	for range 20 { // they hold from the first instruction, not most of the time
		if err := h.HandleTask(t.Context(), &warrener.Delivery{}); fmt.Sprint(err) != want {
			t.Fatalf("error %q, want %q", err, want)
		}
	}
}

func TestLimitsOnlyLower(t *testing.T) {
	t.Parallel()

	h := newHandler(t, Config{Command: "sh -c 'ulimit -Hn >&2; exit 1'", Limits: Limits{OpenFiles: 1 << 62}})
	var own syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &own); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("exit status 1: %d", own.Max)
	if err := h.HandleTask(t.Context(), &warrener.Delivery{}); fmt.Sprint(err) != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestProgramOverItsLimitIsTriedAgain(t *testing.T) {
	t.Parallel()

	h := newHandler(t, Config{Command: "sh -c 'while :; do :; done'", Limits: Limits{CPU: time.Second}})
	err := returned(t, handle(t.Context(), h))
	if err == nil || isPermanent(err) || !strings.Contains(err.Error(), "signal: ") {
		t.Errorf("error %v", err)
	}
}

func TestLimitedProgramIsToldToEnd(t *testing.T) {
	t.Parallel()

	line, hold := newLine(t)
	h := newHandler(t, Config{
		Command: "sh " + script(t, hold, "sleep 60 &", "echo up >&9", "wait"),
		Limits:  Limits{OpenFiles: 64},
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := handle(ctx, h)
	line.await(t, "up")
	cancel()
	if err := returned(t, done); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	line.end(t)
}
