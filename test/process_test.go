package test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// call is how a program is started. Its environment is what is given and nothing else but PATH and the like.
type call struct {
	program string
	args    []string
	env     []string
	stdin   io.Reader
}

func producer(t testing.TB, url string, args ...string) call {
	t.Helper()
	return call{program: built(t, "producer"), args: args, env: []string{"WARRENER_URL=" + url}}
}

func worker(t testing.TB, url string, args ...string) call {
	t.Helper()
	return call{program: built(t, "worker"), args: append([]string{"run"}, args...), env: []string{"WARRENER_URL=" + url}}
}

// process is a program that was started. It is killed at the end of the test, if it still runs then.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr output
	exited         chan struct{}
}

func (c call) start(t testing.TB) *process {
	t.Helper()
	p := &process{
		cmd:    exec.CommandContext(context.WithoutCancel(t.Context()), c.program, c.args...),
		exited: make(chan struct{}),
	}
	p.cmd.Env = c.env
	for _, name := range []string{"PATH", "HOME", "TMPDIR"} {
		p.cmd.Env = append(p.cmd.Env, name+"="+os.Getenv(name))
	}
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = c.stdin, &p.stdout, &p.stderr
	p.cmd.WaitDelay = time.Second // a grandchild may keep the output open
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", c.program, err)
	}
	go func() {
		defer close(p.exited)
		_ = p.cmd.Wait() // its exit code is in the state
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // most have ended
		<-p.exited
		if t.Failed() {
			t.Logf("%s\nstdout: %s\nstderr: %s", p, tail(p.stdout.String()), tail(p.stderr.String()))
		}
	})
	return p
}

// run starts the program and waits for its end.
func (c call) run(t testing.TB) *process {
	t.Helper()
	return c.runWithin(t, time.Minute)
}

func (c call) runWithin(t testing.TB, d time.Duration) *process {
	t.Helper()
	p := c.start(t)
	p.wait(t, d)
	return p
}

// wait returns the exit code.
func (p *process) wait(t testing.TB, within time.Duration) int {
	t.Helper()
	select {
	case <-p.exited:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(within):
		t.Fatalf("%s still runs after %s", p, within)
		return -1
	}
}

func (p *process) signal(t testing.TB, sig os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatalf("send %s to %s: %v", sig, p, err)
	}
}

// terminate asks the program to end, and wants it to do so with exit code 0.
func (p *process) terminate(t testing.TB, within time.Duration) {
	t.Helper()
	p.signal(t, syscall.SIGTERM)
	if code := p.wait(t, within); code != 0 {
		t.Fatalf("%s ended with %d on SIGTERM", p, code)
	}
}

// code is the exit code of a program that has ended.
func (p *process) code() int { return p.cmd.ProcessState.ExitCode() }

// lines are those of stdout.
func (p *process) lines() []string { return strings.Fields(p.stdout.String()) }

func (p *process) String() string {
	args := strings.Join(p.cmd.Args, " ")
	return args[strings.LastIndexByte(p.cmd.Path, '/')+1:]
}

// output is what a program wrote, to be read while it still writes.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// tail is the end of a long text.
func tail(text string) string { return text[max(0, len(text)-4000):] }
