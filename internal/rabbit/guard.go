package rabbit

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"syscall"
)

// guard is a shell that cleans up after a broker if our process ends without having done so, by
// whatever end: a panic, os.Exit, kill -9. It waits at the other end of a pipe that only we hold.
type guard struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
}

// startGuard starts a guard that runs script, with args as $1 and so on, if we end before release.
func startGuard(ctx context.Context, environ []string, script string, args ...string) (*guard, error) {
	script = "read -r released && exit 0\n" + script
	args = append([]string{"-c", script, "guard"}, args...)
	cmd := exec.CommandContext(context.WithoutCancel(ctx), "/bin/sh", args...)
	cmd.Env = environ
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C in the terminal is for us, not for the guard
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start guard: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start guard: %w", err)
	}
	return &guard{cmd, stdin}, nil
}

// release tells the guard that nothing is left to clean up.
func (g *guard) release() error {
	if g == nil {
		return nil
	}
	if _, err := io.WriteString(g.stdin, "released\n"); err != nil {
		return fmt.Errorf("release guard: %w", err)
	}
	return g.cmd.Wait()
}
