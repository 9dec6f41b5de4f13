package measure

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"github.com/warrener/warrener/bench/systems"
	"github.com/warrener/warrener/bench/tally"
)

const (
	look      = 5 * time.Millisecond // at the tally: a worker's first task is not to be missed for long
	idleFor   = time.Minute          // that nothing may happen to tasks which wait
	stopGrace = 10 * time.Second
)

var errNothingSaid = errors.New("exit status 0")

// worker is a process of the system, with what it starts.
type worker struct {
	cmd    *exec.Cmd
	output bytes.Buffer // to be read once the process has ended
	began  time.Time
	exited chan struct{} // closed when ended is known
	ended  error
}

// start starts a worker process.
func (d *bed) start(ctx context.Context) (*worker, error) {
	cmd, err := d.command(ctx)
	if err != nil {
		return nil, err
	}
	w := &worker{cmd: cmd, exited: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &w.output, &w.output
	cmd.SysProcAttr = systems.Child(nil)
	w.began = time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() { // stop waits for it
		w.ended = cmd.Wait()
		close(w.exited)
	}()
	d.workers = append(d.workers, w)
	return w, nil
}

func (d *bed) command(ctx context.Context) (*exec.Cmd, error) {
	if d.System.Command != nil {
		return d.System.Command(ctx, d.config)
	}
	return exec.CommandContext(context.WithoutCancel(ctx), d.Worker, "-system", d.System.Name, "-url", d.config.URL,
		"-queue", d.config.Queue, "-slots", strconv.Itoa(d.config.Slots), "-dir", d.config.Dir), nil
}

// await looks at what the workers note until it is so, and fails when they have stopped getting on or one has ended.
func (d *bed) await(ctx context.Context, so func(tally.Sum) bool) (tally.Sum, error) {
	tick := time.NewTicker(look)
	defer tick.Stop()
	var before tally.Sum
	moved := time.Now()
	for {
		sum, err := tally.Read(d.config.Dir)
		if err != nil || so(sum) {
			return sum, err
		}
		if sum.Started != before.Started || sum.Ended != before.Ended {
			before, moved = sum, time.Now()
		}
		if time.Since(moved) > idleFor {
			return sum, fmt.Errorf("%d tasks started and %d ended, then nothing for %s", sum.Started, sum.Ended, idleFor)
		}
		if err := d.alive(); err != nil {
			return sum, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return sum, ctx.Err()
		}
	}
}

func (d *bed) alive() error {
	for _, w := range d.workers {
		select {
		case <-w.exited:
			return fmt.Errorf("a worker ended: %w\n%s", cmp.Or(w.ended, errNothingSaid), w.output.Bytes())
		default:
		}
	}
	return nil
}

// stop ends the workers, by SIGTERM if they listen, and whatever they started.
func (d *bed) stop() error {
	var errs []error
	for _, w := range d.workers {
		errs = append(errs, w.stop())
	}
	d.workers = nil
	return errors.Join(errs...)
}

func (w *worker) stop() error {
	group := -w.cmd.Process.Pid
	_ = w.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	select {
	case <-w.exited:
	case <-time.After(stopGrace):
		defer func() { <-w.exited }()
	}
	if err := syscall.Kill(group, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
