package subprocess

import (
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func checkPlatform(Limits) error { return nil }

// start starts the program as the leader of a new process group, to be killed when the calling thread ends.
//
// Limits are set while the program stands still before its first instruction, which takes ptrace: set any later, a
// child that was quick would escape them. The caller stays on its thread, for only that may let go of the program.
func start(cmd *exec.Cmd, limits Limits) error {
	limited := limits != Limits{}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Ptrace: limited}
	err := cmd.Start()
	if !limited || err != nil {
		return err
	}
	if err := limits.apply(cmd.Process.Pid); err != nil {
		killGroup(cmd.Process.Pid)
		return errors.Join(fmt.Errorf("limit resources: %w", err), cmd.Wait())
	}
	return nil
}

// apply limits a program that stops at its first instruction, and lets it go.
func (l Limits) apply(pid int) error {
	var stop unix.Siginfo
	if err := waitid(pid, &stop, unix.WSTOPPED|unix.WEXITED|unix.WNOWAIT); err != nil {
		return err
	}
	const trapped = 4 // CLD_TRAPPED
	if stop.Code != trapped {
		return nil // killed by someone before it began; whoever waits for it will hear
	}
	for resource, value := range l.values() {
		var limit unix.Rlimit
		if err := unix.Prlimit(pid, resource, nil, &limit); err != nil {
			return fmt.Errorf("read limit %d: %w", resource, err)
		}
		limit.Max = min(limit.Max, value.Max) // what is stricter already stays so
		limit.Cur = min(limit.Max, value.Cur)
		if err := unix.Prlimit(pid, resource, &limit, nil); err != nil {
			return fmt.Errorf("set limit %d: %w", resource, err)
		}
	}
	return unix.PtraceDetach(pid)
}

func (l Limits) values() map[int]unix.Rlimit {
	values := map[int]unix.Rlimit{unix.RLIMIT_CORE: {}}
	if l.CPU > 0 {
		seconds := uint64((l.CPU + time.Second - 1) / time.Second)
		values[unix.RLIMIT_CPU] = unix.Rlimit{Cur: seconds, Max: seconds + 1}
	}
	sizes := map[int]uint64{unix.RLIMIT_AS: l.Memory, unix.RLIMIT_FSIZE: l.FileSize, unix.RLIMIT_NOFILE: l.OpenFiles}
	for resource, size := range sizes {
		if size > 0 {
			values[resource] = unix.Rlimit{Cur: size, Max: size}
		}
	}
	return values
}

// awaitExit returns when the program has exited, and leaves it unreaped.
func awaitExit(pid int) error { return waitid(pid, nil, unix.WEXITED|unix.WNOWAIT) }

func waitid(pid int, info *unix.Siginfo, options int) error {
	for {
		if err := unix.Waitid(unix.P_PID, pid, info, options, nil); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
