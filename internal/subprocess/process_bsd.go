//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package subprocess

import (
	"errors"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

func checkPlatform(limits Limits) error {
	if limits != (Limits{}) {
		return errors.New("resource limits of programs are for Linux only")
	}
	return nil
}

// start starts the program as the leader of a new process group. There is no way here to have it die with the worker.
func start(cmd *exec.Cmd, _ Limits) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd.Start()
}

// awaitExit returns when the program has exited, and leaves it unreaped.
func awaitExit(pid int) error {
	kqueue, err := unix.Kqueue()
	if err != nil {
		return err
	}
	defer unix.Close(kqueue) //nolint:errcheck // nothing was written to it
	var exit [1]unix.Kevent_t
	unix.SetKevent(&exit[0], pid, unix.EVFILT_PROC, unix.EV_ADD|unix.EV_ONESHOT)
	exit[0].Fflags = unix.NOTE_EXIT
	for {
		_, err := unix.Kevent(kqueue, exit[:], make([]unix.Kevent_t, 1), nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.ESRCH): // exited before it was asked for
			return nil
		default:
			return err
		}
	}
}
