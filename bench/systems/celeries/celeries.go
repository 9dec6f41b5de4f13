// Package celeries is Celery, measured: a worker and a publisher in Python.
package celeries

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/warrener/warrener/bench/systems"
	"github.com/warrener/warrener/bench/systems/bare"
	"github.com/warrener/warrener/internal/rabbit"
)

//go:embed measured.py
var source []byte

// pool is what Celery runs its tasks in.
type pool struct {
	name        string
	concurrency int // 0: the slots of the workload
	multiplier  int // of the prefetch: so many for each of the concurrency
	drain       int
	sleepers    bool
	settings    string
}

func pools() []pool {
	return []pool{
		{name: "prefork", concurrency: 4, multiplier: 64, drain: 4000, settings: "4 processes, prefetch multiplier 64, -O fair"},
		{name: "threads", multiplier: 5, drain: 4000, settings: "50 threads, prefetch 250"},
		{name: "gevent", multiplier: 5, drain: 1500, sleepers: true, settings: "50 greenlets, prefetch 250"},
	}
}

// Systems are Celery with each pool.
func Systems() []systems.System {
	always := ", acks_late, publisher confirms, no results, no gossip, no mingle, no heartbeat, rate limits disabled"
	var all []systems.System
	for _, p := range pools() {
		all = append(all, systems.System{
			Name: "celery-" + p.name, Title: "Celery, " + p.name, Service: systems.RabbitMQ, Against: "bare-classic",
			Settings: p.settings + always, Drain: p.drain, Sleepers: p.sleepers,
			Version: Version, Missing: missing, Open: open, Command: p.command, Clean: bare.DeleteQueues,
		})
	}
	return all
}

// interpreter returns the interpreter that has Celery: that of the distribution first, for its packages are what is installed.
func interpreter(ctx context.Context) (string, error) {
	for _, candidate := range []string{"/usr/bin/python3", "python3"} {
		if exec.CommandContext(ctx, candidate, "-c", "import celery, gevent").Run() == nil {
			return candidate, nil
		}
	}
	return "", errors.New("no python3 has the packages celery and gevent")
}

// Version is the version of the package that Python has.
func Version(ctx context.Context) (string, error) {
	python, err := interpreter(ctx)
	if err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, python, "-c",
		"import celery, sys; print(celery.__version__, 'on Python', sys.version.split()[0])").Output()
	return strings.TrimSpace(string(out)), err
}

// missing installs it where that can be done.
func missing(ctx context.Context) error {
	has := func() bool {
		_, err := interpreter(ctx)
		return err == nil
	}
	for _, pkg := range []string{"python3-celery", "python3-gevent"} {
		if has() {
			return nil
		}
		if err := rabbit.Install(ctx, pkg, has, os.Stderr); err != nil {
			return fmt.Errorf("it is not installed (Debian's packages python3-celery and python3-gevent are what is missing), and could not be: %w", err)
		}
	}
	_, err := interpreter(ctx)
	return err
}

// program writes the application into the measurement's folder, and returns what runs it.
func program(ctx context.Context, c systems.Config) (python string, environ []string, err error) {
	if python, err = interpreter(ctx); err != nil {
		return "", nil, err
	}
	err = os.WriteFile(filepath.Join(c.Dir, "measured.py"), source, 0o600)
	return python, append(os.Environ(),
		"PYTHONPATH="+c.Dir, "PYTHONDONTWRITEBYTECODE=1", "C_FORCE_ROOT=1",
		"BENCH_URL="+c.URL, "BENCH_QUEUE="+c.Queue, "BENCH_TALLY="+c.Dir,
	), err
}

func (p pool) command(ctx context.Context, c systems.Config) (*exec.Cmd, error) {
	python, environ, err := program(ctx, c)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), python, p.arguments(c)...)
	cmd.Env, cmd.Dir = environ, c.Dir
	return cmd, nil
}

// arguments are those of Python. With very many slots a prefetch of several for each would be more than AMQP can say.
func (p pool) arguments(c systems.Config) []string {
	concurrency, multiplier := p.concurrency, p.multiplier
	if concurrency == 0 {
		concurrency = c.Slots
	}
	if c.Slots > systems.Slots {
		multiplier = 1
	}
	return []string{
		"-m", "celery", "-A", "measured", "worker", "-P", p.name, "-c", strconv.Itoa(concurrency), "-Q", c.Queue, "-O", "fair",
		"--prefetch-multiplier", strconv.Itoa(multiplier), "-l", "ERROR", "--without-gossip", "--without-mingle", "--without-heartbeat",
	}
}

// publisher starts a program for each order.
type publisher struct {
	python  string
	environ []string
	file    string
}

func open(ctx context.Context, c systems.Config) (systems.Publisher, error) {
	python, environ, err := program(ctx, c)
	return publisher{python, environ, filepath.Join(c.Dir, "measured.py")}, err
}

func (p publisher) Fill(ctx context.Context, count int, t systems.Task) error {
	return p.order(ctx, count, 0, t)
}

func (p publisher) Pace(ctx context.Context, count int, every time.Duration, t systems.Task) error {
	return p.order(ctx, count, every, t)
}

func (p publisher) Close() error { return nil }

func (p publisher) order(ctx context.Context, count int, every time.Duration, t systems.Task) error {
	order, err := json.Marshal(map[string]any{"count": count, "every": every, "task": t})
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, p.python, p.file, string(order))
	cmd.Env = p.environ
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("publish with Celery: %w\n%s", err, out)
	}
	return nil
}
