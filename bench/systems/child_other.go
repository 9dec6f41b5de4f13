//go:build !linux

package systems

import "syscall"

// Child lets a process have a group of its own, so that an interrupt of the measurement does not reach it before we end it
// in order. A nil owner is ours.
func Child(owner *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: owner}
}
