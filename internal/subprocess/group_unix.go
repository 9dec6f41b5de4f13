//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package subprocess

import "syscall"

// A group that is gone already is as good as ended, so neither has an error to return.

func terminateGroup(group int) { _ = syscall.Kill(-group, syscall.SIGTERM) }

func killGroup(group int) { _ = syscall.Kill(-group, syscall.SIGKILL) }
