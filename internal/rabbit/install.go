package rabbit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/warrener/warrener/internal/rabbit/flock"
)

// Install installs a package on Debian and its kin, as root, for tests that need more than Go. It does nothing where
// there, asked while no other process of ours installs, finds the package already there. A service that the package
// would start for the whole machine is not started.
func Install(ctx context.Context, pkg string, there func() bool, progress io.Writer) error {
	apt, err := exec.LookPath("apt-get")
	if err != nil {
		return errors.New("this system has no apt-get")
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("only root may run apt-get install %s", pkg)
	}
	lock, err := flock.Acquire(ctx, os.TempDir(), "warrener-rabbit-install") // apt-get waits for dpkg's lock, but not for its lists'
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	if there() {
		return nil // another process of ours was faster
	}
	start, err := denyStart("/usr/sbin/policy-rc.d")
	if err != nil {
		return err
	}
	fmt.Fprintf(progress, "installing %s with apt-get\n", pkg)
	err = aptGet(ctx, apt, "update")
	if err == nil {
		err = aptGet(ctx, apt, "install", "-y", "--no-install-recommends", pkg)
	}
	return errors.Join(err, start())
}

func aptGet(ctx context.Context, apt string, args ...string) error {
	args = append([]string{"-o", "DPkg::Lock::Timeout=300"}, args...)
	cmd := exec.CommandContext(ctx, apt, args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("apt-get %s: %w: %s", strings.Join(args[2:], " "), err, tail(out, 10))
	}
	return nil
}

// denyStart tells Debian's packages, in their documented way, not to start services, until allow is
// called. Where a policy exists already, as in containers, that one stands.
func denyStart(policy string) (allow func() error, err error) {
	f, err := os.OpenFile(policy, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755) //nolint:gosec // a script, to be executed
	if errors.Is(err, os.ErrExist) {
		return func() error { return nil }, nil
	}
	if err != nil {
		return nil, fmt.Errorf("keep apt-get from starting a service: %w", err)
	}
	_, err = f.WriteString("#!/bin/sh\nexit 101\n")
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("keep apt-get from starting a service: %w", err), os.Remove(policy))
	}
	return func() error { return os.Remove(policy) }, nil
}

// tail returns the last lines of what a program printed.
func tail(out []byte, lines int) string {
	all := strings.Split(strings.TrimSpace(string(out)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
