package systems

import "syscall"

// Child lets a process have a group of its own, so that an interrupt of the measurement does not reach it before we end it
// in order, and end with us, should we be killed. A nil owner is ours.
func Child(owner *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Credential: owner}
}
