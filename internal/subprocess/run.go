package subprocess

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/warrener/warrener"
)

// pipePatience is how long output is still read once the program and its group are gone: someone who left the group
// may hold the pipe open for ever.
const pipePatience = 500 * time.Millisecond

// end is how a program ended.
type end struct {
	state       *os.ProcessState
	interrupted error // why it was told to end, if it was
	err         error // why there is no state
}

// run starts the program in a process group of its own and returns when it has ended and the group is gone.
func (h *Handler) run(ctx context.Context, cmd *exec.Cmd) end {
	if ctx.Err() != nil {
		return end{interrupted: context.Cause(ctx)}
	}
	// The kernel ties a child that is to die with its parent to the thread that started it, not to the process, and
	// ptrace to that thread as well. Locked, the thread lives for as long as this function.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := start(cmd, h.limits); err != nil {
		return end{err: startError(err)}
	}

	var graceOver time.Time
	exited := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() { graceOver = h.interrupt(ctx, cmd.Process.Pid, exited) })
	err := awaitExit(cmd.Process.Pid)
	close(exited)
	watch.Wait()
	if err != nil {
		killGroup(cmd.Process.Pid)
		return end{err: errors.Join(fmt.Errorf("wait for the program: %w", err), cmd.Wait())}
	}
	return h.reap(ctx, cmd, graceOver)
}

// interrupt waits for the program to exit. When ctx ends first, it tells the group to end, kills it once the grace is
// over, and returns when that is; otherwise it returns the zero time.
func (h *Handler) interrupt(ctx context.Context, group int, exited <-chan struct{}) time.Time {
	select {
	case <-exited:
		return time.Time{}
	case <-ctx.Done():
	}
	terminateGroup(group)
	graceOver := time.Now().Add(h.grace)
	grace := time.NewTimer(h.grace)
	defer grace.Stop()
	select {
	case <-exited:
	case <-grace.C:
		killGroup(group)
	}
	return graceOver
}

// reap ends the group of a program that has exited but is not reaped yet, for until then no other group can have its id.
func (h *Handler) reap(ctx context.Context, cmd *exec.Cmd, graceOver time.Time) end {
	if graceOver.IsZero() {
		killGroup(cmd.Process.Pid)
		cmd.WaitDelay = pipePatience
		err := cmd.Wait() // of no account beside a state: it may be about the pipes
		return end{state: cmd.ProcessState, err: err}
	}
	// A shell dies of SIGTERM while its children still put things in order. They have the rest of the grace, and are
	// there for as long as a pipe is open; and while there is one of them, no other group can have the id.
	cmd.WaitDelay = max(time.Until(graceOver), pipePatience)
	err := cmd.Wait()
	killGroup(cmd.Process.Pid)
	return end{state: cmd.ProcessState, err: err, interrupted: context.Cause(ctx)}
}

// verdict says what the end means for the task, in the terms of a handler.
func (e end) verdict(stderr string) error {
	err := e.problem()
	if err != nil && stderr != "" {
		err = fmt.Errorf("%w: %s", err, stderr)
	}
	if e.interrupted == nil && e.state != nil && permanent(e.state.ExitCode()) {
		return warrener.Permanent(err)
	}
	return err
}

func (e end) problem() error {
	switch {
	case e.interrupted != nil && e.state != nil:
		return fmt.Errorf("told to end (%w), %s", e.interrupted, e.state)
	case e.interrupted != nil:
		return fmt.Errorf("not started: %w", e.interrupted)
	case e.state == nil:
		return e.err
	case e.state.Success():
		return nil
	}
	return &exec.ExitError{ProcessState: e.state}
}

// permanent knows EX_USAGE, EX_DATAERR and EX_CONFIG of sysexits.h, and what shells say of a command that they cannot
// run (126) or cannot find (127).
func permanent(status int) bool { return slices.Contains([]int{64, 65, 78, 126, 127}, status) }

// startError makes permanent what another attempt would only repeat. Lack of processes, memory or files passes.
func startError(err error) error {
	lasting := []error{
		fs.ErrNotExist, fs.ErrPermission,
		syscall.ENOEXEC, syscall.ENOTDIR, syscall.ELOOP,
		syscall.E2BIG, // the payload does not fit into an argument
	}
	if slices.ContainsFunc(lasting, func(target error) bool { return errors.Is(err, target) }) {
		return warrener.Permanent(err)
	}
	return err
}
